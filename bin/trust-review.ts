// `trust review`: reads what is in Azure and judges it against the policy; for people as Markdown, for
// programs as JSON and SARIF.
import { readYaml } from '../src/policy/source.ts'
import { readActual } from '../src/trust/read-actual.ts'
import { readReviewFacts } from '../src/trust/review-facts.ts'
import { reviewTrust } from '../src/trust/review.ts'
import { inTenant } from '../src/trust/tenant.ts'
import {
  azureOptions,
  loadPlanned,
  read,
  shared,
  usage,
  withAzure,
  type TrustIo,
} from './trust-input.ts'
import { writeReview, writeReviewSarif, type Review } from './trust-review-text.ts'

const dayMs = 24 * 60 * 60 * 1000
const unusedDaysByDefault = '90'

/** Runs `trust review`; resolves to the exit code. */
export async function runReview(args: string[], io: TrustIo): Promise<number> {
  const { values, file } = read(args, {
    ...shared,
    ...azureOptions,
    format: { type: 'string' },
    strict: { type: 'boolean' },
    'unused-days': { type: 'string' },
  } as const)
  const { format = 'markdown', 'unused-days': days = unusedDaysByDefault } = values
  if (!['markdown', 'json', 'sarif'].includes(format))
    throw usage('--format is markdown, json or sarif.')
  if (!/^[1-9]\d{0,2}$/.test(days)) throw usage('--unused-days is a number from 1 to 999.')
  const unusedDays = Number(days)
  const { desired, text } = loadPlanned(io, file, values)
  const review = await withAzure(io, desired, values, async (deps, tenantId): Promise<Review> => {
    const here = inTenant(desired, tenantId)
    const actual = await readActual(deps, here, tenantId)
    const now = deps.now()
    const since = new Date(now.getTime() - unusedDays * dayMs)
    const facts = await readReviewFacts(deps, { desired: here, actual }, since)
    const findings = reviewTrust({ desired: here, actual, facts, unusedDays })
    const source = readYaml(text, 'policy file')
    const placed = findings.map((each) => ({ ...each, uri: file, ...source.locate(each.path) }))
    return { at: now.toISOString(), tenantId, file, findings: placed, actual, unusedDays }
  })
  if (format === 'sarif') io.write(writeReviewSarif(review))
  else if (format === 'json') {
    const { at, tenantId, findings } = review
    io.write(`${JSON.stringify({ at, tenantId, findings })}\n`)
  } else io.write(writeReview(review))
  const bad = values.strict ? ['error', 'warning'] : ['error']
  return review.findings.some(({ severity }) => bad.includes(severity)) ? 6 : 0
}
