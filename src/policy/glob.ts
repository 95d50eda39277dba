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
  return matchSegments(pattern.split('/'), text.split('/'))
}

function matchSegments(patterns: string[], texts: string[]): boolean {
  const [pattern, ...morePatterns] = patterns
  if (pattern === undefined) return texts.length === 0
  if (pattern === '**') {
    // One `**` takes at least one segment, so `refs/heads/**` does not match `refs/heads`.
    return texts.some((_, taken) => matchSegments(morePatterns, texts.slice(taken + 1)))
  }
  const [text, ...moreTexts] = texts
  return text !== undefined && matchSegment(pattern, text) && matchSegments(morePatterns, moreTexts)
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
