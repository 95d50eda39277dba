// What a remote place (a blob container, a file share) does for a transfer: the one interface between
// the engine and the two protocols. blob/ and files/ implement it; every method throws a Fault
// `azure_storage_*` or `transfer_*`, or `Halted` when the transfer ends.
import type { Body } from '../http/http.ts'

/** Checksums of a whole content, base64; CRC-64/NVME as in `x-ms-content-crc64` (little-endian). */
export type Digests = {
  crc64?: string
  md5?: string
  /** CRC-64 of the file before it was compressed on the way; only when it was. */
  sourceCrc64?: string
}

/** An access tier of a block blob. */
export type Tier = 'Hot' | 'Cool' | 'Cold' | 'Archive'

/** What is kept beside the content and shown to readers. */
export type Properties = {
  contentType: string
  contentEncoding?: string
  contentLanguage?: string
  contentDisposition?: string
  cacheControl?: string
  /** People's own metadata; names in lower case. */
  metadata: Readonly<Record<string, string>>
  /** Blob index tags. */
  tags: Readonly<Record<string, string>>
  tier?: Tier
}

/** What a file system knows about a file beside its content. */
export type Attributes = {
  /** Permission bits, `0o755`. */
  mode?: number
  modifiedAtMs?: number
  /** Where a symbolic link points; its content is then the same text. */
  linkTarget?: string
}

/** A file, folder or kept link as it is in the remote place now. */
export type RemoteFile = {
  name: string
  kind: 'file' | 'folder' | 'link'
  sizeBytes: number
  etag: string
  /** When the service last changed it, milliseconds since 1970. */
  modifiedAtMs: number
  digests: Digests
  properties: Properties
  attributes: Attributes
}

/** What must hold for a write to happen; otherwise it is `transfer_target_exists` or `_changed`. */
export type Condition = { kind: 'none' } | { kind: 'absent' } | { kind: 'match'; etag: string }

/** Everything that is written beside the content. */
export type Write = {
  properties: Properties
  attributes: Attributes
  digests: Digests
  condition: Condition
}

/** What a write came to. */
export type Written = { etag: string; versionId?: string }

/** Which bytes to read, `from` to `to` inclusive, and where they go. */
export type ReadOptions = {
  from: number
  to: number
  /** Fails with `transfer_blob_changed` when it is not this version any more. */
  etag?: string
  /** Gets the bytes in order; after a cut connection they go on where they ended. */
  onPiece: (piece: Buffer, offset: number) => Promise<void> | undefined
}

/** One part of a big content; the checksums are of this part alone. */
export type Part = { index: number; offset: number; sizeBytes: number; digests: Digests }

/** A big content on its way: invisible to readers until `commit`. */
export type PartWriter = {
  /** The length of every part but the last. */
  partBytes: number
  /** Whether an earlier, interrupted run has sent exactly this part. */
  holds: (part: Part) => boolean
  put: (part: Part, body: Buffer | Body) => Promise<void>
  /** Makes all parts the content at once. */
  commit: (parts: readonly Part[], write: Write) => Promise<Written>
}

/** A content in parts: its length, and a text that differs for every other version of the source. */
export type PartsOf = { sizeBytes: number; sourceId: string }

/** A blob container or a file share, seen from a transfer; names are `/`-separated, without one in front. */
export type Remote = {
  kind: 'blob' | 'files'
  /** For people: `https://account.blob.core.windows.net/container`. */
  shown: string
  /** Content up to this length is one request. */
  wholeBytes: number
  /** Throws `transfer_name_invalid` for names the service cannot keep. */
  assertName: (name: string) => void
  /** The one spelling of all names the service takes for the same: a share knows no difference of case. */
  foldName: (name: string) => string
  /** Undefined when nothing has this name. */
  stat: (name: string) => Promise<RemoteFile | undefined>
  /** Everything whose name begins with `prefix`, page by page, in no promised order. */
  list: (prefix: string) => AsyncGenerator<RemoteFile[]>
  putWhole: (name: string, body: Buffer, write: Write) => Promise<Written>
  openParts: (name: string, source: PartsOf, write: Write) => Promise<PartWriter>
  /** The state of the file whose bytes went to `onPiece`. */
  read: (name: string, options: ReadOptions) => Promise<RemoteFile>
  /** Replaces properties, attributes and digests, and leaves the content. */
  setProperties: (name: string, write: Write) => Promise<Written>
  /** A folder that exists without a file in it. */
  putFolder: (name: string, write: Write) => Promise<void>
  /** False when it was gone already. */
  remove: (file: Pick<RemoteFile, 'name' | 'kind'>, condition: Condition) => Promise<boolean>
}
