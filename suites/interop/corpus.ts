// Trees that transfers stumble over: odd names, odd lengths, and what a tree comes to as hashes.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const mebibyte = 1024 * 1024

const everywhere = [
  'plain.txt',
  'sp ace in/name .txt',
  ' leading space.txt',
  '50% off.txt',
  'a%2Fb%20c.txt',
  '#hash.txt',
  'plus+plus.txt',
  "quote'apostrophe.txt",
  'amp&semi;comma,equals=.txt',
  'bra[ck]et {curly} (round).txt',
  'til~de `back` ^caret !bang $dollar @at.txt',
  'uml\u00E4ut-nfc.txt',
  'uml\u0061\u0308ut-nfd.txt',
  '日本語/🚀 emoji.txt',
  'עברית/ملف.txt',
  '.hidden/.dot',
  'two..dots/..leading.txt',
  'UPPER/lower.TXT',
] as const

const blobsOnly = [
  'question?mark.txt',
  'star*.txt',
  'double"quote.txt',
  'a<b>c.txt',
  'pi|pe:colon.txt',
]

/** Names at whose end a dot stands; tools that change them are left out of those. */
export const dotted = ['end.', 'dots.../file.', 'folder./inside.txt'] as const

/** Names that the service can keep, each with what tells it from the others as its content. */
export function oddNames(service: 'blob' | 'files', extra: readonly string[]): Map<string, Buffer> {
  const names = [...everywhere, ...(service === 'blob' ? blobsOnly : []), ...extra]
  return new Map(names.map((name) => [name, Buffer.from(`content of ${name}`)]))
}

/** A path of exactly `bytes` bytes in segments of at most 200. */
export function longPath(bytes: number): string {
  const segment = 'long-segment-'.padEnd(200, 'x')
  const parts: string[] = []
  let left = bytes
  while (left > 255) {
    parts.push(segment)
    left -= segment.length + 1
  }
  return [...parts, 'é'.padEnd(left - 1, 'z')].join('/')
}

/** Files of lengths around those where ways of sending change. */
export function oddLengths(): Map<string, Buffer> {
  const lengths = [
    0,
    1,
    4 * mebibyte - 1,
    4 * mebibyte,
    8 * mebibyte,
    8 * mebibyte + 1,
    21 * mebibyte,
  ]
  return new Map(lengths.map((length) => [`len-${length}.bin`, noise(length, length)]))
}

/** Bytes that do not repeat, the same for the same seed. */
export function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1
  let at = 0
  for (; at + 4 <= length; at += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes.writeInt32LE(state | 0, at)
  }
  for (; at < length; at += 1) bytes[at] = (state + at) & 255
  return bytes
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [name, content] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
}

/** SHA-256 of each content, by name. */
export function hashFiles(files: Iterable<readonly [string, Buffer]>): Record<string, string> {
  const rows = [...files].map(([name, content]): [string, string] => [name, hashOf(content)])
  return Object.fromEntries(rows.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** The same of all files below a folder, and `folder` for folders that are empty. */
export function hashTree(folder: string): Record<string, string> {
  const rows: Record<string, string> = {}
  const visit = (path: string) => {
    const entries = readdirSync(join(folder, path), { withFileTypes: true })
    if (entries.length === 0 && path !== '') rows[path] = 'folder'
    for (const entry of entries) {
      const below = path === '' ? entry.name : `${path}/${entry.name}`
      if (entry.isDirectory()) visit(below)
      else rows[below] = hashOf(readFileSync(join(folder, below)))
    }
  }
  visit('')
  return Object.fromEntries(Object.entries(rows).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
