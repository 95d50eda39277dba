// What `trust lint` prints: text, JSON and SARIF of the same findings.
import { version } from '../src/core/version.ts'
import type { Source } from '../src/policy/source.ts'
import { trustRules, type TrustFinding } from '../src/trust/finding.ts'
import type { TrustReport } from '../src/trust/lint.ts'
import { toSarif } from '../src/trust/sarif.ts'

/** A file that findings are about: its name as it was given, and where everything in it stands. */
export type LintedFile = { name: string; source: Source }

/** The files of a lint run. */
export type LintedFiles = { policy: LintedFile; config?: LintedFile | undefined }

/** A finding with its file, line and column. */
export type PlacedFinding = TrustFinding & { uri: string; line: number; column: number }

/** Findings with their places in the files. */
export function placeFindings(
  { findings }: TrustReport,
  { policy, config }: LintedFiles,
): PlacedFinding[] {
  return findings.map((finding) => {
    const { name, source } = (finding.file === 'config' ? config : undefined) ?? policy
    return { ...finding, uri: name, ...source.locate(finding.path) }
  })
}

/** Findings for people, with what to do, and the credentials of each identity. */
export function writeTrustLint(report: TrustReport, placed: readonly PlacedFinding[]): string {
  const count = (severity: string) => placed.filter((each) => each.severity === severity).length
  const lines = [
    ...placed.flatMap(({ uri, line, column, severity, message, fix, code }) => [
      `${uri}:${line}:${column} ${severity}: ${message} [${code}]`,
      `    ${fix}`,
    ]),
    ...report.counts.map(
      ({ identity, credentials, limit, entries }) =>
        `identity ${identity}: ${credentials} of ${limit} federated credentials (${entries.join(', ')})`,
    ),
    `${count('error')} error(s), ${count('warning')} warning(s), ${count('note')} note(s).`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** Findings as a SARIF log. */
export function writeTrustSarif(placed: readonly PlacedFinding[]): string {
  const rules = Object.entries(trustRules).map(([code, rule]) => ({ code, ...rule }))
  const findings = placed.map((each) => ({ ...each, fingerprint: `${each.code} ${each.message}` }))
  return `${JSON.stringify(toSarif({ version, rules }, findings), undefined, 2)}\n`
}
