// The demo's own files: a tree as builds make them, with names that break careless tools, and the
// comparison of two trees, byte by byte.
import { createHash } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const smallFiles = 1000
const smallBytes = 8 * 1024
const bigFiles = [20 * 1024 * 1024, 24 * 1024 * 1024 + 7]

const oddNames = [
  'odd/with space.txt',
  'odd/50%.txt',
  'odd/a%2Fb.txt',
  'odd/#hash?.txt',
  'odd/plus+and&.txt',
  'odd/quote\'s "double".txt',
  'odd/ünïcode-é.txt',
  'odd/u\u0308ni-decomposed.txt',
  'odd/日本語/ファイル.txt',
  'odd/🚀.bin',
  'odd/.hidden',
  'odd/-dash.txt',
  'odd/[brackets]{braces}*.txt',
  'odd/semi;colon,comma.txt',
  'odd/a/very/deep/path/that/goes/on/and/on/and/on/file.txt',
  'odd/empty.dat',
]

/** Files and bytes of a tree; symbolic links and empty folders do not count. */
export type TreeSize = { files: number; bytes: number }

/** Makes the demo's tree in a folder: over 1,000 files and 50 MB, the same for everyone. */
export function makeTree(folder: string): void {
  for (const [index, sizeBytes] of bigFiles.entries()) {
    write(folder, `big/file-${index}.bin`, pseudoRandomBytes(sizeBytes, `big ${index}`))
  }
  for (let index = 0; index < smallFiles; index += 1) {
    const bytes = pseudoRandomBytes(smallBytes + (index % 97), `small ${index}`)
    write(folder, `dist/chunk-${index % 20}/asset-${index}.js`, bytes)
  }
  for (const name of oddNames) {
    write(folder, name, Buffer.from(name.endsWith('empty.dat') ? '' : `This is ${name}\n`))
  }
}

/** Size of the regular files below a folder. */
export function measureTree(folder: string): TreeSize {
  const paths = listFiles(folder)
  const bytes = paths.reduce((sum, path) => sum + statSync(join(folder, path)).size, 0)
  return { files: paths.length, bytes }
}

/** What differs between two trees, one sentence a file; empty when they are identical. */
export async function compareTrees(left: string, right: string): Promise<string[]> {
  const leftPaths = new Set(listFiles(left))
  const rightPaths = new Set(listFiles(right))
  const differences = [
    ...[...leftPaths.difference(rightPaths)].map((path) => `missing: ${path}`),
    ...[...rightPaths.difference(leftPaths)].map((path) => `unexpected: ${path}`),
  ]
  for (const path of leftPaths.intersection(rightPaths)) {
    const [one, other] = await Promise.all([
      hashFile(join(left, path)),
      hashFile(join(right, path)),
    ])
    if (one !== other) differences.push(`different content: ${path}`)
  }
  return differences
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

// SHAKE256 as a generator: incompressible, and the same on every machine.
function pseudoRandomBytes(sizeBytes: number, seed: string): Buffer {
  return createHash('shake256', { outputLength: sizeBytes }).update(seed).digest()
}

function write(folder: string, name: string, bytes: Buffer): void {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
}
