// A file of .gitignore form that says what is left out; its patterns are matched below each source.
import { readFile } from 'node:fs/promises'

import ignore from 'ignore'

import { readingFault } from '../local/faults.ts'

/** The lines of an ignore file, ready to be asked. */
export type Ignore = {
  ignoresFile: (path: string) => boolean
  /** An ignored folder is not looked into: as with git, nothing below it can be taken back. */
  ignoresFolder: (path: string) => boolean
}

/** Reads the lines of an ignore file; nothing in it can be wrong. */
export function createIgnore(text: string, { caseSensitive }: { caseSensitive: boolean }): Ignore {
  const lines = ignore({ ignorecase: !caseSensitive }).add(text.replace(/^\ufeff/, ''))
  const asks = (path: string) => ignore.isPathValid(path) && lines.ignores(path)
  return { ignoresFile: asks, ignoresFolder: (path) => asks(`${path}/`) }
}

/** Reads the ignore file of a job from disk; a Fault `transfer_source_unreadable` when there is none. */
export async function readIgnoreFile(
  path: string,
  options: { caseSensitive: boolean },
): Promise<Ignore> {
  try {
    return createIgnore(await readFile(path, 'utf8'), options)
  } catch (error) {
    throw readingFault(error, path)
  }
}
