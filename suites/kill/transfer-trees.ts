// Two versions of a tree: big files that differ in all or some of their blocks, small files of the same
// and of other lengths, and files that only one of them has.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { noise } from '../interop/corpus.ts'

const mebibyte = 1024 * 1024
const smallFiles = 30

/** One version: where it lies, and the hash of each file by name. */
export type Round = { folder: string; hashes: ReadonlyMap<string, string> }

/** Writes both versions below a folder. */
export function versions(folder: string): Round[] {
  return [1, 2].map((version) => {
    const path = join(folder, `v${version}`)
    const hashes = new Map<string, string>()
    for (const [name, content] of filesOf(version)) {
      mkdirSync(dirname(join(path, name)), { recursive: true })
      writeFileSync(join(path, name), content)
      hashes.set(name, hashOf(content))
    }
    return { folder: path, hashes }
  })
}

/** SHA-256 in hex. */
export function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

function filesOf(version: number): Map<string, Buffer> {
  const partly = noise(10 * mebibyte, 7)
  partly.fill(version, 9 * mebibyte)
  const files = new Map([
    ['big.bin', noise(17 * mebibyte, version)],
    ['partly.bin', partly],
    ['same.txt', noise(5000, 99)],
    [`only-in-${version}.bin`, noise(9 * mebibyte, 50 + version)],
    [`only/in/${version}.txt`, Buffer.from(`only in ${version}`)],
  ])
  for (let index = 0; index < smallFiles; index += 1) {
    const length = index % 3 === 0 ? 1000 : 1000 * version
    files.set(`small/${index % 4}/${index}.txt`, noise(length, index * 10 + version))
  }
  return files
}
