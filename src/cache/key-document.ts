// What lies under a key: one small JSON document, written last and at once, so that a reader who finds
// it finds everything it names. Names are relative to the scope's folder.
import { Fault } from '../core/fault.ts'

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

const longestKey = 512
const archiveName = /^archives\/[\w-]{1,100}\.tar\.zst$/
const manifestName = /^manifests\/[0-9a-f]{64}$/

/** What a saved tree is bounded by when it is restored: what its document says of it. */
export function boundsOf({ entries, bytes }: Pick<KeyDocument, 'entries' | 'bytes'>): {
  entries: number
  bytes: number
} {
  return { entries, bytes }
}

/** The bytes of a document. */
export function writeDocument(document: KeyDocument): Buffer {
  return Buffer.from(JSON.stringify(document))
}

/** Reads a document, of which nothing is believed; throws `cache_archive_invalid`. */
export function readDocument(bytes: Buffer): KeyDocument {
  const value = parse(bytes)
  const { version, key, savedAt, savedBy, paths, entries, bytes: size, content } = value
  const isWhole =
    version === 1 &&
    isText(key) &&
    isText(savedAt) &&
    isText(savedBy) &&
    Array.isArray(paths) &&
    paths.every((path) => isText(path)) &&
    isCount(entries) &&
    isCount(size)
  if (!isWhole) throw invalid()
  const facts = { version, key, savedAt, savedBy, paths, entries, bytes: size } as const
  return { ...facts, content: readContent(toRecord(content)) }
}

/**
 * A key as one segment of a name: percent-encoded, dots too, so that what begins alike is encoded alike, and no
 * key is another folder. Throws `cache_key_invalid`.
 */
export function encodeKey(key: string): string {
  if (key === '' || key.length > longestKey || /\p{Cc}/u.test(key) || !key.isWellFormed()) {
    const shown = JSON.stringify(key.slice(0, 80))
    throw new Fault(
      'cache_key_invalid',
      `${shown} is no key: it has 1 to ${longestKey} printable characters.`,
    )
  }
  return encodeURIComponent(key).replaceAll(
    /[.!~*'()]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The key of a name that `encodeKey` gave; throws `cache_key_invalid`. */
export function decodeKey(encodedName: string): string {
  try {
    return decodeURIComponent(encodedName)
  } catch (cause) {
    const shown = JSON.stringify(encodedName)
    throw new Fault('cache_key_invalid', `${shown} is the name of no key.`, { cause })
  }
}

function readContent(content: Record<string, unknown>): KeyDocument['content'] {
  if (content['mode'] === 'archive') {
    return { mode: 'archive', archive: readNamed(toRecord(content['archive']), archiveName) }
  }
  if (content['mode'] !== 'pack') throw invalid()
  return { mode: 'pack', manifest: readNamed(toRecord(content['manifest']), manifestName) }
}

function readNamed(named: Record<string, unknown>, pattern: RegExp): Named {
  const { name, sha256, sizeBytes } = named
  const isNamed = isText(name) && pattern.test(name) && isText(sha256) && isCount(sizeBytes)
  if (!isNamed || !/^[0-9a-f]{64}$/.test(sha256)) throw invalid()
  return { name, sha256, sizeBytes }
}

function parse(bytes: Buffer): Record<string, unknown> {
  try {
    return toRecord(JSON.parse(bytes.toString()))
  } catch (cause) {
    throw invalid(cause)
  }
}

function toRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid()
  return Object.fromEntries(Object.entries(value))
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function invalid(cause?: unknown): Fault {
  return new Fault('cache_archive_invalid', 'The document of the key is damaged.', { cause })
}
