// What a cache needs of a container: the one interface between the cache and the storage service.
// open-store.ts implements it over a remote place of the transfer room.

/** Something that lies in the container, as one call saw it. */
export type Item = {
  name: string
  sizeBytes: number
  etag: string
  /** When the service last changed it, milliseconds since 1970 on the service's clock. */
  modifiedAtMs: number
}

/** What must hold for a write to happen. */
export type WriteCondition = 'always' | 'absent' | { etag: string }

/** Some bytes of one content; `etag` binds them to the version that was looked at. */
export type Range = { from: number; sizeBytes: number; etag?: string }

/** One container, or a folder of it; names are `/`-separated. Methods throw `azure_storage_*` and `transfer_*`. */
export type CacheStore = {
  /** For people: `https://account.blob.core.windows.net/container/folder`. */
  shown: string
  /** Everything whose name begins with `prefix`, page by page, in no promised order. */
  list: (prefix: string) => AsyncGenerator<Item[]>
  /** Undefined when nothing has this name. */
  find: (name: string) => Promise<Item | undefined>
  /** A whole content of at most `maxBytes`; undefined when nothing has this name; `cache_archive_invalid` when longer. */
  readWhole: (name: string, maxBytes: number) => Promise<{ item: Item; bytes: Buffer } | undefined>
  /** Exactly these bytes; undefined when nothing has this name, or not this version any more. */
  readRange: (name: string, range: Range) => Promise<Buffer | undefined>
  /** Writes at most 8 MiB in one request; false, and nothing changed, when the condition does not hold. */
  writeWhole: (name: string, bytes: Buffer, condition: WriteCondition) => Promise<boolean>
  /**
   * Writes a content of unknown length (at most `mostBytes`) piece by piece, several parts at once, and shows
   * it when the last piece is there; false, and nothing changed, when the condition does not hold.
   */
  writeStream: (
    name: string,
    pieces: AsyncIterable<Buffer>,
    mostBytes: number,
    condition: WriteCondition,
  ) => Promise<boolean>
  /** False when it was gone already, or is another version than `etag`. */
  remove: (name: string, etag?: string) => Promise<boolean>
}
