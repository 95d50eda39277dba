// Findings as SARIF 2.1.0 (OASIS), the form that code hosts and auditors' tools read.

/** One kind of finding as SARIF tells it. */
export type SarifRule = {
  code: string
  severity: 'error' | 'warning' | 'note'
  title: string
  fix: string
}

/** One finding with its place; `uri` is the file as it was named, and columns are counted from 1. */
export type SarifFinding = {
  code: string
  severity: 'error' | 'warning' | 'note'
  message: string
  uri: string
  line?: number | undefined
  column?: number | undefined
  /** What stays the same when lines move, for comparing two runs. */
  fingerprint: string
  /** Whether an earlier run had it, when there was one to compare with. */
  baseline?: 'new' | 'unchanged' | undefined
}

/** A SARIF log with one run; findings whose code has no rule are left out of the rules only. */
export function toSarif(
  { version, rules }: { version: string; rules: readonly SarifRule[] },
  findings: readonly SarifFinding[],
): Record<string, unknown> {
  const codes = rules.map(({ code }) => code)
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'azure-storage-drone',
            semanticVersion: version,
            rules: rules.map(({ code, severity, title, fix }) => ({
              id: code,
              shortDescription: { text: title },
              help: { text: fix },
              defaultConfiguration: { level: severity },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => toResult(finding, codes.indexOf(finding.code))),
      },
    ],
  }
}

function toResult(finding: SarifFinding, ruleIndex: number): Record<string, unknown> {
  const { code, severity, message, uri, line, column, fingerprint, baseline } = finding
  const region = line === undefined ? {} : { region: { startLine: line, startColumn: column ?? 1 } }
  return {
    ruleId: code,
    ...(ruleIndex >= 0 && { ruleIndex }),
    level: severity,
    ...(baseline && { baselineState: baseline }),
    message: { text: message },
    locations: [{ physicalLocation: { artifactLocation: { uri: toUri(uri) }, ...region } }],
    partialFingerprints: { 'azureStorageDrone/v1': fingerprint },
  }
}

// A path as a URI reference: absolute ones get their scheme, and blanks are encoded.
function toUri(path: string): string {
  const encoded = path.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')
  return encoded.startsWith('/') ? `file://${encoded}` : encoded
}
