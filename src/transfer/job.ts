// What a person asked for, understood and checked: the one value that goes from the plugin and the
// command line into the engine.
import type { Properties } from './remote.ts'

/** Which files are meant. */
export type Selecting = {
  /** Files, folders and globs; one that begins with `!` takes away from those before it. */
  sources: readonly string[]
  /** Globs on the path below a source; empty means all. */
  include: readonly string[]
  exclude: readonly string[]
  /** A file of `.gitignore` form whose matches are left out. */
  ignoreFile?: string
  dotfiles: boolean
  caseSensitive: boolean
  symlinks: 'skip' | 'follow' | 'keep'
  emptyFolders: boolean
  ifNoFiles: 'error' | 'warn' | 'ignore'
}

/** What the files are called on the other side. */
export type Naming = {
  /** A prefix in the remote place, or a folder on disk. */
  target: string
  /** Leading part of every path that is cut off; a glob may stand for segments. */
  stripPrefix: string
  /** Only the last segment of every path is kept. */
  flatten: boolean
}

/** How a file is compressed on the way. */
export type Compression = 'gzip' | 'br' | 'zstd'

/** One rule for the files its globs match; of several rules the first that names a property decides it. */
export type Rule = {
  match: readonly string[]
  set: Partial<Properties>
  compress?: Compression
}

/** Which checksum goes with every request and is kept with every file. */
export type Integrity = 'crc64' | 'md5' | 'none'

/** What happens to a name that exists. */
export type Overwrite = 'always' | 'never' | 'changed' | 'newer' | 'error'

/** What every job that moves files shares. */
export type Moving = {
  select: Selecting
  naming: Naming
  integrity: Integrity
  overwrite: Overwrite
  /** Keeps mode and time of change, and restores them. */
  preserve: boolean
  /** Removes at the target what the source does not have. */
  deletes: boolean
  /** More removals than this end the job before the first one. */
  maxDelete: number
  /** Globs on target names that are never removed. */
  protect: readonly string[]
}

/** From disk to the remote place. */
export type UploadJob = Moving & {
  action: 'upload'
  rules: readonly Rule[]
  /** Files beside a file whose name it has plus `.gz`, `.br` or `.zst` are sent in its place. */
  precompressed: boolean
  /** Other files first, pages last, removals at the very end, as a web site wants it. */
  site: boolean
}

/** From the remote place to disk. */
export type DownloadJob = Moving & {
  action: 'download'
  /** Unpacks what was compressed on the way: by us, always, or never. */
  decompress: 'auto' | 'always' | 'never'
}

/** Compares what is remote with its own digests. */
export type VerifyJob = { action: 'verify'; select: Selecting; naming: Naming }

/** Shows what is there. */
export type ListJob = { action: 'list'; select: Selecting }

/** Removes what is there. */
export type RemoveJob = {
  action: 'remove'
  select: Selecting
  maxDelete: number
}

/** Everything the engine can be asked for. */
export type Job = UploadJob | DownloadJob | VerifyJob | ListJob | RemoveJob
