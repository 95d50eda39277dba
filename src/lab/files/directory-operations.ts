// Operations on directories (Azure Files REST, "Operations on directories").
import {
  applyFileProperties,
  emptyAnswer,
  type FilesAnswer,
  type FilesCall,
  metadataHeaders,
  metadataIn,
  shareOf,
  stateHeaders,
} from './call.ts'
import { filesRefusal } from './errors.ts'
import {
  attach,
  detach,
  type DirectoryNode,
  findNode,
  findParent,
  newDirectory,
  touch,
} from './tree.ts'
import { listDirectory as describeDirectory } from './xml.ts'

/** Create Directory. */
export function createDirectory(call: FilesCall): FilesAnswer {
  const share = shareOf(call)
  const { segments, tree } = call
  if (findNode(share, segments)) throw filesRefusal('ResourceAlreadyExists')
  const directory = newDirectory(tree, segments.at(-1) ?? '', findParent(share, segments))
  directory.metadata = metadataIn(call) ?? {}
  applyFileProperties(call, share, directory)
  attach(share, directory)
  const encrypted = { 'x-ms-request-server-encrypted': 'true' }
  return emptyAnswer(201, { ...stateHeaders(share, directory), ...encrypted })
}

/** Get Directory Properties, Get Directory Metadata. */
export function getDirectory(call: FilesCall): FilesAnswer {
  const share = shareOf(call)
  const directory = directoryOf(call)
  const encrypted = { 'x-ms-server-encrypted': 'true' }
  return emptyAnswer(200, {
    ...stateHeaders(share, directory),
    ...metadataHeaders(directory),
    ...encrypted,
  })
}

/** Set Directory Properties. */
export function setDirectoryProperties(call: FilesCall): FilesAnswer {
  const share = shareOf(call)
  const directory = directoryOf(call)
  touch(call.tree, directory)
  applyFileProperties(call, share, directory)
  return emptyAnswer(200, stateHeaders(share, directory))
}

/** Set Directory Metadata. */
export function setDirectoryMetadata(call: FilesCall): FilesAnswer {
  const directory = directoryOf(call)
  directory.metadata = metadataIn(call) ?? {}
  touch(call.tree, directory)
  return emptyAnswer(200, stateHeaders(shareOf(call), directory))
}

/** Delete Directory. */
export function deleteDirectory(call: FilesCall): FilesAnswer {
  const share = shareOf(call)
  const directory = directoryOf(call)
  if (directory.children.size > 0) throw filesRefusal('DirectoryNotEmpty')
  detach(share, directory)
  return emptyAnswer(202)
}

/** List Directories and Files. */
export function listDirectory(call: FilesCall): FilesAnswer {
  return describeDirectory(call, shareOf(call), directoryOf(call))
}

/** List Handles, Force Close Handles: nobody has anything open over SMB. */
export function listHandles(call: FilesCall): FilesAnswer {
  shareOf(call)
  return emptyAnswer(200, { 'x-ms-number-of-handles-closed': '0' })
}

function directoryOf(call: FilesCall): DirectoryNode {
  const node = findNode(shareOf(call), call.segments)
  if (!node) throw filesRefusal('ResourceNotFound')
  if (node.kind !== 'directory') throw filesRefusal('ResourceTypeMismatch')
  return node
}
