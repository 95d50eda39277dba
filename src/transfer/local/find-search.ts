// The words the parts of the search on disk share.
import type { Stats } from 'node:fs'

import type { Selecting } from '../job.ts'
import type { Chooser, Skipped } from '../select/select.ts'

/** What a search found on disk. */
export type LocalFile = {
  /** Where it is read: as the step sees it, or the real path when a link was followed. */
  path: string
  root: string
  below: string
  kind: 'file' | 'folder' | 'link'
  /** For a link the length of its target. */
  sizeBytes: number
  modifiedAtMs: number
  /** Permission bits, `0o755`. */
  mode: number
  /** Where a kept link points; never out of its source. */
  linkTarget?: string
}

/** One search below one source: what it asks, and where it puts what it finds. */
export type Search = {
  select: Selecting
  root: string
  chooser: Chooser
  found: LocalFile[]
  skipped: Skipped
}

/** A place below a source: where it is, and its path below the source's fixed part. */
export type Place = { path: string; below: string }

/** A file or folder as the search keeps it. */
export function toLocalFile(at: Place & { root: string }, stats: Stats): LocalFile {
  const isFolder = stats.isDirectory()
  return {
    path: at.path,
    root: at.root,
    below: at.below,
    kind: isFolder ? 'folder' : 'file',
    sizeBytes: isFolder ? 0 : stats.size,
    modifiedAtMs: stats.mtimeMs,
    mode: stats.mode & 0o7777,
  }
}
