// What `policy` prints for people; every text ends in a line feed.
import type { CaseResult } from '../src/policy/cases.ts'
import type { Change, PolicyDiff } from '../src/policy/diff.ts'
import type { Explanation } from '../src/policy/explain.ts'
import type { LintReport } from '../src/policy/lint.ts'
import type { WhoCan } from '../src/policy/who-can.ts'

/** Who enforces each grant, and the warnings. */
export function writeLint({ grants, findings }: LintReport): string {
  const marked = grants.map(
    ({ grant, place, verbs, enforcedBy, why, role }) =>
      `${enforcedBy.padEnd(8)} ${grant}  ${verbs.join(', ')} on ${place}\n         ${why}${role && `: ${role}`}`,
  )
  const warnings = findings.map(
    ({ code, entry, message }) => `warning  ${entry}: ${message} [${code}]`,
  )
  const end = `The file loads; ${grants.length} grant(s), ${findings.length} warning(s).`
  return lines([...marked, ...warnings, end])
}

/** Each case, and what differed. */
export function writeResults({ results }: { results: CaseResult[] }): string {
  const failed = results.filter(({ ok }) => !ok).length
  return lines([
    ...results.map(({ name, expected, got, ok }) =>
      ok
        ? `ok      ${name}`
        : `differs ${name}\n        expected ${expected}\n        got      ${got}`,
    ),
    `${results.length - failed} of ${results.length} case(s) as expected.`,
  ])
}

/** The class of a build and what every entry says of it. */
export function writeExplanation(result: Explanation & { allowed: boolean }): string {
  const entries = result.entries.flatMap(({ entry, code, sentence, identity, place }) => [
    `${entry}: ${code}`,
    `  ${sentence}`,
    ...(identity === undefined ? [] : [`  identity ${identity}`]),
    ...(place ? [`  ${place.code}: ${place.sentence}`] : []),
  ])
  const end = result.allowed ? 'Allowed.' : 'Denied.'
  return lines([`class ${result.trustClass}`, ...entries, end])
}

/** Every gain and loss. */
export function writeDiff({ changes, trials, isWider }: PolicyDiff): string {
  const none = changes.length + trials.length === 0
  const end = isWider ? 'Somebody gains something.' : none ? 'No change.' : 'Nobody gains anything.'
  return lines([
    ...changes.map((change) => writeChange(change)),
    ...trials.map((name) => `~ ${name}: changed on trial, where nothing is issued`),
    end,
  ])
}

function writeChange({ direction, entry, what, value, builds, rights = [] }: Change): string {
  const sign = direction === 'gained' ? '+' : '-'
  if (!builds) return `${sign} ${entry}: ${what} ${value}`
  const { instance, repository, repositoryId, trustClass, ref } = builds
  const who = `${trustClass} builds of ${repository} (id ${repositoryId}, ${instance}) on ${ref}`
  return [`${sign} ${entry}: ${who} as ${value}`, ...rights.map((each) => `    ${each}`)].join('\n')
}

/** Every way to a place. */
export function writeWhoCan({ ways, undeclared }: WhoCan): string {
  const text = ways.flatMap(({ entry, mode, grant, enforcedBy, verbs, reach, prefix, builds }) => [
    `${entry}${mode === 'audit' ? ' (on trial)' : ''}: ${verbs.join(', ')} through ${grant} (${enforcedBy}${reach === 'part' ? `, only below ${prefix}` : ''})`,
    ...builds.map(
      ({ instance, repository, repositoryId, events, refs }) =>
        `  ${events.join(', ')} builds of ${repository} (id ${repositoryId}, ${instance}) on ${refs.join(', ')}`,
    ),
  ])
  return lines([
    ...text,
    ...(ways.length === 0 ? ['Nobody, by this file.'] : []),
    ...(undeclared.length === 0
      ? []
      : [`Not told here (entries without grants): ${undeclared.join(', ')}.`]),
  ])
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('')
}
