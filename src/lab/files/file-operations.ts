// Operations on whole files: create with or without content, read, properties, metadata, delete
// (Azure Files REST, "Operations on files").
import { createHash } from 'node:crypto'

import {
  applyFileProperties,
  assertLease,
  emptyAnswer,
  type FilesAnswer,
  type FilesCall,
  headerIn,
  httpHeadersIn,
  metadataHeaders,
  metadataIn,
  requireHeader,
  shareOf,
  stateHeaders,
} from './call.ts'
import { filesRefusal } from './errors.ts'
import { type ByteRange, overwrite, readPieces } from './sparse.ts'
import { structuredForm } from './structured-body.ts'
import {
  attach,
  detach,
  type FileNode,
  findNode,
  findParent,
  newFile,
  setExtents,
  touch,
} from './tree.ts'

/** The longest body of a create or a range. */
export const maxContentBytes = 4 * 1024 * 1024

const maxFileBytes = 4 * 1024 ** 4
// Before this version a create must not have a body.
const firstContentVersion = '2026-02-06'

/** Create File. */
export function createFile(call: FilesCall): FilesAnswer {
  const { tree, segments, body } = call
  if (requireHeader(call, 'x-ms-type').toLowerCase() !== 'file') {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-type' })
  }
  const sizeBytes = sizeIn(call)
  const isTooOld = call.version < firstContentVersion || call.limits.withoutContent
  if ((isTooOld && body.length > 0) || body.length > sizeBytes) {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'Content-Length' })
  }
  const md5 = checkMd5(call)
  const share = shareOf(call)
  const before = findNode(share, segments)
  if (before && before.kind !== 'file') throw filesRefusal('ResourceTypeMismatch')
  if (before) assertWritable(call, before)
  const file = newFile(tree, segments.at(-1) ?? '', findParent(share, segments))
  // Replacing keeps the lease; the name keeps the case in which it was first written.
  if (before) Object.assign(file, { leaseId: before.leaseId, name: before.name })
  file.sizeBytes = sizeBytes
  file.httpHeaders = httpHeadersIn(call)
  file.metadata = metadataIn(call) ?? {}
  applyFileProperties(call, share, file)
  setExtents(tree, file, overwrite([], { from: 0, to: body.length - 1 }, body))
  if (before) setExtents(tree, before, [])
  attach(share, file)
  return emptyAnswer(201, {
    ...stateHeaders(share, file),
    ...(body.length > 0 && { 'content-md5': md5 }),
    ...writtenHeaders(call),
  })
}

/** Get File: all of it or one range. */
export function getFile(call: FilesCall): FilesAnswer {
  const file = fileOf(call)
  // The lab does not pack answers, and a client that counts on it would read them wrongly.
  if (headerIn(call, 'x-ms-structured-body') !== '') {
    throw filesRefusal('UnsupportedHeader', { HeaderName: 'x-ms-structured-body' })
  }
  const range = rangeIn(call)
  const headers = { ...fileHeaders(call, file), 'accept-ranges': 'bytes' }
  const whole = file.httpHeaders['content-md5']
  if (!range) {
    const pieces = readPieces(file.extents, { from: 0, to: file.sizeBytes - 1 })
    return { status: 200, headers: { ...headers, ...(whole && { 'content-md5': whole }) }, pieces }
  }
  if (range.from >= file.sizeBytes) throw filesRefusal('InvalidRange')
  const to = Math.min(range.to, file.sizeBytes - 1)
  const pieces = readPieces(file.extents, { from: range.from, to })
  const rangeMd5 = rangeMd5Of(call, pieces)
  return {
    status: 206,
    pieces,
    headers: {
      ...headers,
      'content-range': `bytes ${range.from}-${to}/${file.sizeBytes}`,
      ...(rangeMd5 && { 'content-md5': rangeMd5 }),
      ...(whole && { 'x-ms-content-md5': whole }),
    },
  }
}

/** Get File Properties, Get File Metadata. */
export function headFile(call: FilesCall): FilesAnswer {
  const share = shareOf(call)
  const link = findNode(share, call.segments)
  if (link?.kind === 'link') {
    const type = { 'x-ms-type': 'File', 'content-length': String(link.linkText.length) }
    return emptyAnswer(200, { ...stateHeaders(share, link), ...metadataHeaders(link), ...type })
  }
  const file = fileOf(call)
  const md5 = file.httpHeaders['content-md5']
  return emptyAnswer(200, {
    ...fileHeaders(call, file),
    'content-length': String(file.sizeBytes),
    ...(md5 && { 'content-md5': md5 }),
  })
}

/** Get File Metadata. */
export function getFileMetadata(call: FilesCall): FilesAnswer {
  const file = fileOf(call)
  const { etag, modifiedAt } = file
  const state = { etag, 'last-modified': modifiedAt.toUTCString() }
  return emptyAnswer(200, { ...state, ...metadataHeaders(file) })
}

/** Set File Properties; a length in it resizes the file. */
export function setFileProperties(call: FilesCall): FilesAnswer {
  const { tree } = call
  const share = shareOf(call)
  const file = fileOf(call)
  assertLease(call, file)
  // With a length alone the content headers stay as they are.
  const names = Object.keys(call.headers)
  const isResize = names.includes('x-ms-content-length')
  if (isResize) {
    file.sizeBytes = sizeIn(call)
    setExtents(tree, file, overwrite(file.extents, { from: file.sizeBytes, to: maxFileBytes }))
  }
  const setsContent = names.some((name) => /^x-ms-(content-(?!length)|cache-control)/.test(name))
  if (setsContent || !isResize) file.httpHeaders = httpHeadersIn(call)
  touch(tree, file, isResize)
  applyFileProperties(call, share, file)
  return emptyAnswer(200, { ...stateHeaders(share, file), ...encrypted })
}

/** Set File Metadata. */
export function setFileMetadata(call: FilesCall): FilesAnswer {
  const file = fileOf(call)
  assertLease(call, file)
  file.metadata = metadataIn(call) ?? {}
  touch(call.tree, file)
  return emptyAnswer(200, { ...stateHeaders(shareOf(call), file), ...encrypted })
}

/** Delete File; links go the same way. */
export function deleteFile(call: FilesCall): FilesAnswer {
  const share = shareOf(call)
  const node = findNode(share, call.segments)
  if (!node) throw filesRefusal('ResourceNotFound')
  if (node.kind === 'directory') throw filesRefusal('ResourceTypeMismatch')
  if (node.kind === 'file') {
    assertWritable(call, node)
    setExtents(call.tree, node, [])
  }
  detach(share, node)
  return emptyAnswer(202)
}

/** The file a call is about. */
export function fileOf(call: FilesCall): FileNode {
  const node = findNode(shareOf(call), call.segments)
  if (!node) throw filesRefusal('ResourceNotFound')
  if (node.kind !== 'file') throw filesRefusal('ResourceTypeMismatch')
  return node
}

/** Refuses a change of content when a lease or the read-only attribute is in the way. */
export function assertWritable(call: FilesCall, file: FileNode): void {
  assertLease(call, file)
  if (/\bReadOnly\b/i.test(file.attributes)) throw filesRefusal('ReadOnlyAttribute')
}

/** The one byte range of a call; without an end it reaches to the end. */
export function rangeIn(call: FilesCall): ByteRange | undefined {
  const text = headerIn(call, 'x-ms-range') || headerIn(call, 'range')
  if (text === '') return undefined
  const form = /^bytes=(\d+)-(\d*)$/.exec(text)
  const from = Number(form?.[1])
  const to = form?.[2] ? Number(form[2]) : maxFileBytes
  if (!form || to < from) throw filesRefusal('InvalidHeaderValue', { HeaderName: 'Range' })
  return { from, to }
}

/** Compares Content-MD5 with the content, and gives the right one. */
export function checkMd5(call: FilesCall): string {
  const given = headerIn(call, 'content-md5')
  const right = createHash('md5').update(call.body).digest('base64')
  if (given !== '' && Buffer.from(given, 'base64').length !== 16) throw filesRefusal('InvalidMd5')
  if (given !== '' && given !== right) {
    throw filesRefusal('Md5Mismatch', { UserSpecifiedMd5: given, ServerCalculatedMd5: right })
  }
  return right
}

/** What an answer to written content says beside the state. */
export function writtenHeaders({ isStructured }: FilesCall): Record<string, string> {
  return { ...encrypted, ...(isStructured && { 'x-ms-structured-body': structuredForm }) }
}

const encrypted = { 'x-ms-request-server-encrypted': 'true' }

function sizeIn(call: FilesCall): number {
  const text = requireHeader(call, 'x-ms-content-length')
  if (!/^\d{1,15}$/.test(text) || Number(text) > maxFileBytes) {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-content-length' })
  }
  return Number(text)
}

function fileHeaders(call: FilesCall, file: FileNode): Record<string, string> {
  const { 'content-md5': _, ...http } = file.httpHeaders
  const { copy } = file
  return {
    ...http,
    ...stateHeaders(shareOf(call), file),
    ...metadataHeaders(file),
    'x-ms-type': 'File',
    'x-ms-server-encrypted': 'true',
    'x-ms-lease-status': file.leaseId === '' ? 'unlocked' : 'locked',
    'x-ms-lease-state': file.leaseId === '' ? 'available' : 'leased',
    ...(file.leaseId !== '' && { 'x-ms-lease-duration': 'infinite' }),
    ...(copy && {
      'x-ms-copy-id': copy.id,
      'x-ms-copy-status': 'success',
      'x-ms-copy-source': copy.source,
      'x-ms-copy-progress': `${file.sizeBytes}/${file.sizeBytes}`,
      'x-ms-copy-completion-time': copy.time.toUTCString(),
    }),
  }
}

function rangeMd5Of(call: FilesCall, pieces: readonly Buffer[]): string | undefined {
  if (headerIn(call, 'x-ms-range-get-content-md5').toLowerCase() !== 'true') return undefined
  const sizeBytes = pieces.reduce((sum, { length }) => sum + length, 0)
  if (sizeBytes > maxContentBytes) throw filesRefusal('OutOfRangeInput')
  const hash = createHash('md5')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('base64')
}
