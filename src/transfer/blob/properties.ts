// Everything that is kept beside a blob's content, as headers and back: standard properties, people's
// metadata, and the metadata names that are ours.
import type { HttpHead } from '../../http/http.ts'
import type { Attributes, Digests, Properties, RemoteFile, Tier, Write } from '../remote.ts'

/** Metadata in which a conditional write leaves its mark, to be known again if its answer is lost. */
export const writeMark = 'asdwrite'

// Ours, or shared by name with rclone (mtime), AzCopy and blobfuse (is_symlink, hdi_isfolder).
const keptNames = new Set(
  `asdcrc64 asdsource asdmode ${writeMark} mtime is_symlink hdi_isfolder`.split(' '),
)

const tiers: Readonly<Record<string, Tier>> = {
  Hot: 'Hot',
  Cool: 'Cool',
  Cold: 'Cold',
  Archive: 'Archive',
}

/** The headers of the standard properties; in Set Blob Properties a missing one is cleared. */
export function toPropertyHeaders({ properties, digests }: Write): Record<string, string> {
  const headers: Record<string, string> = { 'x-ms-blob-content-type': properties.contentType }
  addIfAny(headers, 'x-ms-blob-content-encoding', properties.contentEncoding)
  addIfAny(headers, 'x-ms-blob-content-language', properties.contentLanguage)
  addIfAny(headers, 'x-ms-blob-content-disposition', properties.contentDisposition)
  addIfAny(headers, 'x-ms-blob-cache-control', properties.cacheControl)
  addIfAny(headers, 'x-ms-blob-content-md5', digests.md5)
  return headers
}

/** The metadata headers: people's own, then ours. */
export function toMetadataHeaders({
  properties,
  attributes,
  digests,
}: Write): Record<string, string> {
  const { mode, modifiedAtMs, linkTarget } = attributes
  const headers: Record<string, string> = {}
  for (const name in properties.metadata) {
    addIfAny(headers, `x-ms-meta-${name}`, properties.metadata[name])
  }
  addIfAny(headers, 'x-ms-meta-asdcrc64', digests.crc64)
  addIfAny(headers, 'x-ms-meta-asdsource', digests.sourceCrc64)
  if (mode !== undefined) {
    headers['x-ms-meta-asdmode'] = `0${(mode & 0o7777).toString(8).padStart(3, '0')}`
  }
  if (modifiedAtMs !== undefined) {
    headers['x-ms-meta-mtime'] = new Date(modifiedAtMs).toISOString()
  }
  if (linkTarget !== undefined) headers['x-ms-meta-is_symlink'] = 'true'
  return headers
}

/** The headers of tags and tier, which only the calls that write content take along. */
export function toPlacementHeaders({ properties }: Write): Record<string, string> {
  const headers: Record<string, string> = {}
  const tags = Object.entries(properties.tags)
  if (tags.length > 0) headers['x-ms-tags'] = new URLSearchParams(tags).toString()
  addIfAny(headers, 'x-ms-access-tier', properties.tier)
  return headers
}

function addIfAny(headers: Record<string, string>, name: string, value: string | undefined): void {
  if (value !== undefined) headers[name] = value
}

/** A blob from the headers of an answer to HEAD or GET; of a range, the whole blob. */
export function toRemoteFile(name: string, { headers }: HttpHead): RemoteFile {
  const range = /\/(\d+)$/.exec(headers['content-range'] ?? '')
  const metadata = new Map<string, string>()
  for (const header in headers) {
    if (!header.startsWith('x-ms-meta-')) continue
    metadata.set(header.slice('x-ms-meta-'.length), headers[header] ?? '')
  }
  const text = (header: string): string => headers[header] ?? ''
  const described: Described = {
    name,
    size: range?.[1] ?? (text('content-length') || '0'),
    etag: text('etag'),
    lastModified: text('last-modified'),
    resourceType: text('x-ms-resource-type'),
    // In an answer to a range, Content-MD5 would be the checksum of the range.
    contentMd5: text('x-ms-blob-content-md5') || (range ? '' : text('content-md5')),
    contentType: text('content-type'),
    contentEncoding: text('content-encoding'),
    contentLanguage: text('content-language'),
    contentDisposition: text('content-disposition'),
    cacheControl: text('cache-control'),
    accessTier: text('x-ms-access-tier'),
  }
  return describe(described, metadata)
}

/** What an answer says of one blob, as text; empty where it says nothing. */
export type Described = {
  name: string
  size: string
  etag: string
  lastModified: string
  resourceType: string
  contentMd5: string
  contentType: string
  contentEncoding: string
  contentLanguage: string
  contentDisposition: string
  cacheControl: string
  accessTier: string
}

/** A blob from what an answer says of it; names of metadata are in lower case. */
export function describe(from: Described, kept: ReadonlyMap<string, string>): RemoteFile {
  return {
    name: from.name,
    kind: kindOf(from, kept),
    sizeBytes: Number(from.size),
    etag: quote(from.etag),
    modifiedAtMs: Date.parse(from.lastModified) || 0,
    digests: toDigests(from, kept),
    properties: toProperties(from, kept),
    attributes: toAttributes(kept),
  }
}

const empty: Readonly<Record<string, string>> = Object.freeze({})
const noAttributes: Attributes = Object.freeze({})

// A listing tells ETags without the quotes that conditions need.
function quote(etag: string): string {
  return etag === '' || etag.endsWith('"') ? etag : `"${etag}"`
}

function kindOf(
  { name, size, resourceType }: Described,
  kept: ReadonlyMap<string, string>,
): RemoteFile['kind'] {
  if (resourceType === 'directory' || kept.get('hdi_isfolder')?.toLowerCase() === 'true') {
    return 'folder'
  }
  if (kept.get('is_symlink')?.toLowerCase() === 'true') return 'link'
  // Some tools keep a folder as an empty blob of this form.
  return name.endsWith('/') && Number(size) === 0 ? 'folder' : 'file'
}

function toDigests({ contentMd5 }: Described, kept: ReadonlyMap<string, string>): Digests {
  return present({
    crc64: kept.get('asdcrc64'),
    md5: contentMd5 || undefined,
    sourceCrc64: kept.get('asdsource'),
  })
}

function toProperties(from: Described, kept: ReadonlyMap<string, string>): Properties {
  return {
    contentType: from.contentType,
    metadata: toOwn(kept),
    tags: empty,
    ...present({
      contentEncoding: from.contentEncoding || undefined,
      contentLanguage: from.contentLanguage || undefined,
      contentDisposition: from.contentDisposition || undefined,
      cacheControl: from.cacheControl || undefined,
      tier: tiers[from.accessTier],
    }),
  }
}

function toOwn(kept: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  if (kept.size === 0) return empty
  const own: [name: string, value: string][] = []
  for (const [name, value] of kept) if (!keptNames.has(name)) own.push([name, value])
  return own.length === 0 ? empty : Object.fromEntries(own)
}

function toAttributes(kept: ReadonlyMap<string, string>): Attributes {
  if (!kept.has('asdmode') && !kept.has('mtime')) return noAttributes
  const mode = kept.get('asdmode') ?? ''
  const modifiedAtMs = Date.parse(kept.get('mtime') ?? '')
  return present({
    mode: /^[0-7]{3,5}$/.test(mode) ? Number.parseInt(mode, 8) & 0o7777 : undefined,
    modifiedAtMs: Number.isFinite(modifiedAtMs) ? modifiedAtMs : undefined,
  })
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

// The same record without what is undefined.
function present<T extends Record<string, unknown>>(record: T): Present<T> {
  const kept: Present<T> = {}
  for (const key in record) {
    const value = record[key]
    if (value !== undefined) kept[key] = value as Exclude<T[typeof key], undefined>
  }
  return kept
}
