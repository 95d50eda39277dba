// What a save and a restore tell of themselves, in both modes.
import type { KeyDocument } from './key-document.ts'

/** A tree that was saved; its key document is still to be written. */
export type Saved = {
  content: KeyDocument['content']
  /** Entries of the tree. */
  entries: number
  /** Bytes of its files. */
  bytes: number
  /** Bytes that went to the storage. */
  sentBytes: number
  /** Files whose content the storage had not had before. */
  newFiles: number
  /** Sockets, pipes and devices that were left out. */
  special: number
}

/** A tree that was restored. */
export type Restored = {
  /** Entries of the tree. */
  entries: number
  /** Bytes of its files. */
  bytes: number
  /** Bytes that came from the storage. */
  readBytes: number
  /** Files that were on the disk already and were left where they are. */
  keptFiles: number
}
