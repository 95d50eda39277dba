// `trust review`: reads what is in Azure, in the CI servers and in the trust service, and judges it against
// the policy; for people as Markdown, for programs as JSON and SARIF.
import { sha256Hex } from '../src/core/digest.ts'
import { Fault } from '../src/core/fault.ts'
import { readYaml } from '../src/policy/source.ts'
import type { KeysAnswer } from '../src/trust/admin-api.ts'
import { readActual } from '../src/trust/read-actual.ts'
import { readReviewFacts } from '../src/trust/review-facts.ts'
import { nameRepositories } from '../src/trust/review-repositories.ts'
import {
  compareReviews,
  parseEarlierReview,
  type EarlierReview,
} from '../src/trust/review-since.ts'
import { reviewTrust } from '../src/trust/review.ts'
import type { TrustService } from '../src/trust/service-client.ts'
import { inTenant } from '../src/trust/tenant.ts'
import {
  azureOptions,
  loadPlanned,
  read,
  readText,
  shared,
  usage,
  withAzure,
  type AzureValues,
  type TrustIo,
} from './trust-input.ts'
import { askInstances } from './trust-review-ci.ts'
import {
  countFindings,
  writeReviewAs,
  type Review,
  type ReviewFormat,
} from './trust-review-text.ts'
import { serviceOptions, withService, type ServiceValues } from './trust-service.ts'

const dayMs = 24 * 60 * 60 * 1000
const unusedDaysByDefault = '90'

type Values = AzureValues &
  ServiceValues & { config?: string; gateway?: boolean; since?: string; strict?: boolean }

/** Runs `trust review`; resolves to the exit code. */
export async function runReview(args: string[], io: TrustIo): Promise<number> {
  const { values, file } = read(args, {
    ...shared,
    ...azureOptions,
    ...serviceOptions,
    format: { type: 'string' },
    since: { type: 'string' },
    strict: { type: 'boolean' },
    'unused-days': { type: 'string' },
  } as const)
  const { format = 'markdown', 'unused-days': days = unusedDaysByDefault } = values
  if (!isFormat(format)) throw usage('--format is markdown, json or sarif.')
  if (!/^[1-9]\d{0,2}$/.test(days)) throw usage('--unused-days is a number from 1 to 999.')
  if (values.since === 'last' && values.service === undefined) {
    throw usage('--since last asks the trust service: name its admin door with --service URL.')
  }
  return withService(values, async (service) => {
    const review = await makeReview(io, { service, file, values, unusedDays: Number(days) })
    const text = writeReviewAs(format, review)
    io.write(text)
    const isRecorded = await record(service, review, text)
    const bad = values.strict ? ['error', 'warning'] : ['error']
    if (review.findings.some(({ severity }) => bad.includes(severity))) return 6
    return isRecorded ? 0 : 5
  })
}

function isFormat(text: string): text is ReviewFormat {
  return text === 'markdown' || text === 'json' || text === 'sarif'
}

type Order = {
  service: TrustService | undefined
  file: string
  values: Values
  unusedDays: number
}

async function makeReview(
  io: TrustIo,
  { service, file, values, unusedDays }: Order,
): Promise<Review> {
  const { since } = values
  const { policy, desired, text } = loadPlanned(io, file, values)
  const config = readText(io, values.config ?? '')
  const earlier =
    since === undefined || since === 'last'
      ? undefined
      : parseEarlierReview(readText(io, since), since)
  const last = since === 'last' ? ((await service?.lastReview()) ?? 'none') : undefined
  return withAzure(io, desired, values, async (deps, tenantId): Promise<Review> => {
    if (earlier) assertTenant(earlier, tenantId)
    const here = inTenant(desired, tenantId)
    const actual = await readActual(deps, here, tenantId)
    const now = deps.now()
    const signInsSince = new Date(now.getTime() - unusedDays * dayMs)
    const facts = await readReviewFacts(deps, { desired: here, actual }, signInsSince)
    const named = nameRepositories(policy, tenantId)
    const asked = await askInstances(io, config, named)
    const keys = await readKeys(service)
    const repositories = { named, asked }
    const found = { desired: here, actual, facts, repositories, keys, now, unusedDays }
    const source = readYaml(text, 'policy file')
    const findings = reviewTrust(found).map((each) => ({
      ...each,
      uri: file,
      ...source.locate(each.path),
    }))
    return {
      at: now.toISOString(),
      tenantId,
      file,
      policySha256: sha256Hex(text),
      looked: { actual, repositories, keys, unusedDays },
      last,
      ...(earlier
        ? { ...compareReviews(findings, earlier), earlier }
        : { findings, solved: [], unseen: [] }),
    }
  })
}

function assertTenant({ tenantId: before }: EarlierReview, tenantId: string): void {
  if (before.toLowerCase() === tenantId.toLowerCase()) return
  throw usage(`--since is a review of the tenant ${before}, and this one is of ${tenantId}.`)
}

// A service that is down is no reason to leave Azure unreviewed.
async function readKeys(service: TrustService | undefined): Promise<KeysAnswer | string> {
  if (!service)
    return 'The trust service was not asked for its signing keys: there is no --service.'
  try {
    return await service.keys()
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
}

// What was printed is the report, and not a line more; so this is told beside it.
async function record(
  service: TrustService | undefined,
  review: Review,
  text: string,
): Promise<boolean> {
  if (!service) return true
  const { at, tenantId, policySha256, findings } = review
  const reportSha256 = sha256Hex(text)
  const counts = countFindings(findings)
  try {
    await service.recordReview({ at, tenantId, policySha256, reportSha256, ...counts })
    return true
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    process.stderr.write(
      `This review is not on record at the trust service: ${error.message}\n${error.hint}\n`,
    )
    return false
  }
}
