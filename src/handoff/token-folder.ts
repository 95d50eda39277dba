// A private folder for token files: mode 0700, in memory where there is such a place, each file whole at
// any time and its owner's alone.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Fault, messageOf } from '../core/fault.ts'

/** The folder and the ways to fill and to remove it. */
export type TokenFolder = {
  path: string
  /** Puts a file there, or a new one in its place; readers see one or the other. */
  write: (name: string, content: string) => void
  remove: () => void
}

/** Makes the folder in the first of these places that can be written to; throws `handoff_unwritable`. */
export function createTokenFolder(places: readonly string[]): TokenFolder {
  const path = makeFolder(places)
  return {
    path,
    write: (name, content) => {
      const next = join(path, `${name}.next`)
      writeFileSync(next, content, { mode: 0o600 })
      renameSync(next, join(path, name))
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

function makeFolder(places: readonly string[]): string {
  const reasons: string[] = []
  for (const place of places) {
    try {
      return mkdtempSync(join(place, 'asd-exec-'))
    } catch (error) {
      reasons.push(messageOf(error))
    }
  }
  throw new Fault(
    'handoff_unwritable',
    `There is no place for the token files: ${reasons.join('; ')}.`,
  )
}
