// The only patterns a policy knows: `*` stays inside one path segment, `**` as a whole segment spans
// any number of them, everything else is literal, and the match is always of the whole text. No
// regular expressions, hence no anchoring holes and no backtracking surprises.

/** Whether a pattern may stand in a policy; the reason why not, otherwise undefined. */
export function explainBadGlob(pattern: string): string | undefined {
  if (pattern === '') return 'is empty'
  if (pattern.startsWith('*'))
    return 'begins with "*", which would match names nobody has thought of'
  if (/[?[\]{}()!\\]/.test(pattern)) return 'uses a sign other than "*", the only wildcard'
  const badStars = pattern.split('/').some((part) => part.includes('**') && part !== '**')
  return badStars ? 'has "**" beside other text in one segment' : undefined
}

/** Whether the whole text is matched, letter by letter. */
export function matchesGlob(pattern: string, text: string): boolean {
  return matchSegments(pattern.split('/'), text.split('/'), matchSegment)
}

/** The pattern as a matcher of whole texts, for patterns that are asked often. */
export function compileGlob(pattern: string): (text: string) => boolean {
  const star = pattern.indexOf('*')
  if (star === -1) return (text) => text === pattern
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)]
  // The two shapes nearly every policy has need no splitting.
  if (tail === '*' && head.endsWith('/')) return (text) => text.startsWith(head)
  if (!tail.includes('*')) {
    return (text) =>
      text.length >= head.length + tail.length &&
      text.startsWith(head) &&
      text.endsWith(tail) &&
      !text.slice(head.length, text.length - tail.length).includes('/')
  }
  const patterns = pattern.split('/')
  return (text) => matchSegments(patterns, text.split('/'), matchSegment)
}

/** Whether the wide pattern surely matches every text the narrow one matches; false when in doubt. */
export function coversGlob(wide: string, narrow: string): boolean {
  // A star of the narrow pattern is taken as a letter only a star of the wide one can match.
  return matchSegments(
    wide.split('/'),
    narrow.split('/'),
    (pattern, text) => text !== '**' && matchSegment(pattern, text),
  )
}

// Only the last `**` ever takes more than it has, so a long ref costs pattern × ref steps at most.
function matchSegments(
  patterns: readonly string[],
  texts: readonly string[],
  matches: (pattern: string, text: string) => boolean,
): boolean {
  let [next, at] = [0, 0]
  let lastStars: { after: number; taken: number } | undefined
  while (at < texts.length || next < patterns.length) {
    const [pattern, text] = [patterns[next], texts[at]]
    if (pattern === '**' && text !== undefined) {
      // One `**` takes at least one segment, so `refs/heads/**` does not match `refs/heads`.
      lastStars = { after: next + 1, taken: at + 1 }
    } else if (pattern !== undefined && text !== undefined && matches(pattern, text)) {
      next += 1
      at += 1
      continue
    } else if (lastStars && lastStars.taken < texts.length) {
      lastStars.taken += 1
    } else return false
    next = lastStars.after
    at = lastStars.taken
  }
  return true
}

function matchSegment(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*')
  const tail = rest.pop()
  if (tail === undefined) return pattern === text
  if (!text.startsWith(head) || text.length < head.length + tail.length) return false
  if (!text.endsWith(tail)) return false
  const end = text.length - tail.length
  let position = head.length
  for (const part of rest) {
    const found = text.indexOf(part, position)
    if (found === -1 || found + part.length > end) return false
    position = found + part.length
  }
  return true
}
