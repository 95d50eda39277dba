// Everything that is kept beside a file's content, as headers and back: content headers, the time of
// the last write, people's metadata, and the metadata names that are ours.
import type { HttpHead } from '../../http/http.ts'
import { describe, toMetadataHeaders } from '../blob/properties.ts'
import type { Attributes, RemoteFile, Write } from '../remote.ts'

/** The content headers; in Set File Properties a missing one is cleared. */
export function toContentHeaders({ properties, digests }: Write): Record<string, string> {
  return withoutAbsent({
    'x-ms-content-type': properties.contentType,
    'x-ms-content-encoding': properties.contentEncoding,
    'x-ms-content-language': properties.contentLanguage,
    'x-ms-content-disposition': properties.contentDisposition,
    'x-ms-cache-control': properties.cacheControl,
    'x-ms-content-md5': digests.md5,
  })
}

/** Metadata and the time of the last write: what a rename can give a file too. */
export function toKeptHeaders(write: Write): Record<string, string> {
  const { modifiedAtMs, ...attributes } = write.attributes
  return {
    // The share keeps the time itself, so it has no place in the metadata.
    ...toMetadataHeaders({ ...write, attributes }),
    ...toTimeHeaders(modifiedAtMs),
  }
}

/** The time of the last write, if it is to be kept. */
export function toTimeHeaders(modifiedAtMs: number | undefined): Record<string, string> {
  if (modifiedAtMs === undefined) return {}
  const time = new Date(modifiedAtMs).toISOString().replace('Z', '0000Z')
  return { 'x-ms-file-last-write-time': time }
}

/** A link's target from a header: what could not stand there as it is came escaped. */
export function parseLinkText(text: string): string {
  try {
    const decoded = decodeURI(text)
    return /[^ -~]/.test(decoded) ? decoded : text
  } catch {
    return text
  }
}

/** A link's target as it may stand in a header. */
export function toLinkText(target: string): string {
  return /[^ -~]/.test(target) ? encodeURI(target) : target
}

/** A file or folder from the headers of an answer to HEAD or GET; of a range, the whole file. */
export function toRemoteFile(
  name: string,
  { headers }: HttpHead,
  kind: 'file' | 'folder',
): RemoteFile {
  const range = /\/(\d+)$/.exec(headers['content-range'] ?? '')
  const metadata = new Map<string, string>()
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith('x-ms-meta-')) metadata.set(header.slice('x-ms-meta-'.length), value)
  }
  const text = (header: string): string => headers[header] ?? ''
  const size = range?.[1] ?? (text('content-length') || '0')
  const file = describe(
    {
      name,
      size: kind === 'folder' ? '0' : size,
      etag: text('etag'),
      lastModified: text('last-modified'),
      resourceType: kind === 'folder' ? 'directory' : '',
      // In an answer to a range, Content-MD5 would be the checksum of the range.
      contentMd5: text('x-ms-content-md5') || (range ? '' : text('content-md5')),
      contentType: text('content-type'),
      contentEncoding: text('content-encoding'),
      contentLanguage: text('content-language'),
      contentDisposition: text('content-disposition'),
      cacheControl: text('cache-control'),
      accessTier: '',
    },
    metadata,
  )
  const kept = attributesOf(file.attributes, headers)
  return { ...file, kind: kindOf(file, headers), attributes: kept }
}

// A share that speaks NFS tells the mode and knows links of its own.
function kindOf({ kind }: RemoteFile, headers: Record<string, string>): RemoteFile['kind'] {
  return headers['x-ms-file-file-type']?.toLowerCase() === 'symlink' ? 'link' : kind
}

function attributesOf(own: Attributes, headers: Record<string, string>): Attributes {
  const modifiedAtMs = Date.parse(headers['x-ms-file-last-write-time'] ?? '')
  const native = headers['x-ms-mode'] ?? ''
  const isNative = own.mode === undefined && /^[0-7]{3,4}$/.test(native)
  return {
    ...own,
    ...(isNative && { mode: Number.parseInt(native, 8) }),
    ...(Number.isFinite(modifiedAtMs) && { modifiedAtMs }),
  }
}

function withoutAbsent(headers: Record<string, string | undefined>): Record<string, string> {
  const present: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) present[name] = value
  }
  return present
}
