// Files and directories that come from somewhere else: rename, copy, and the links of NFS shares
// (Azure Files REST, "Rename File", "Rename Directory", "Copy File", "Create Symbolic Link").
import {
  applyFileProperties,
  assertLease,
  emptyAnswer,
  type FilesAnswer,
  type FilesCall,
  headerIn,
  metadataIn,
  requireHeader,
  shareOf,
  stateHeaders,
} from './call.ts'
import { filesRefusal } from './errors.ts'
import { assertWritable } from './file-operations.ts'
import { parseSourceUrl, toSegments } from './target.ts'
import {
  attach,
  detach,
  type DirectoryNode,
  type FileNode,
  type FilesNode,
  findNode,
  findParent,
  newFile,
  newLink,
  setExtents,
  type Share,
  touch,
} from './tree.ts'

/** Rename File. */
export function renameFile(call: FilesCall): FilesAnswer {
  return rename(call, 'file')
}

/** Rename Directory. */
export function renameDirectory(call: FilesCall): FilesAnswer {
  return rename(call, 'directory')
}

/** Copy File, from this account; it is done when it is answered. */
export function copyFile(call: FilesCall): FilesAnswer {
  const text = requireHeader(call, 'x-ms-copy-source')
  const source = sourceOf(call, text, 'x-ms-copy-source')
  if (source.share !== call.shareName && !call.mayRead(source.share)) {
    throw filesRefusal('CannotVerifyCopySource')
  }
  const from = call.tree.shares.get(`${source.account}/${source.share}`)
  const original = from && findNode(from, source.segments)
  if (original?.kind !== 'file') throw filesRefusal('CannotVerifyCopySource')
  const share = shareOf(call)
  const before = findNode(share, call.segments)
  if (before && before.kind !== 'file') throw filesRefusal('ResourceTypeMismatch')
  if (before) assertWritable(call, before)
  const file = newFile(call.tree, call.segments.at(-1) ?? '', findParent(share, call.segments))
  if (before) Object.assign(file, { leaseId: before.leaseId, name: before.name })
  const { sizeBytes, httpHeaders } = original
  Object.assign(file, { sizeBytes, httpHeaders })
  file.metadata = metadataIn(call) ?? original.metadata
  file.copy = { id: call.newId(), source: text, time: call.tree.now() }
  setExtents(call.tree, file, [...original.extents])
  if (before) setExtents(call.tree, before, [])
  attach(share, file)
  return emptyAnswer(202, {
    etag: file.etag,
    'last-modified': file.modifiedAt.toUTCString(),
    'x-ms-copy-id': file.copy.id,
    'x-ms-copy-status': 'success',
  })
}

/** Abort Copy File: no copy ever waits here. */
export function abortCopy(): FilesAnswer {
  throw filesRefusal('NoPendingCopyOperation')
}

/** Create Symbolic Link. */
export function createLink(call: FilesCall): FilesAnswer {
  const share = nfsShareOf(call)
  const text = requireHeader(call, 'x-ms-link-text')
  if (findNode(share, call.segments)) throw filesRefusal('ResourceAlreadyExists')
  const parent = findParent(share, call.segments)
  const link = newLink(call.tree, call.segments.at(-1) ?? '', parent, text)
  link.metadata = metadataIn(call) ?? {}
  applyFileProperties(call, share, link)
  attach(share, link)
  const encrypted = { 'x-ms-request-server-encrypted': 'false' }
  return emptyAnswer(201, { ...stateHeaders(share, link), ...encrypted })
}

/** Get Symbolic Link. */
export function getLink(call: FilesCall): FilesAnswer {
  const link = findNode(nfsShareOf(call), call.segments)
  if (!link) throw filesRefusal('ResourceNotFound')
  if (link.kind !== 'link') throw filesRefusal('ResourceTypeMismatch')
  const { etag, modifiedAt, linkText } = link
  const state = { etag, 'last-modified': modifiedAt.toUTCString() }
  // Kept as it came; only what cannot stand in a header is escaped.
  return emptyAnswer(200, {
    ...state,
    'x-ms-link-text': linkText.replaceAll(/[^ -~]+/g, encodeURI),
  })
}

function rename(call: FilesCall, kind: 'file' | 'directory'): FilesAnswer {
  const share = shareOf(call)
  const source = sourceOf(
    call,
    requireHeader(call, 'x-ms-file-rename-source'),
    'x-ms-file-rename-source',
  )
  if (source.account !== call.account || source.share !== call.shareName) {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-file-rename-source' })
  }
  const node = findNode(share, source.segments)
  if (!node) throw filesRefusal('ResourceNotFound')
  if ((node.kind === 'directory') !== (kind === 'directory')) {
    throw filesRefusal('ResourceTypeMismatch')
  }
  if (node.kind === 'file') assertLease(call, node, 'x-ms-source-lease-id')
  const parent = findParent(share, call.segments)
  if (isInside(parent, node)) throw filesRefusal('InvalidInput')
  const before = findNode(share, call.segments)
  if (before && before !== node) replace(call, share, before, node)
  detach(share, node)
  node.parent = parent
  node.name = call.segments.at(-1) ?? ''
  node.metadata = metadataIn(call) ?? node.metadata
  const type = headerIn(call, 'x-ms-content-type')
  if (node.kind === 'file' && type !== '') {
    node.httpHeaders = { ...node.httpHeaders, 'content-type': type }
  }
  touch(call.tree, node)
  applyFileProperties(call, share, node)
  attach(share, node)
  const encrypted = { 'x-ms-request-server-encrypted': 'true' }
  return emptyAnswer(200, { ...stateHeaders(share, node), ...encrypted })
}

function replace(call: FilesCall, share: Share, before: FilesNode, node: FilesNode): void {
  const isWanted = headerIn(call, 'x-ms-file-rename-replace-if-exists').toLowerCase() === 'true'
  if (!isWanted || before.kind === 'directory') throw filesRefusal('ResourceAlreadyExists')
  if (node.kind === 'directory') throw filesRefusal('ResourceTypeMismatch')
  if (before.kind === 'file') {
    assertLease(call, before, 'x-ms-destination-lease-id')
    const ignores = headerIn(call, 'x-ms-file-rename-ignore-readonly').toLowerCase() === 'true'
    if (/\bReadOnly\b/i.test(before.attributes) && !ignores) {
      throw filesRefusal('ReadOnlyAttribute')
    }
    dropContent(call, before)
  }
  detach(share, before)
}

function dropContent(call: FilesCall, file: FileNode): void {
  setExtents(call.tree, file, [])
}

function isInside(directory: DirectoryNode, node: FilesNode): boolean {
  for (let at: FilesNode | undefined = directory; at; at = at.parent) if (at === node) return true
  return false
}

function sourceOf(call: FilesCall, text: string, header: string) {
  const source = parseSourceUrl(call, text, header)
  const keepsDots = headerIn(call, 'x-ms-source-allow-trailing-dot').toLowerCase() === 'true'
  return { ...source, segments: toSegments(source.segments, keepsDots) }
}

function nfsShareOf(call: FilesCall): Share {
  const share = shareOf(call)
  if (share.protocol !== 'NFS') throw filesRefusal('UnsupportedQueryParameter')
  return share
}
