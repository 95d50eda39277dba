// Every operation the lab knows, in a closed table: its name in Azure's logs, what it needs, and what
// does it. What is not in the table is refused.
import type { FilesAnswer, FilesCall } from './call.ts'
import {
  createDirectory,
  deleteDirectory,
  getDirectory,
  listDirectory,
  listHandles,
  setDirectoryMetadata,
  setDirectoryProperties,
} from './directory-operations.ts'
import {
  createFile,
  deleteFile,
  getFile,
  getFileMetadata,
  headFile,
  setFileMetadata,
  setFileProperties,
} from './file-operations.ts'
import {
  abortCopy,
  copyFile,
  createLink,
  getLink,
  renameDirectory,
  renameFile,
} from './move-operations.ts'
import { leaseFile, listRanges, putRange } from './range-operations.ts'
import type { FilesAction } from './roles.ts'
import {
  createShare,
  deleteShare,
  getShare,
  listShares,
  setShareMetadata,
  setShareProperties,
} from './share-operations.ts'

/** One operation. */
export type FilesOperation = {
  name: string
  action: FilesAction
  run: (call: FilesCall) => FilesAnswer
}

// Key: level, method, restype, comp ('-' when absent).
const operations: Readonly<Record<string, FilesOperation>> = {
  'account GET - list': row('ListShares', 'shares/manage', listShares),

  'share PUT share -': row('CreateShare', 'shares/manage', createShare),
  'share GET share -': row('GetShareProperties', 'shares/manage', getShare),
  'share HEAD share -': row('GetShareProperties', 'shares/manage', getShare),
  'share DELETE share -': row('DeleteShare', 'shares/manage', deleteShare),
  'share GET share metadata': row('GetShareMetadata', 'shares/manage', getShare),
  'share PUT share metadata': row('SetShareMetadata', 'shares/manage', setShareMetadata),
  'share PUT share properties': row('SetShareProperties', 'shares/manage', setShareProperties),
  'share GET directory -': row('GetDirectoryProperties', 'files/read', getDirectory),
  'share HEAD directory -': row('GetDirectoryProperties', 'files/read', getDirectory),
  'share GET directory list': row('ListFilesAndDirectories', 'files/read', listDirectory),
  'share PUT directory -': row('CreateDirectory', 'files/write', createDirectory),

  'path PUT directory -': row('CreateDirectory', 'files/write', createDirectory),
  'path GET directory -': row('GetDirectoryProperties', 'files/read', getDirectory),
  'path HEAD directory -': row('GetDirectoryProperties', 'files/read', getDirectory),
  'path DELETE directory -': row('DeleteDirectory', 'files/delete', deleteDirectory),
  'path GET directory list': row('ListFilesAndDirectories', 'files/read', listDirectory),
  'path GET directory metadata': row('GetDirectoryMetadata', 'files/read', getDirectory),
  'path PUT directory metadata': row('SetDirectoryMetadata', 'files/write', setDirectoryMetadata),
  'path PUT directory properties': row(
    'SetDirectoryProperties',
    'files/write',
    setDirectoryProperties,
  ),
  'path PUT directory rename': row('RenameDirectory', 'files/write', renameDirectory),

  'path PUT - -': row('CreateFile', 'files/write', createOrCopy),
  'path GET - -': row('GetFile', 'files/read', getFile),
  'path HEAD - -': row('GetFileProperties', 'files/read', headFile),
  'path DELETE - -': row('DeleteFile', 'files/delete', deleteFile),
  'path PUT - range': row('PutRange', 'files/write', putRange),
  'path GET - rangelist': row('ListRanges', 'files/read', listRanges),
  'path PUT - properties': row('SetFileProperties', 'files/write', setFileProperties),
  'path GET - metadata': row('GetFileMetadata', 'files/read', getFileMetadata),
  'path HEAD - metadata': row('GetFileMetadata', 'files/read', getFileMetadata),
  'path PUT - metadata': row('SetFileMetadata', 'files/write', setFileMetadata),
  'path PUT - rename': row('RenameFile', 'files/write', renameFile),
  'path PUT - lease': row('LeaseFile', 'files/write', leaseFile),
  'path PUT - copy': row('AbortCopyFile', 'files/write', abortCopy),
  'path PUT - forceclosehandles': row('CloseHandles', 'files/write', listHandles),
  'path PUT symboliclink -': row('CreateSymbolicLink', 'files/write', createLink),
  'path GET symboliclink -': row('ReadSymbolicLink', 'files/read', getLink),
}

const queryNames = new Set([
  'comp',
  'copyid',
  'include',
  'marker',
  'maxresults',
  'prefix',
  'restype',
  'timeout',
])

/** The operation of a call; undefined when the table has none. */
export function findOperation(
  target: { share: string; segments: readonly string[] },
  method: string,
  query: URLSearchParams,
): FilesOperation | undefined {
  const names = [...query.keys()]
  // A name that is there twice, or that nobody asked about, could mean anything (a snapshot, say).
  if (new Set(names).size !== names.length || !names.every((name) => queryNames.has(name))) {
    return undefined
  }
  const level = levelOf(target)
  return operations[`${level} ${method} ${query.get('restype') ?? '-'} ${query.get('comp') ?? '-'}`]
}

function createOrCopy(call: FilesCall): FilesAnswer {
  return call.headers['x-ms-copy-source'] === undefined ? createFile(call) : copyFile(call)
}

function levelOf({ share, segments }: { share: string; segments: readonly string[] }): string {
  if (segments.length > 0) return 'path'
  return share === '' ? 'account' : 'share'
}

function row(
  name: string,
  action: FilesAction,
  run: (call: FilesCall) => FilesAnswer,
): FilesOperation {
  return { name, action, run }
}
