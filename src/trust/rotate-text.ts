// A rename as a timeline for people: what each run does, how many credentials there are in between, and
// what waits; and the timeline of signing keys.
import type { KeysAnswer } from './admin-api.ts'
import { credentialLimit } from './counts.ts'
import { writePlanned } from './plan-text.ts'
import type { CredentialChange, CredentialCount, Impossible } from './rotate-plan.ts'
import type { Rename } from './rotate-subjects.ts'

/** What a timeline is written from. */
export type Timeline = {
  file: string
  taken: readonly Rename[]
  waiting: readonly (readonly Rename[])[]
  counts: readonly CredentialCount[]
  added: readonly CredentialChange[]
  removed: readonly CredentialChange[]
  /** Entries that need the policy edit alone. */
  slugless: readonly string[]
  /** What has to be done elsewhere before the rename, one sentence each. */
  before: readonly string[]
}

/** The timeline as text. */
export function writeTimeline(timeline: Timeline): string {
  const { file, taken, waiting, added, removed, slugless, before } = timeline
  const lines = [
    `Rename of ${writeRenames(taken)}`,
    ...writeCounts(timeline.counts),
    '',
    'Run 1, before the rename:',
    `  ${file} gets a second subject with the new name beside each of the old one`,
    ...(added.length > 0
      ? [
          ...added.map((each) => `  ${writePlanned(each)}`),
          '  each new subject is tried through the service until Entra exchanges it, which can take some minutes',
        ]
      : ['  no credential has to be added']),
    ...(slugless.length > 0
      ? [
          `  only the policy changes for ${slugless.join(', ')}: these subjects carry no repository name`,
        ]
      : []),
    ...before.map((each) => `  ${each}`),
    'Then, while no build of it runs, rename at the source-code host and let the CI server see it.',
    'Run 2, after it, the same command with --finish:',
    ...(removed.length > 0
      ? removed.map((each) => `  ${writePlanned(each)}`)
      : ['  no credential has to be removed']),
    `  ${file} loses the subjects of the old name`,
    '  a build that began under the old name gets no token from then on',
    ...waiting.map(
      (batch, at) => `Waits for room (batch ${at + 2}, after run 2): ${writeRenames(batch)}`,
    ),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** Renames on one line. */
export function writeRenames(renames: readonly Rename[]): string {
  return renames
    .map(({ from, to, fromId, toId }) =>
      fromId === toId
        ? `${from} -> ${to} (id ${fromId})`
        : `${from} (id ${fromId}) -> ${to} (id ${toId})`,
    )
    .join(', ')
}

/** Why a rename can never have room, in one sentence. */
export function writeImpossible({ rename, identity, present, needed }: Impossible): string {
  return `The rename of ${rename.from} needs ${needed} more federated credentials beside the ${present} of the identity "${identity}" until it is finished, and Entra takes ${credentialLimit}: use \`subject: policy\` or \`subject: identity\` in an entry of it, forms that carry no repository name (policy:… and identity:…).`
}

/** Which key signs until when, as text. */
export function writeKeys({ keys }: KeysAnswer): string {
  if (keys.length === 0) return 'The service has no key yet.\n'
  const width = Math.max(...keys.map(({ kid }) => kid.length))
  const next = keys.find(({ state }) => state === 'next')
  return keys
    .map((key) => {
      const what = {
        active: `signs since ${key.activatedAt ?? key.createdAt}, until ${next ? (next.rotatesAt ?? 'the next key does') : (key.rotatesAt ?? 'it is rotated')}`,
        next: `made ${key.createdAt}, ${key.rotatesAt === undefined ? 'signs once the public URL has served it for 24 h' : `signs from ${key.rotatesAt}`}`,
        retired: `signs no more${key.removableAt === undefined ? '' : `, published until ${key.removableAt}`}`,
      }[key.state]
      return `${key.kid.padEnd(width)}  ${key.state.padEnd(7)}  ${what}\n`
    })
    .join('')
}

function writeCounts(counts: readonly CredentialCount[]): string[] {
  if (counts.length === 0) return []
  const rows = [
    ['identity', 'now', 'between', 'after', 'limit'],
    ...counts.map(({ identity, now, between, after }) =>
      [identity, now, between, after, credentialLimit].map(String),
    ),
  ]
  const width = Math.max(...rows.map(([name = '']) => name.length))
  return rows.map(
    ([name = '', ...numbers]) =>
      `  ${name.padEnd(width)}${numbers.map((each) => each.padStart(9)).join('')}`,
  )
}
