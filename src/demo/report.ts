// The demo's story for people: one paragraph a hop, then the verdict.
import type { Search } from './canary.ts'
import type { Hop } from './hops.ts'

/** The hops as text. */
export function describeHops(hops: readonly Hop[]): string {
  const lines = hops.flatMap(({ hop, ok, facts }, index) => [
    `${index + 1}. ${hop}${ok ? '' : '  (does not fit the hop before)'}`,
    ...Object.entries(facts).flatMap(([name, value]) => describeFact(name, value)),
  ])
  return `\nThe way of the build\n${lines.join('\n')}\n`
}

/** The last lines: what was moved, and what the search for secrets found. */
export function describeVerdict(
  outcome: { files: number; bytes: number; identical: boolean; differences: readonly string[] },
  search: Search,
): string {
  const megabytes = (outcome.bytes / 1e6).toFixed(1)
  const moved = `${outcome.files.toLocaleString('en')} files, ${megabytes} MB`
  const lines = [
    outcome.identical
      ? `Uploaded and downloaded ${moved}: identical, byte for byte.`
      : `Uploaded and downloaded ${moved}: NOT identical.`,
    ...outcome.differences.map((difference) => `  ${difference}`),
    search.findings.length === 0
      ? 'No secret was found in any output, log or database.'
      : `${search.findings.length} secrets were found where they must not be:`,
    ...search.findings.map(({ secret, place }) => `  ${secret} in ${place}`),
    search.controlFound
      ? 'The planted control was found in every one of these places, so the search works.'
      : `The planted control was not found in: ${search.controlMissingIn.join(', ')}.`,
  ]
  return `\n${lines.join('\n')}\n`
}

function describeFact(name: string, value: unknown): string[] {
  const label = `     ${name.replaceAll('_', ' ')}`
  if (Array.isArray(value)) {
    return value.length > 1
      ? [`${label}:`, ...value.map((each) => `       ${String(each)}`)]
      : [`${label}: ${String(value[0] ?? 'none')}`]
  }
  if (typeof value === 'object' && value !== null) {
    return [
      `${label}:`,
      ...Object.entries(value).map(([key, each]) => `       ${key}: ${String(each)}`),
    ]
  }
  return [`${label}: ${String(value)}`]
}
