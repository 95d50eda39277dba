// SHA-256 over files that globs name: their paths and contents in the order of the paths, so that it is the
// same on every machine.
import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'

import { Fault, messageOf } from '../core/fault.ts'

// What is installed has lock files of its own, and looking for them takes longer than all the rest.
const passedOver = new Set(['node_modules', '.git'])

/** Files below `folder` that a glob names, `/`-separated, sorted. */
export function findFiles(folder: string, globs: readonly string[]): string[] {
  const found = new Set<string>()
  for (const glob of globs) {
    const named = new Set(glob.split('/').filter((segment) => passedOver.has(segment)))
    const exclude = (name: string) => passedOver.has(name) && !named.has(name)
    for (const path of globSync(glob, { cwd: folder, exclude })) {
      if (statSync(join(folder, path), { throwIfNoEntry: false })?.isFile()) {
        found.add(path.split(sep).join('/'))
      }
    }
  }
  return [...found].toSorted()
}

/** Hex SHA-256 over those files; throws `cache_key_invalid` when there is none, or one cannot be read. */
export function hashFiles(folder: string, globs: readonly string[]): string {
  const files = findFiles(folder, globs)
  const shown = globs.map((glob) => JSON.stringify(glob)).join(', ')
  if (files.length === 0) {
    throw new Fault('cache_key_invalid', `\`hashFiles\` finds no file for ${shown} in ${folder}.`)
  }
  const digest = createHash('sha256')
  for (const file of files) {
    try {
      const content = createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest()
      digest.update(`${file}\0`).update(content)
    } catch (cause) {
      const sentence = `\`hashFiles\` cannot read ${file}: ${messageOf(cause)}.`
      throw new Fault('cache_key_invalid', sentence, { cause })
    }
  }
  return digest.digest('hex')
}
