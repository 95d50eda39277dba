// Which files a source means and what they are called on the other side. The rule is the same both
// ways: a file is itself, a folder is everything below it, a pattern is matched below its fixed part,
// and the name is the target plus the path below that folder or fixed part.
import picomatch from 'picomatch'

import { Fault } from '../core/fault.ts'

/** One entry of the setting `source`, understood but not looked up yet. */
export type Source = {
  text: string
  /** The text as a plain path: without `./` in front and `/` behind; empty for “everything here”. */
  literal: string
  /** Absent when the text has no glob characters. */
  pattern?: Pattern
}

/** A glob split into the folder it is fixed to and a test for paths below that folder. */
export type Pattern = {
  base: string
  /** Leading characters every match has below `base`; narrows a listing. */
  prefix: string
  /** The pattern itself names dotted folders, so they must be looked into. */
  namesDotted: boolean
  matches: (below: string) => boolean
}

/** One thing found: where it is and its path below the source's fixed part, `/` between segments. */
export type Found<Place> = { place: Place; below: string }

/** What a search leaves out on purpose, for the summary. */
export type Skipped = { dotted: number; links: number; special: number }

/** Everything a search found, and what it left out. */
export type Selection<Place> = { found: Found<Place>[]; skipped: Skipped }

/** Reads one source; a pattern is matched case-sensitively and never begins with a negation. */
export function parseSource(text: string, { dotfiles }: { dotfiles: boolean }): Source {
  const literal = toLiteral(text)
  const scanned = picomatch.scan(text, { nonegate: true })
  if (!scanned.isGlob) return { text, literal }
  return {
    text,
    literal,
    pattern: {
      base: scanned.base,
      prefix: /^[^*?[\]{}()!+@|\\]*/.exec(scanned.glob)?.[0] ?? '',
      namesDotted: /(^|[/{,(|])\./.test(scanned.glob),
      matches: picomatch(scanned.glob, { dot: dotfiles, nonegate: true }),
    },
  }
}

/** Whether a path has a segment that begins with a dot. */
export function isDotted(below: string): boolean {
  return below.startsWith('.') || below.includes('/.')
}

/** `a/b` from the target `a` and the path `b`; the target may be empty. */
export function joinName(target: string, below: string): string {
  return target === '' ? below : `${target}/${below}`
}

/** The last segment of a path. */
export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Keeps one entry per name; two different things with one name are a Fault `transfer_name_clash`. */
export function mergeByName<Item>(
  items: Iterable<Item>,
  { nameOf, placeOf }: { nameOf: (item: Item) => string; placeOf: (item: Item) => string },
): Item[] {
  const byName = new Map<string, Item>()
  for (const item of items) {
    const name = nameOf(item)
    const known = byName.get(name)
    if (known === undefined) byName.set(name, item)
    else if (placeOf(known) !== placeOf(item)) {
      throw new Fault(
        'transfer_name_clash',
        `Two sources would both be “${name}” on the other side: “${placeOf(known)}” and “${placeOf(item)}”.`,
      )
    }
  }
  return [...byName.values()].toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

/** Nothing to transfer is an error: a green step that moved nothing helps nobody. */
export function requireFiles(count: number, sources: readonly string[], skipped: Skipped): void {
  if (count > 0) return
  const left = [
    [skipped.dotted, 'beginning with a dot'],
    [skipped.links, 'symbolic links'],
    [skipped.special, 'neither files nor folders'],
  ]
    .filter(([number]) => number)
    .map(([number, what]) => `${number} ${what}`)
  const list = sources.map((source) => `“${source}”`).join(', ')
  const aside = left.length > 0 ? `; left out: ${left.join(', ')}` : ''
  throw new Fault('transfer_no_files', `No file matches ${list}${aside}.`)
}

/** A fresh count of things left out. */
export function nothingSkipped(): Skipped {
  return { dotted: 0, links: 0, special: 0 }
}

/** The sum of several selections. */
export function joinSelections<Place>(selections: readonly Selection<Place>[]): Selection<Place> {
  const skipped = nothingSkipped()
  for (const each of selections) {
    skipped.dotted += each.skipped.dotted
    skipped.links += each.skipped.links
    skipped.special += each.skipped.special
  }
  return { found: selections.flatMap((each) => each.found), skipped }
}

function toLiteral(text: string): string {
  const bare = text.replace(/^(\.\/+)+/, '')
  if (bare === '.') return ''
  return bare.replace(/(?<=.)\/+$/, '')
}
