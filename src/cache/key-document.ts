// What lies under a key: one small JSON document, written last and at once, so that a reader who finds
// it finds everything it names. Names are relative to the scope's folder.

/** A content named by a document, with what proves that it is the one that was saved. */
export type Named = { name: string; sha256: string; sizeBytes: number }

/** What a save made. */
export type KeyDocument = {
  version: 1
  key: string
  /** When the save ended, ISO 8601. */
  savedAt: string
  /** Who saved it, for people: `octo/web#1207`. */
  savedBy: string
  /** The paths as the step named them, in the order of the roots. */
  paths: readonly string[]
  /** Entries of the tree, and bytes of its files. */
  entries: number
  bytes: number
  content: { mode: 'archive'; archive: Named } | { mode: 'pack'; manifest: Named }
}

/** What a saved tree is bounded by when it is restored: what its document says of it. */
export function boundsOf({ entries, bytes }: Pick<KeyDocument, 'entries' | 'bytes'>): {
  entries: number
  bytes: number
} {
  return { entries, bytes }
}
