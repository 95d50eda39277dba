// Parts of files: write, clear and list ranges; leases (Azure Files REST, "Put Range", "List Ranges",
// "Lease File").
import {
  emptyAnswer,
  type FilesAnswer,
  type FilesCall,
  headerIn,
  requireHeader,
  xmlAnswer,
} from './call.ts'
import { filesRefusal } from './errors.ts'
import { assertWritable, checkMd5, fileOf, rangeIn, writtenHeaders } from './file-operations.ts'
import { listRanges as rangesOf, overwrite } from './sparse.ts'
import { setExtents, touch } from './tree.ts'
import { describeRanges } from './xml.ts'

/** Put Range, to update or to clear. */
export function putRange(call: FilesCall): FilesAnswer {
  const file = fileOf(call)
  assertWritable(call, file)
  const kind = requireHeader(call, 'x-ms-write').toLowerCase()
  const range = rangeIn(call)
  if (!range) throw filesRefusal('MissingRequiredHeader', { HeaderName: 'x-ms-range' })
  const isUpdate = kind === 'update'
  if (!isUpdate && kind !== 'clear') {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-write' })
  }
  const expected = isUpdate ? range.to - range.from + 1 : 0
  if (call.body.length !== expected) {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'Content-Length' })
  }
  if (!isUpdate && headerIn(call, 'content-md5') !== '') {
    throw filesRefusal('UnsupportedHeader', { HeaderName: 'Content-MD5' })
  }
  const md5 = checkMd5(call)
  if (range.to >= file.sizeBytes) throw filesRefusal('InvalidRange')
  setExtents(call.tree, file, overwrite(file.extents, range, call.body))
  touch(call.tree, file, headerIn(call, 'x-ms-file-last-write-time') !== 'preserve')
  return emptyAnswer(201, {
    etag: file.etag,
    'last-modified': file.modifiedAt.toUTCString(),
    'x-ms-file-last-write-time': file.writtenTime,
    ...(isUpdate && { 'content-md5': md5, ...writtenHeaders(call) }),
  })
}

/** List Ranges. */
export function listRanges(call: FilesCall): FilesAnswer {
  const file = fileOf(call)
  const within = rangeIn(call) ?? { from: 0, to: file.sizeBytes - 1 }
  return xmlAnswer(describeRanges(rangesOf(file.extents, within)), {
    etag: file.etag,
    'last-modified': file.modifiedAt.toUTCString(),
    'x-ms-content-length': String(file.sizeBytes),
  })
}

/** Lease File: acquire, change, release, break; a file's lease has no end. */
export function leaseFile(call: FilesCall): FilesAnswer {
  const file = fileOf(call)
  const action = requireHeader(call, 'x-ms-lease-action').toLowerCase()
  const given = headerIn(call, 'x-ms-lease-id')
  const proposed = headerIn(call, 'x-ms-proposed-lease-id')
  const state = { etag: file.etag, 'last-modified': file.modifiedAt.toUTCString() }
  if (action === 'acquire') {
    if (requireHeader(call, 'x-ms-lease-duration') !== '-1') {
      throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-lease-duration' })
    }
    if (file.leaseId !== '' && file.leaseId !== proposed) throw filesRefusal('LeaseAlreadyPresent')
    file.leaseId = proposed || call.newId()
    const headers = { ...state, 'x-ms-lease-id': file.leaseId }
    return { ...emptyAnswer(201, headers), isChunked: true }
  }
  if (file.leaseId === '') throw filesRefusal('LeaseNotPresentWithLeaseOperation')
  if (action === 'break') {
    file.leaseId = ''
    return emptyAnswer(202, { ...state, 'x-ms-lease-time': '0' })
  }
  if (given !== file.leaseId) throw filesRefusal('LeaseIdMismatchWithLeaseOperation')
  if (action === 'release') {
    file.leaseId = ''
    return emptyAnswer(200, state)
  }
  if (action !== 'change') {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-lease-action' })
  }
  file.leaseId = requireHeader(call, 'x-ms-proposed-lease-id')
  return emptyAnswer(200, { ...state, 'x-ms-lease-id': file.leaseId })
}
