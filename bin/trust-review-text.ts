// What `trust review` prints. Names come from Azure, where anybody may have chosen them: none of them can
// become markup of the report.
import { version } from '../src/core/version.ts'
import type { ActualState } from '../src/trust/actual.ts'
import type { KeysAnswer, RecordedReview } from '../src/trust/admin-api.ts'
import type { Path } from '../src/trust/finding.ts'
import type { AskedInstances, NamedRepository } from '../src/trust/review-repositories.ts'
import { reviewRules, type ReviewFinding } from '../src/trust/review-rules.ts'
import type { EarlierFinding, EarlierReview } from '../src/trust/review-since.ts'
import { toSarif } from '../src/trust/sarif.ts'

/** Forms of a report. */
export type ReviewFormat = 'markdown' | 'json' | 'sarif'

/** A finding, where in the policy file it is, and since when it is known if an earlier review had it. */
export type PlacedReviewFinding = ReviewFinding & {
  uri: string
  line: number
  column: number
  knownSince?: string
}

/** One review: when, of what, and what was found. */
export type Review = {
  /** ISO 8601. */
  at: string
  tenantId: string
  file: string
  policySha256: string
  findings: PlacedReviewFinding[]
  /** What it was compared with, and what became of that. */
  earlier?: EarlierReview
  solved: EarlierFinding[]
  unseen: EarlierFinding[]
  /** The review on record before this one, where it was asked for. */
  last: RecordedReview | 'none' | undefined
  looked: {
    actual: ActualState
    repositories: { named: readonly NamedRepository[]; asked: AskedInstances }
    keys: KeysAnswer | string
    unusedDays: number
  }
}

const titles = { error: 'Errors', warning: 'Warnings', note: 'Notes' } as const

/** The whole report, with its last line's end. */
export function writeReviewAs(format: ReviewFormat, review: Review): string {
  switch (format) {
    case 'json':
      return writeReviewJson(review)
    case 'sarif':
      return writeReviewSarif(review)
    default:
      return writeReview(review)
  }
}

/** How many findings there are of each severity. */
export function countFindings(findings: readonly Pick<ReviewFinding, 'severity'>[]): {
  errors: number
  warnings: number
  notes: number
} {
  const count = (severity: string) => findings.filter((each) => each.severity === severity).length
  return { errors: count('error'), warnings: count('warning'), notes: count('note') }
}

function writeReviewJson(review: Review): string {
  const { at, tenantId, policySha256, findings, earlier, solved, unseen, last } = review
  const since = earlier ? { since: earlier.at, findings, solved, unseen } : { findings }
  const lastReview = last === 'none' ? null : last
  return `${JSON.stringify({ at, tenantId, policySha256, lastReview, ...since })}\n`
}

function writeReview(review: Review): string {
  const { at, tenantId, file, policySha256, findings, earlier, solved, unseen } = review
  const { errors, warnings, notes } = countFindings(findings)
  const lines = [
    `# Review of trust in Azure`,
    '',
    `${at} · tenant ${tenantId} · policy ${plain(file)} (SHA-256 ${policySha256})`,
    ...tellBefore(review),
    '',
    `**${errors} error(s), ${warnings} warning(s), ${notes} note(s).**`,
    '',
    ...(['error', 'warning', 'note'] as const).flatMap((severity) => {
      const own = findings.filter((each) => each.severity === severity)
      if (own.length === 0) return []
      return [
        `## ${titles[severity]}`,
        '',
        ...own.flatMap(({ code, message, fix, path, line, knownSince }) => [
          `- **${reviewRules[code].title}** \`${code}\`${tellPlace(path, line)}${earlier ? tellAge(knownSince) : ''}`,
          `  ${plain(message)}`,
          `  What to do: ${fix}`,
        ]),
        '',
      ]
    }),
    ...tellGone('Solved', solved),
    ...tellGone('Found before, and not looked at this time', unseen),
    '## What was looked at',
    '',
    ...tellLooked(review),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function tellBefore({ earlier, last, findings, solved }: Review): string[] {
  if (earlier) {
    const fresh = findings.filter(({ knownSince }) => knownSince === undefined).length
    const known = findings.length - fresh
    return [
      `Compared with the review of ${earlier.at}: ${fresh} new, ${known} known, ${solved.length} solved.`,
    ]
  }
  if (last === undefined) return []
  if (last === 'none') return ['No review is on record at the trust service before this one.']
  const { at, by, reportSha256, errors, warnings, notes } = last
  return [
    `The last review on record was that of ${at} by ${plain(by)}: ${errors} error(s), ${warnings} warning(s), ${notes} note(s), report ${reportSha256}.`,
  ]
}

// Of what is nowhere in the policy file no line is told.
function tellPlace(path: Path, line: number): string {
  return path.length > 0 ? `, line ${line}` : ''
}

function tellAge(knownSince: string | undefined): string {
  return knownSince === undefined ? ', new' : `, known since ${knownSince.slice(0, 10)}`
}

function tellGone(title: string, gone: readonly EarlierFinding[]): string[] {
  if (gone.length === 0) return []
  const lines = gone.flatMap(({ code, message }) => [
    `- **${reviewRules[code].title}** \`${code}\``,
    `  ${plain(message)}`,
  ])
  return [`## ${title}`, '', ...lines, '']
}

function tellLooked({ findings, looked }: Review): string[] {
  const { actual, repositories, keys, unusedDays } = looked
  const { applications, managedIdentities, credentials, roleAssignments, accounts } = actual
  const { named, asked } = repositories
  const answered = named.filter(({ instance }) => typeof asked.get(instance) === 'object')
  const knowsSignIns = findings.every(({ code }) => code !== 'review_sign_ins_unread')
  return [
    `- ${applications.length} application(s) and ${managedIdentities.length} managed identity(ies) with ${credentials.length} federated credential(s)`,
    `- ${roleAssignments.length} role assignment(s) of theirs, in every subscription the policy names`,
    `- ${accounts.length} storage account(s): keys, network, logs, containers and shares`,
    knowsSignIns ? `- sign-ins of the last ${unusedDays} days` : '- no sign-ins',
    `- ${answered.length} of ${named.length} repository(ies) of the policy, in their CI servers`,
    typeof keys === 'string' ? '- no signing keys' : `- ${keys.keys.length} signing key(s)`,
  ]
}

function writeReviewSarif({ findings, earlier }: Review): string {
  const rules = Object.entries(reviewRules).map(([code, rule]) => ({ code, ...rule }))
  const placed = findings.map(({ knownSince, ...each }) => ({
    ...each,
    fingerprint: `${each.code} ${each.message}`,
    baseline: earlier && (knownSince === undefined ? ('new' as const) : ('unchanged' as const)),
  }))
  return `${JSON.stringify(toSarif({ version, rules }, placed), undefined, 2)}\n`
}

function plain(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll(/[\\`*_[\]<>|#]/g, String.raw`\$&`)
}
