// What a cache knows of one thing in a tree. Everything that saves or restores speaks of entries; where
// they come from (a disk, an archive, a manifest) and where they go is theirs to know.
import { Fault } from '../../core/fault.ts'

/** Kinds of things that are kept; devices, sockets and pipes are not. */
export type EntryKind = 'file' | 'folder' | 'symlink' | 'hardlink'

/** One thing in a tree. */
export type Entry = {
  /** Which path of the step it lies in, counted from 0. */
  root: number
  /** Below that root, `/`-separated; empty for the root itself. */
  path: string
  kind: EntryKind
  /** Permission bits, with set-user-id and the like, `0o755`. */
  mode: number
  /** Milliseconds since 1970 with fractions, as exact as a double is: a quarter of a microsecond. */
  modifiedAtMs: number
  /** Length of a file's content; 0 for everything else. */
  sizeBytes: number
  /** Where a symbolic link points; of a hard link the path, in the same root, of the file it is. */
  target: string
}

/** What the names of staging folders begin with: they are never part of a tree. */
export const stagingPrefix = '.azure-storage-drone-restore-'

/** Name of an entry in sentences for people. */
export function describeEntry({ root, path }: Pick<Entry, 'root' | 'path'>): string {
  return path === '' ? `path ${root + 1}` : JSON.stringify(path)
}

/** The fault of an entry that may not be planted. */
export function refuseEntry(entry: Pick<Entry, 'root' | 'path'>, why: string): Fault {
  return new Fault('cache_entry_refused', `The entry ${describeEntry(entry)} was refused: ${why}.`)
}
