// What `trust review` prints. Names come from Azure, where anybody may have chosen them: none of them can
// become markup of the report.
import { version } from '../src/core/version.ts'
import type { ActualState } from '../src/trust/actual.ts'
import { reviewRules, type ReviewFinding } from '../src/trust/review-rules.ts'
import { toSarif } from '../src/trust/sarif.ts'

/** One review: when, of what, and what was found. */
export type Review = {
  /** ISO 8601. */
  at: string
  tenantId: string
  file: string
  findings: (ReviewFinding & { uri: string; line: number; column: number })[]
  actual: ActualState
  unusedDays: number
}

const titles = { error: 'Errors', warning: 'Warnings', note: 'Notes' } as const

/** The review for people, as Markdown. */
export function writeReview({ at, tenantId, file, findings, actual, unusedDays }: Review): string {
  const { applications, managedIdentities, credentials, roleAssignments, accounts } = actual
  const count = (severity: string) => findings.filter((each) => each.severity === severity).length
  const lines = [
    `# Review of trust in Azure`,
    '',
    `${at} · tenant ${tenantId} · policy ${plain(file)}`,
    '',
    `**${count('error')} error(s), ${count('warning')} warning(s), ${count('note')} note(s).**`,
    '',
    ...(['error', 'warning', 'note'] as const).flatMap((severity) => {
      const own = findings.filter((each) => each.severity === severity)
      if (own.length === 0) return []
      return [
        `## ${titles[severity]}`,
        '',
        ...own.flatMap(({ code, message, fix, line }) => [
          `- **${reviewRules[code].title}** \`${code}\` (line ${line})`,
          `  ${plain(message)}`,
          `  What to do: ${fix}`,
        ]),
        '',
      ]
    }),
    '## What was looked at',
    '',
    `- ${applications.length} application(s) and ${managedIdentities.length} managed identity(ies) with ${credentials.length} federated credential(s)`,
    `- ${roleAssignments.length} role assignment(s) of theirs, in every subscription the policy names`,
    `- ${accounts.length} storage account(s): keys, network, logs, containers and shares`,
    `- sign-ins of the last ${unusedDays} days`,
    '',
    'Not looked at: repositories in the CI server, and the age of signing keys.',
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** The review as a SARIF log; findings stand where the policy names what they are about. */
export function writeReviewSarif({ findings }: Review): string {
  const rules = Object.entries(reviewRules).map(([code, rule]) => ({ code, ...rule }))
  const placed = findings.map((each) => ({ ...each, fingerprint: `${each.code} ${each.message}` }))
  return `${JSON.stringify(toSarif({ version, rules }, placed), undefined, 2)}\n`
}

function plain(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll(/[\\`*_[\]<>|#]/g, String.raw`\$&`)
}
