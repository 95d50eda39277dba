// The one glob language of every setting: bash's, as far as files go (globstar, extglob, braces), on
// top of picomatch. glob.test.ts compares it with bash itself and lists where the two differ.
import picomatch from 'picomatch'

import { Fault } from '../../core/fault.ts'
import { expandBraces } from './glob-braces.ts'
import { escapePlain, markedBackslash, markedDot } from './glob-escape.ts'

// Stands in a path for the dot a hidden name begins with; no name can hold it.
const hiddenDot = '\0'

const reserved = [hiddenDot, markedDot, markedBackslash]

/** How patterns read names; `**` and `*` take names with a leading dot only with `dotfiles`. */
export type GlobOptions = { dotfiles: boolean; caseSensitive: boolean }

/** Whether a path, `/` between its segments and none around it, is meant. */
export type Matcher = (path: string) => boolean

/** A pattern split into the folder it is fixed to and what is matched below that folder. */
export type Glob = {
  base: string
  /** Leading characters every match has below `base`; narrows a listing. */
  prefix: string
  /** The pattern itself names dotted folders, so they must be looked into. */
  namesDotted: boolean
  matches: Matcher
  /** The same with `dotfiles`. */
  matchesDotted: Matcher
  /** No match has more segments than this below `base`. */
  maxDepth: number
}

const special = /(?<!\\)(?:[*?]|\[[^/\]]+\]|\{[^}]*(?:,|\.\.)[^}]*\}|[+@!]\()/

/** Whether a text has glob characters that are not escaped by a backslash. */
export function isGlob(text: string): boolean {
  return special.test(text)
}

/** Splits a glob; a trailing slash stands for everything below. Throws `transfer_pattern_invalid`. */
export function parseGlob(text: string, options: GlobOptions): Glob {
  const { base, rest } = splitBase(tidy(text))
  return {
    base: unescape(base),
    prefix: options.caseSensitive ? (/^[^*?[\]{}()!+@|\\]*/.exec(rest)?.[0] ?? '') : '',
    namesDotted: /(^|[/{,(|\\])\./.test(rest),
    matches: createMatcher(rest, options),
    matchesDotted: createMatcher(rest, { ...options, dotfiles: true }),
    maxDepth: rest.includes('**') ? Infinity : rest.split('/').length,
  }
}

/** A test for one pattern; a leading `!` has no meaning of its own. Throws `transfer_pattern_invalid`. */
export function createMatcher(pattern: string, options: GlobOptions): Matcher {
  const expanded = expandBraces(tidy(pattern))
  if (!expanded) throw invalid(pattern, 'its braces stand for more than 1,000 patterns')
  const regex = toRegex(pattern, expanded, options)
  if (options.dotfiles) return (path) => regex.test(path)
  return (path) => regex.test(isDotted(path) ? path.replaceAll(/(?<=^|\/)\./g, hiddenDot) : path)
}

/** Whether a path has a segment that begins with a dot. */
export function isDotted(path: string): boolean {
  return path.startsWith('.') || path.includes('/.')
}

// Segments without glob characters stay in front; the last segment is never part of the base.
function splitBase(text: string): { base: string; rest: string } {
  const segments = text.split('/')
  let fixed = 0
  // A brace may hold a slash, and then the text up to it is no folder.
  while (fixed < segments.length - 1 && !/(?<!\\)[*?[\]{}()|]/.test(segments[fixed] ?? '')) fixed++
  const base = segments.slice(0, fixed).join('/')
  return {
    base: base === '' && fixed > 0 ? '/' : base,
    rest: segments.slice(fixed).join('/'),
  }
}

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/gs, '$1')
}

function tidy(pattern: string): string {
  const bare = pattern.replace(/^(\.\/+)+/, '').replaceAll(/\/{2,}/g, '/')
  if (bare === '' || bare === '.') throw invalid(pattern, 'it is empty')
  if (!bare.isWellFormed() || reserved.some((char) => bare.includes(char))) {
    throw invalid(pattern, 'it is not valid text')
  }
  return bare.endsWith('/') && bare !== '/' ? `${bare}**` : bare
}

const parsing: picomatch.PicomatchOptions = {
  // Hidden names are told apart by `hiddenDot`, which also holds for `!(a)` and `[!a]`.
  dot: true,
  nonegate: true,
  nobrace: true,
  posix: true,
  // `[ab]` is one of two letters and never the name `[ab]`.
  literalBrackets: false,
  // `a/**` is what lies below `a`, not `a` itself.
  strictSlashes: true,
}

function toRegex(pattern: string, expanded: readonly string[], options: GlobOptions): RegExp {
  const marksDots = !options.dotfiles
  try {
    const sources = expanded
      .filter((each) => each !== '')
      .map((each) => {
        const { output } = picomatch.parse(
          escapePlain(each.replaceAll(/\/{2,}/g, '/'), { marksDots }),
          parsing,
        )
        return `(?:${correct(output.replaceAll(/\\([^\w])/gsu, (_, char: string) => toCode(char)))})`
      })
    // `u`: a `?` is one character, whatever its encoding. `s`: names may hold line feeds.
    return new RegExp(`^(?:${sources.join('|') || '(?!)'})$`, options.caseSensitive ? 'su' : 'sui')
  } catch (error) {
    throw invalid(pattern, 'it cannot be read', error)
  }
}

// No wildcard finds the sign for a hidden dot, and `a/**/@(*)` does not find `a`; escapes are in the
// form of `toCode` here.
function correct(source: string): string {
  return source
    .replaceAll(`|${toCode('/')}|$)`, `|${toCode('/')})`)
    .replaceAll(markedBackslash, toCode('\\'))
    .replaceAll('[^', `[^${hiddenDot}`)
    .replaceAll(/(?<!\[[^\]]*|\(\?=)\./g, `[^${hiddenDot}]`)
    .replaceAll(markedDot, hiddenDot)
}

// The one way to escape that is allowed inside and outside of a class with the flag `u`.
function toCode(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`
}

function invalid(pattern: string, why: string, cause?: unknown): Fault {
  return new Fault('transfer_pattern_invalid', `The pattern “${pattern}” cannot be used: ${why}.`, {
    cause,
  })
}
