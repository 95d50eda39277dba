// Makes a brace-free glob mean to the matcher what it means to bash: every character without a
// meaning is escaped, and a dot that begins a segment is marked.

/** Stands in a pattern for the dot a hidden name begins with; patterns cannot hold it otherwise. */
export const markedDot = '\u0001'

/** Stands in a pattern for a backslash that is part of a name. */
export const markedBackslash = '\u0002'

/**
 * Escapes what has no meaning in a brace-free glob; with `marksDots` a dot that begins a segment
 * becomes `markedDot`, so that nothing but a dot in the pattern finds a hidden name.
 */
export function escapePlain(pattern: string, { marksDots }: { marksDots: boolean }): string {
  const groups = findGroups(pattern)
  const open: Group[] = []
  let done = ''
  // Whether the next token is compared with the first character of a segment.
  let isFirst = true
  for (let at = 0; at < pattern.length;) {
    const token = readToken(pattern, at, groups)
    const begins: boolean = isFirst
    // Behind or inside of a group the same dot can also stand in the middle of a name.
    const dot = groups.size > 0 ? `[${markedDot}.]` : markedDot
    done += token.kind === 'dot' && begins && marksDots ? dot : token.text
    if (token.kind === 'open') open.push({ begins, sign: pattern[at - 1] ?? '' })
    isFirst = isNextFirst(token.kind, begins, open)
    at = token.end
  }
  return done
}

type Group = { begins: boolean; sign: string }

function isNextFirst(kind: Token['kind'], begins: boolean, open: Group[]): boolean {
  if (kind === 'open' || kind === 'bar') return open.at(-1)?.begins ?? false
  if (kind !== 'close') return kind === 'slash' || (kind === 'sign' && begins)
  // What follows a group that may be empty can be the first character as well.
  const group = open.pop()
  return group !== undefined && group.begins && /[?*]/.test(group.sign)
}

type Token = {
  /** `sign` is the character in front of a group. */
  kind: 'dot' | 'slash' | 'sign' | 'open' | 'bar' | 'close' | 'other'
  text: string
  end: number
}

function readToken(pattern: string, at: number, groups: ReadonlySet<number>): Token {
  const char = pattern[at] ?? ''
  if (char === '\\') return readEscape(pattern, at)
  if (char === '[') return readClass(pattern, at)
  if (groups.has(at)) return { kind: groupKinds[char] ?? 'bar', text: char, end: at + 1 }
  if (isSign(pattern, at, groups)) return { kind: 'sign', text: char, end: at + 1 }
  if (char === '*') return readStars(pattern, at, groups)
  const kind = plainKinds[char] ?? 'other'
  // The matcher takes some of `?` and `+` for counts of what is in front of them.
  if (char === '?') return { kind, text: '[!/]', end: at + 1 }
  return { kind, text: /["'{}()|\]^$+]/.test(char) ? `\\${char}` : char, end: at + 1 }
}

// Whether a character is the one in front of a group.
function isSign(pattern: string, at: number, groups: ReadonlySet<number>): boolean {
  return pattern[at + 1] === '(' && groups.has(at + 1)
}

// Only two stars that are a whole segment are more than one.
function readStars(pattern: string, at: number, groups: ReadonlySet<number>): Token {
  let end = at + 1
  while (pattern[end] === '*' && !isSign(pattern, end, groups)) end++
  const isSegment = /^$|\/$/.test(pattern.slice(0, at)) && /^$|^\//.test(pattern.slice(end))
  return { kind: 'other', text: isSegment && end - at === 2 ? '**' : '*', end }
}

const groupKinds: Readonly<Record<string, Token['kind']>> = {
  '(': 'open',
  '|': 'bar',
  ')': 'close',
}
const plainKinds: Readonly<Record<string, Token['kind']>> = { '.': 'dot', '/': 'slash' }

function readEscape(pattern: string, at: number): Token {
  const next = pattern[at + 1] ?? '\\'
  if (next === '\\') return { kind: 'other', text: markedBackslash, end: at + 2 }
  // Escaped letters would be classes of a regular expression.
  const text = /[\w/\s]/.test(next) ? next : `\\${next}`
  return { kind: next === '.' ? 'dot' : 'other', text, end: at + 2 }
}

function readClass(pattern: string, at: number): Token {
  const close = findClassEnd(pattern, at)
  if (close < 0) return { kind: 'other', text: '\\[', end: at + 1 }
  return { kind: 'other', text: pattern.slice(at, close + 1), end: close + 1 }
}

// Where an extended glob like `@(a|b)` has its parentheses and bars; others are plain text.
function findGroups(pattern: string): Set<number> {
  const found = new Set<number>()
  const open: { isGroup: boolean; places: number[] }[] = []
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? ''
    if (char === '\\') at++
    else if (char === '[') at = Math.max(at, findClassEnd(pattern, at))
    else if (char === '(') {
      open.push({ isGroup: /(?<!\\)[?*+@!]$/.test(pattern.slice(0, at)), places: [at] })
    } else if (char === '|') open.at(-1)?.places.push(at)
    else if (char === ')') {
      const group = open.pop()
      if (group?.isGroup) for (const place of [...group.places, at]) found.add(place)
    }
  }
  return found
}

// The place of the closing bracket; -1 when there is none in the same segment.
function findClassEnd(pattern: string, start: number): number {
  let at = start + 1
  if (/[!^]/.test(pattern[at] ?? '')) at++
  if (pattern[at] === ']') at++
  for (; at < pattern.length; at++) {
    const char = pattern[at]
    if (char === '/') return -1
    if (char === ']') return at
    if (char === '\\') at++
    else if (char === '[' && pattern[at + 1] === ':') {
      const end = pattern.indexOf(':]', at)
      if (end > 0) at = end + 1
    }
  }
  return -1
}
