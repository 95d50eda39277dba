// Which files a person means, the same way for files on disk and in a remote place: a name is itself,
// a folder is everything below it, a glob is matched below its fixed part, and `!` takes away from
// what stands before it.
import { Fault } from '../../core/fault.ts'
import type { Selecting } from '../job.ts'
import { createCover, createFilter, type Filter, isNegated, takesFromNothing } from './glob-list.ts'
import { type Glob, isDotted, isGlob, type Matcher, parseGlob } from './glob.ts'
import { readIgnoreFile } from './ignore.ts'

/** One entry of the setting `source`, understood but not looked up yet. */
export type Source = {
  text: string
  /** The text as a plain path: without `./` in front and `/` behind; empty for “everything here”. */
  literal: string
  /** Absent when the text has no glob characters. */
  pattern?: Glob
  /** What the entries after it take away. */
  takings: readonly Taking[]
}

/** An entry that begins with `!`. */
export type Taking =
  /** Looked for in every folder. */
  | { kind: 'below'; covers: Matcher }
  /** Everything below the folder `base` that is covered. */
  | { kind: 'path'; base: string; covers: Matcher }

/** Where a found file lies: `root` is the fixed part of its source, `below` the path below that. */
export type Found = { root: string; below: string }

/** What a search leaves out without being told to, for the summary. */
export type Skipped = { dotted: number; links: number; special: number }

/** Everything a search found, sorted by the path below the source, and what it left out. */
export type Selection<File> = { found: (File & Found)[]; skipped: Skipped }

/** The questions a search asks about paths below one source. */
export type Chooser = {
  keeps: Matcher
  /** Whether a folder has to be looked into. */
  enters: Matcher
  /** Whether only a leading dot keeps this file out. */
  isHidden: Matcher
  /** Whether only a leading dot keeps this folder from being looked into. */
  isHiddenFolder: Matcher
  /** Whether a file that is named as the source itself is wanted; a leading dot does not matter. */
  keepsNamed: Matcher
}

/** A chooser for one source; `glob` is absent when its text is taken literally. */
export type Choosing = (source: Pick<Source, 'takings'>, glob?: Glob) => Chooser

/** Reads `sources`; throws `transfer_pattern_invalid`, also when nothing is chosen. */
export function parseSources(select: Selecting): Source[] {
  const { sources, caseSensitive, dotfiles } = select
  const takings: (Taking | undefined)[] = sources.map((text, index) => {
    if (!isNegated(text)) return undefined
    if (index === 0) throw takesFromNothing(text)
    return parseTaking(text.slice(1), caseSensitive)
  })
  const chosen = sources.flatMap((text, index): Source[] => {
    if (takings[index]) return []
    const source = {
      text,
      literal: toLiteral(text),
      takings: takings.slice(index + 1).filter((taking) => taking !== undefined),
    }
    if (!isGlob(text)) return [source]
    return [{ ...source, pattern: parseGlob(text, { dotfiles, caseSensitive }) }]
  })
  if (chosen.length === 0) {
    throw new Fault('transfer_pattern_invalid', 'No source is named.', {
      hint: 'Name files, folders or globs; `.` is everything.',
    })
  }
  return chosen
}

/** Reads include, exclude and the ignore file of a job, once for all of its sources. */
export async function createChoosing(select: Selecting): Promise<Choosing> {
  const { dotfiles, caseSensitive } = select
  const ignored = select.ignoreFile ? await readIgnoreFile(select.ignoreFile, select) : undefined
  const read = (patterns: readonly string[], dots: boolean) =>
    createFilter(patterns, { dotfiles: dots, caseSensitive })
  const all: Filter = { has: () => true, hasAllOf: () => true }
  const hasInclude = select.include.length > 0
  const include = hasInclude ? read(select.include, dotfiles) : all
  const includeDotted = hasInclude ? read(select.include, true) : all
  // What is taken away is taken away with its hidden files.
  const exclude = read(select.exclude, true)
  const showsDotted = dotfiles || namesDotted(select.include)

  return ({ takings }, glob) => {
    const taken = takings.filter(({ kind }) => kind === 'below')
    const isTaken = (below: string) => taken.some(({ covers }) => covers(below))
    const isOut = (below: string) =>
      exclude.has(below) || isTaken(below) || (ignored?.ignoresFile(below) ?? false)
    const isOutFolder = (folder: string) =>
      exclude.hasAllOf(folder) || isTaken(folder) || (ignored?.ignoresFolder(folder) ?? false)
    const isMeant = (below: string) => {
      if (glob) return glob.matches(below)
      return dotfiles || hasInclude || !isDotted(below)
    }
    const isWithin = (folder: string) => !glob || folder.split('/').length < glob.maxDepth
    const showsFolder = (folder: string) =>
      showsDotted || (glob?.namesDotted ?? false) || !isDotted(folder)
    return {
      keeps: (below) => isMeant(below) && include.has(below) && !isOut(below),
      enters: (folder) => isWithin(folder) && showsFolder(folder) && !isOutFolder(folder),
      isHiddenFolder: (folder) => isWithin(folder) && !showsFolder(folder) && !isOutFolder(folder),
      isHidden: (below) =>
        isDotted(below) &&
        (glob?.matchesDotted(below) ?? true) &&
        includeDotted.has(below) &&
        !isOut(below),
      keepsNamed: (below) => includeDotted.has(below) && !isOut(below),
    }
  }
}

/** Says that nothing was found: a Fault `transfer_no_files`, a sentence for the log, or nothing. */
export function requireFiles(
  count: number,
  { sources, ifNoFiles }: Pick<Selecting, 'sources' | 'ifNoFiles'>,
  skipped: Skipped,
): string | undefined {
  if (count > 0 || ifNoFiles === 'ignore') return undefined
  const left = [
    [skipped.dotted, 'beginning with a dot'],
    [skipped.links, 'symbolic links'],
    [skipped.special, 'neither files nor folders'],
  ]
    .filter(([number]) => number)
    .map(([number, what]) => `${number} ${what}`)
  const list = sources.map((source) => `“${source}”`).join(', ')
  const aside = left.length > 0 ? `; left out: ${left.join(', ')}` : ''
  const sentence = `No file matches ${list}${aside}.`
  if (ifNoFiles === 'warn') return sentence
  throw new Fault('transfer_no_files', sentence)
}

/** A fresh count of things left out. */
export function nothingSkipped(): Skipped {
  return { dotted: 0, links: 0, special: 0 }
}

/** `a/b` from the folder `a` and the path `b`; the folder may be empty or end with a slash. */
export function joinName(folder: string, below: string): string {
  return folder === '' || folder.endsWith('/') ? `${folder}${below}` : `${folder}/${below}`
}

/** The last segment of a path. */
export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** What is in front of the last segment; empty when there is none, `/` when it lies at the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), path.startsWith('/') ? 1 : 0))
}

/** A text without the backslashes that kept its characters from being a glob. */
export function unescapeGlob(text: string): string {
  return text.replaceAll(/\\(.)/gs, '$1')
}

/**
 * The chooser for one root of a source: what `!` entries with a path take away goes as well. `absolute`
 * makes paths comparable that are written from different places.
 */
export function chooseAt(
  { takings }: Pick<Source, 'takings'>,
  { root, absolute }: { root: string; absolute: (path: string) => string },
  chooser: Chooser,
): Chooser {
  const paths = takings.flatMap((taking) =>
    taking.kind === 'path' ? [{ ...taking, base: absolute(taking.base) }] : [],
  )
  if (paths.length === 0) return chooser
  const front = absolute(root)
  const isTaken = (below: string) => {
    const path = joinName(front, below)
    return paths.some(({ base, covers }) => {
      const start = joinName(base, '')
      return path.startsWith(start) && covers(path.slice(start.length))
    })
  }
  return {
    keeps: (below) => chooser.keeps(below) && !isTaken(below),
    enters: (below) => chooser.enters(below) && !isTaken(below),
    isHidden: (below) => chooser.isHidden(below) && !isTaken(below),
    isHiddenFolder: (below) => chooser.isHiddenFolder(below) && !isTaken(below),
    keepsNamed: (below) => chooser.keepsNamed(below) && !isTaken(below),
  }
}

function parseTaking(text: string, caseSensitive: boolean): Taking {
  const options = { dotfiles: true, caseSensitive }
  const bare = text.replace(/^(\.\/+)+/, './')
  const isAnywhere = !bare.replace(/\/+$/, '').includes('/') || bare.startsWith('**/')
  if (isAnywhere) return { kind: 'below', covers: createFilter([text], options).has }
  // The name itself and everything below it: matched below the folder it lies in.
  const { base, matches } = parseGlob(bare.replace(/(?<=.)\/+$/, ''), options)
  return { kind: 'path', base, covers: createCover(matches, options) }
}

function namesDotted(patterns: readonly string[]): boolean {
  return patterns.some((pattern) => /(^|[/{,(|\\])\./.test(pattern.replace(/^\.\/+/, '')))
}

function toLiteral(text: string): string {
  const bare = text.replace(/^(\.\/+)+/, '')
  if (bare === '.') return ''
  return bare.replace(/(?<=.)\/+$/, '')
}
