// Lists of globs that choose among paths below a source: include, exclude, rules. They are read as
// .gitignore reads its lines: without a slash a pattern is looked for in every folder, and one that
// matches a folder means everything in it.
import { Fault } from '../../core/fault.ts'
import { createMatcher, type GlobOptions, type Matcher } from './glob.ts'

/** A list of globs, ready to be asked. */
export type Filter = {
  /** Whether a path is meant, by its own name or by that of a folder above it. */
  has: Matcher
  /** Whether everything below this folder is meant, whatever it is called. */
  hasAllOf: Matcher
}

type Line = { covers: Matcher; negated: boolean }

/**
 * Reads a list: the last line that matches decides, and one with `!` in front takes away from those
 * before it. Throws `transfer_pattern_invalid`, also when the first line takes away.
 */
export function createFilter(patterns: readonly string[], options: GlobOptions): Filter {
  const lines = patterns.map((pattern, index): Line => {
    const negated = isNegated(pattern)
    if (negated && index === 0) throw takesFromNothing(pattern)
    const plain = toDeep(negated ? pattern.slice(1) : pattern)
    return { negated, covers: createCover(createMatcher(plain, options), options) }
  })
  const lastNegated = lines.findLastIndex(({ negated }) => negated)
  const deciding = (path: string) => lines.findLastIndex(({ covers }) => covers(path))
  return {
    has: (path) => lines[deciding(path)]?.negated === false,
    hasAllOf: (folder) => deciding(folder) > lastNegated,
  }
}

/** Whether a line takes away; `!(a|b)` is an extended glob, and `\!a` a name that begins with `!`. */
export function isNegated(pattern: string): boolean {
  return pattern.startsWith('!') && !pattern.startsWith('!(')
}

/** The fault for a list that begins with what it takes away. */
export function takesFromNothing(pattern: string): Fault {
  return new Fault(
    'transfer_pattern_invalid',
    `“${pattern}” takes away from what stands before it, and nothing does.`,
    { hint: 'Put what is meant in front of it, for example `**`.' },
  )
}

/** A matcher that also holds for everything below a folder that matches. */
export function createCover(matches: Matcher, { dotfiles }: { dotfiles: boolean }): Matcher {
  const folders = new Map<string, boolean>()
  const covers = (path: string): boolean => {
    if (matches(path)) return true
    const slash = path.lastIndexOf('/')
    // A hidden name in a folder that is meant is still hidden.
    if (slash <= 0 || (!dotfiles && path[slash + 1] === '.')) return false
    const folder = path.slice(0, slash)
    const known = folders.get(folder)
    if (known !== undefined) return known
    const verdict = covers(folder)
    folders.set(folder, verdict)
    return verdict
  }
  return covers
}

function toDeep(pattern: string): string {
  const bare = pattern.replace(/^(\.\/+)+/, './')
  // A slash at the end says nothing about the place.
  if (!bare.replace(/\/+$/, '').includes('/')) return `**/${bare}`
  return bare.replace(/^\/+/, '')
}
