// The sentences that faults are thrown with, found in the sources: `new Fault('code', <text>)`. What is
// put in at run time is shown as “…”.
import { globSync, readFileSync } from 'node:fs'

/** Sentences by code, in the order of the files. */
export function findSentences(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const file of globSync('{src,bin}/**/*.ts').toSorted()) {
    if (/\.(test|fixture)\.ts$/.test(file)) continue
    const text = readFileSync(file, 'utf8')
    for (const match of text.matchAll(/new Fault\(\s*'([a-z_]+)',\s*/g)) {
      const sentence = readText(text, (match.index ?? 0) + match[0].length)
      const code = match[1] ?? ''
      const known = found.get(code) ?? []
      if (/[a-z]{3}/i.test(sentence) && !known.includes(sentence))
        found.set(code, [...known, sentence])
    }
  }
  return found
}

// Literals joined by `+` up to the comma or bracket that ends the argument; anything else is “…”.
function readText(source: string, start: number): string {
  let at = start
  let text = ''
  let depth = 0
  while (at < source.length) {
    const char = source[at] ?? ''
    if (char === "'" || char === '`' || char === '"') {
      const [piece, next] = readLiteral(source, at)
      text += piece
      at = next
      continue
    }
    if (depth === 0 && (char === ',' || char === ')')) break
    if ('([{'.includes(char)) depth += 1
    if (')]}'.includes(char)) depth -= 1
    if (/[\w$]/.test(char) && !text.endsWith('…')) text += '…'
    at += 1
  }
  return text
    .replaceAll(/…(\s*…)+/g, '…')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

function readLiteral(source: string, start: number): [text: string, next: number] {
  const quote = source[start] ?? ''
  let text = ''
  let at = start + 1
  while (at < source.length && source[at] !== quote) {
    if (source[at] === '\\') {
      text += source[at + 1] === 'n' ? ' ' : (source[at + 1] ?? '')
      at += 2
    } else if (quote === '`' && source.startsWith('${', at)) {
      text += '…'
      at = endOfHole(source, at + 2)
    } else {
      text += source[at]
      at += 1
    }
  }
  return [text, at + 1]
}

function endOfHole(source: string, start: number): number {
  let at = start
  let depth = 1
  while (depth > 0 && at < source.length) {
    const char = source[at] ?? ''
    if (char === "'" || char === '`' || char === '"') at = readLiteral(source, at)[1]
    else {
      if (char === '{') depth += 1
      if (char === '}') depth -= 1
      at += 1
    }
  }
  return at
}
