// What a storage call is: its target and, from a closed table, the operation's name in Azure's logs
// and the data actions it needs (Azure Storage REST; "Permissions for calling data operations").
import type { IncomingHttpHeaders } from 'node:http'

/** What a role allows, below `Microsoft.Storage/storageAccounts/blobServices/`. */
export type DataAction =
  | 'containers/read'
  | 'containers/write'
  | 'containers/delete'
  | 'containers/blobs/read'
  | 'containers/blobs/write'
  | 'containers/blobs/delete'
  | 'containers/blobs/tags/read'
  | 'containers/blobs/tags/write'
  | 'generateUserDelegationKey'

/** The decoded names of a path-style URL; container and blob are empty above their level. */
export type StorageTarget = { account: string; container: string; blob: string }

/** A classified call; `listPrefix` is there when it lists blobs. */
export type StorageOperation = {
  name: string
  actions: readonly DataAction[]
  listPrefix?: string
}

type OperationRow = { name: string; action: DataAction }

// Key: level, method, restype, comp ('-' when absent).
const operations: Readonly<Record<string, OperationRow>> = {
  'account GET - list': row('ListContainers', 'containers/read'),
  'account POST service userdelegationkey': row(
    'GetUserDelegationKey',
    'generateUserDelegationKey',
  ),

  'container PUT container -': row('CreateContainer', 'containers/write'),
  'container DELETE container -': row('DeleteContainer', 'containers/delete'),
  'container GET container -': row('GetContainerProperties', 'containers/read'),
  'container HEAD container -': row('GetContainerProperties', 'containers/read'),
  'container GET container list': row('ListBlobs', 'containers/blobs/read'),
  'container GET container metadata': row('GetContainerMetadata', 'containers/read'),
  'container HEAD container metadata': row('GetContainerMetadata', 'containers/read'),
  'container PUT container metadata': row('SetContainerMetadata', 'containers/write'),
  'container PUT container lease': row('LeaseContainer', 'containers/write'),

  'blob GET - -': row('GetBlob', 'containers/blobs/read'),
  'blob HEAD - -': row('GetBlobProperties', 'containers/blobs/read'),
  'blob PUT - -': row('PutBlob', 'containers/blobs/write'),
  'blob DELETE - -': row('DeleteBlob', 'containers/blobs/delete'),
  'blob PUT - block': row('PutBlock', 'containers/blobs/write'),
  'blob PUT - blocklist': row('PutBlockList', 'containers/blobs/write'),
  'blob GET - blocklist': row('GetBlockList', 'containers/blobs/read'),
  'blob PUT - appendblock': row('AppendBlock', 'containers/blobs/write'),
  'blob GET - metadata': row('GetBlobMetadata', 'containers/blobs/read'),
  'blob HEAD - metadata': row('GetBlobMetadata', 'containers/blobs/read'),
  'blob PUT - metadata': row('SetBlobMetadata', 'containers/blobs/write'),
  'blob PUT - properties': row('SetBlobProperties', 'containers/blobs/write'),
  'blob PUT - tier': row('SetBlobTier', 'containers/blobs/write'),
  'blob PUT - snapshot': row('SnapshotBlob', 'containers/blobs/write'),
  'blob PUT - lease': row('LeaseBlob', 'containers/blobs/write'),
  'blob GET - tags': row('GetBlobTags', 'containers/blobs/tags/read'),
  'blob PUT - tags': row('SetBlobTags', 'containers/blobs/tags/write'),
}

const queryNames = new Set([
  'blockid',
  'blocklisttype',
  'comp',
  'delimiter',
  'include',
  'marker',
  'maxresults',
  'prefix',
  'restype',
  'showonly',
  'snapshot',
  'startfrom',
  'timeout',
  'versionid',
])

// The fields of a user delegation SAS; they are part of what its signature covers.
const sasNames = new Set(
  'sig sv sr sp st se spr skoid sktid skt ske sks skv rscc rscd rsce rscl rsct'.split(' '),
)

/** The target of a raw request URL, read as Azurite reads it; undefined when it is no clean path. */
export function parseTarget(url: string): StorageTarget | undefined {
  // Azurite would cut the path at a `#`, and so act on another blob than the one checked here.
  if (!/^\/[!"$-~]*$/.test(url)) return undefined
  const [path = ''] = url.split('?', 1)
  try {
    // Decoded before it is split: an escaped slash separates names just as a plain one does.
    const [account = '', container = '', ...blob] = decodeURIComponent(path).slice(1).split('/')
    return { account, container, blob: blob.join('/').replaceAll('\\', '/') }
  } catch {
    return undefined
  }
}

/** The operation of a call; undefined when the table has none, which callers must refuse. */
export function classifyOperation(
  target: StorageTarget,
  call: { method: string; url: string; headers: IncomingHttpHeaders },
): StorageOperation | undefined {
  const query = readQuery(call.url)
  if (!query || readsSource(call.headers)) return undefined
  const kind = [call.method, query.get('restype') ?? '-', query.get('comp') ?? '-'].join(' ')
  const found = operations[`${levelOf(target)} ${kind}`]
  if (!found) return undefined
  const actions: DataAction[] = [found.action]
  if (call.headers['x-ms-tags'] !== undefined) actions.push('containers/blobs/tags/write')
  const isList = found.name === 'ListBlobs'
  if (isList && query.get('include')?.split(',').includes('tags')) {
    actions.push('containers/blobs/tags/read')
  }
  return { name: found.name, actions, ...(isList && { listPrefix: query.get('prefix') ?? '' }) }
}

/** Whether a call signs with the account key: a shared key or a SAS of one. */
export function isKeyBased(url: string, authorization: string): boolean {
  const isSas = /[?&]sig=/i.test(url) && readDelegation(url, authorization) === undefined
  return isSas || /^SharedKey(Lite)? /i.test(authorization)
}

/** Who signed a user delegation SAS, as it says itself; a call has it or an Authorization header. */
export function readDelegation(
  url: string,
  authorization: string,
): { objectId: string; tenantId: string; signature: string } | undefined {
  const query = readQuery(url)
  const [objectId, tenantId, signature] = ['skoid', 'sktid', 'sig'].map((name) => query?.get(name))
  if (!objectId || !tenantId || !signature || authorization !== '') return undefined
  return { objectId, tenantId, signature }
}

// Unknown, repeated or oddly spelled names mean one thing to us and another to Azurite.
function readQuery(url: string): URLSearchParams | undefined {
  const at = url.indexOf('?')
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
  const names = [...query.keys()]
  const isSas = query.has('sig')
  const isPlain =
    names.every((name) => queryNames.has(name) || (isSas && sasNames.has(name))) &&
    new Set(names).size === names.length
  return isPlain ? query : undefined
}

// A copy reads a second blob, whose rights the table does not check.
function readsSource(headers: IncomingHttpHeaders): boolean {
  return Object.keys(headers).some((name) => name.startsWith('x-ms-copy-source'))
}

function levelOf({ container, blob }: StorageTarget): string {
  if (blob !== '') return 'blob'
  return container === '' ? 'account' : 'container'
}

function row(name: string, action: DataAction): OperationRow {
  return { name, action }
}
