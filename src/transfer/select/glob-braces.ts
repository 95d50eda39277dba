// Braces in globs, written out as bash does it: before anything else in the pattern is looked at.

const maxPatterns = 1000

/** The patterns a pattern with braces stands for; undefined when there are more than 1,000. */
export function expandBraces(pattern: string): string[] | undefined {
  const done: string[] = []
  const open = [{ head: '', tail: pattern }]
  for (let next = open.pop(); next; next = open.pop()) {
    const brace = findBrace(next.tail)
    if (!brace) done.push(next.head + next.tail)
    else {
      const { head, tail } = next
      const before = head + tail.slice(0, brace.start)
      const after = tail.slice(brace.end + 1)
      // An alternative may have braces of its own, so it is looked at together with what follows.
      for (const member of brace.members.toReversed()) {
        open.push({ head: before, tail: member + after })
      }
    }
    if (done.length + open.length > maxPatterns) return undefined
  }
  return done
}

type Brace = { start: number; end: number; members: string[] }

// The first brace with a comma or a range at its own level; `{x}` and `{}` are plain text.
function findBrace(text: string): Brace | undefined {
  for (let start = 0; start < text.length; start++) {
    if (text[start] === '\\') start++
    else if (text[start] === '{') {
      const brace = readBrace(text, start)
      if (brace) return brace
    }
  }
  return undefined
}

function readBrace(text: string, start: number): Brace | undefined {
  const cuts: number[] = []
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (char === '\\') at++
    else if (char === '{') depth++
    else if (char === ',' && depth === 1) cuts.push(at)
    else if (char === '}' && --depth === 0) {
      const range = cuts.length === 0 ? toRange(text.slice(start + 1, at)) : undefined
      if (range) return { start, end: at, members: range }
      if (cuts.length === 0) return undefined
      const bounds = [start, ...cuts, at]
      const members = cuts.concat(at).map((end, index) => text.slice((bounds[index] ?? 0) + 1, end))
      return { start, end: at, members }
    }
  }
  return undefined
}

// `{1..3}`, `{01..10}`, `{a..e}`, `{10..0..5}`; undefined when it is none.
function toRange(text: string): string[] | undefined {
  const match =
    /^(?:(-?\d{1,9})\.\.(-?\d{1,9})|([A-Za-z])\.\.([A-Za-z]))(?:\.\.(-?\d{1,9}))?$/.exec(text)
  if (!match) return undefined
  const [, from = '', to = '', firstLetter, lastLetter, step = '1'] = match
  const first = firstLetter === undefined ? Number(from) : firstLetter.charCodeAt(0)
  const last = lastLetter === undefined ? Number(to) : lastLetter.charCodeAt(0)
  const pace = Math.abs(Number(step)) || 1
  const count = Math.floor(Math.abs(last - first) / pace) + 1
  // One more than allowed is enough for the caller to see that it is too much.
  const length = Math.min(count, maxPatterns + 1)
  const isPadded = /^-?0\d/.test(from) || /^-?0\d/.test(to)
  const width = isPadded ? Math.max(from.length, to.length) : 0
  return Array.from({ length }, (_, index) => {
    const value = first + Math.sign(last - first) * index * pace
    if (firstLetter !== undefined) return escapeAll(String.fromCharCode(value))
    const digits = String(Math.abs(value)).padStart(value < 0 ? width - 1 : width, '0')
    return value < 0 ? `-${digits}` : digits
  })
}

function escapeAll(text: string): string {
  return text.replaceAll(/[^\w/]/g, String.raw`\$&`)
}
