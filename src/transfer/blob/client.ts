import { storageFault } from '../../azure/storage-faults.ts'
import { Fault } from '../../core/fault.ts'
// The operations of Blob Storage that a transfer uses, one method each
// (https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api).
import type { HttpHead } from '../../http/http.ts'
import { type CallAnswer, type CallDeps, type CallRequest, callStorage } from './call.ts'
import { type BlobEntry, parseListing } from './listing.ts'
import { type ContainerAddress, toBlobPath, toContainerPath } from './names.ts'

/** How a blob is written. */
export type PutOptions = {
  contentType: string
  /** Base64 MD5 of the whole content; stored with the blob. */
  contentMd5: string
  /** Refuses to replace an existing blob. */
  createOnly: boolean
}

/** What a blob is at the moment of reading. */
export type BlobState = { sizeBytes: number; etag: string; contentMd5: string; isFolder: boolean }

/** Which bytes of a blob to read, `from` to `to` inclusive, and where they go. */
export type ReadOptions = {
  from: number
  to: number
  /** Fails with `transfer_blob_changed` when the blob is not this version any more. */
  etag?: string
  /** Gets the bytes in order; after a cut connection they go on where they ended. */
  onPiece: (piece: Buffer, offset: number) => Promise<void> | undefined
}

/** One container. */
export type BlobClient = {
  address: ContainerAddress
  putBlob: (name: string, body: Buffer, options: PutOptions) => Promise<void>
  putBlock: (name: string, id: string, body: Buffer, contentMd5: string) => Promise<void>
  putBlockList: (name: string, ids: readonly string[], options: PutOptions) => Promise<void>
  /** Undefined when there is no such blob. */
  head: (name: string) => Promise<BlobState | undefined>
  /** The state of the blob whose bytes went to `onPiece`. */
  read: (name: string, options: ReadOptions) => Promise<BlobState>
  /** Every blob whose name begins with `prefix`, page by page. */
  list: (prefix: string) => AsyncGenerator<BlobEntry[]>
}

// With 8 KiB of metadata on every blob a page still fits into one bounded answer.
const pageLength = 1_900

// Tells our own write from a stranger's when the answer to it was lost.
const writeMark = 'x-ms-meta-asdwrite'

/** A client for one container; every method throws a Fault `azure_storage_*` or `transfer_*`. */
export function createBlobClient(deps: CallDeps, address: ContainerAddress): BlobClient {
  const pathOf = (name: string) => toBlobPath(address, name)
  const head = (name: string) => headBlob(deps, address, name)
  return {
    address,
    head,
    putBlob: (name, body, options) =>
      putWhole(deps, address, name, options, {
        path: pathOf(name),
        body,
        headers: { 'x-ms-blob-type': 'BlockBlob', 'content-md5': options.contentMd5 },
      }),
    putBlock: async (name, id, body, contentMd5) => {
      const path = `${pathOf(name)}?comp=block&blockid=${encodeURIComponent(id)}`
      await callStorage(deps, address, {
        doing: `upload “${name}”`,
        request: () => ({ method: 'PUT', path, body, headers: { 'content-md5': contentMd5 } }),
      })
    },
    putBlockList: (name, ids, options) =>
      putWhole(deps, address, name, options, {
        path: `${pathOf(name)}?comp=blocklist`,
        body: Buffer.from(
          `<?xml version="1.0" encoding="utf-8"?><BlockList>${ids
            .map((id) => `<Latest>${id}</Latest>`)
            .join('')}</BlockList>`,
        ),
        headers: { 'content-type': 'application/xml' },
      }),
    read: (name, options) => readRange(deps, address, name, options),
    list: (prefix) => listBlobs(deps, address, prefix),
  }
}

async function putWhole(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
  options: PutOptions,
  part: Pick<CallRequest, 'path' | 'headers'> & { body: Buffer },
): Promise<void> {
  const mark = options.createOnly ? deps.newId() : ''
  const request: CallRequest = {
    ...part,
    method: 'PUT',
    headers: {
      ...part.headers,
      'x-ms-blob-content-type': options.contentType,
      'x-ms-blob-content-md5': options.contentMd5,
      ...(options.createOnly && { 'if-none-match': '*', [writeMark]: mark }),
    },
  }
  const answer = await callStorage(deps, address, {
    doing: `upload “${name}”`,
    request: () => request,
    ...(options.createOnly && { accepts: [409, 412] }),
  })
  if (answer.status < 300) return
  const storageCode = answer.headers['x-ms-error-code'] ?? ''
  const isClash = ['BlobAlreadyExists', 'ConditionNotMet', ''].includes(storageCode)
  if (!isClash) {
    const { container, origin } = address
    throw storageFault(answer, { doing: `upload “${name}”`, container, host: origin.host })
  }
  if (answer.mayRepeat && (await readMark(deps, address, name)) === mark) return
  throw new Fault('transfer_target_exists', `“${name}” exists already in the container.`)
}

async function readMark(deps: CallDeps, address: ContainerAddress, name: string): Promise<string> {
  const answer = await callHead(deps, address, name)
  return answer.headers[writeMark] ?? ''
}

async function headBlob(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
): Promise<BlobState | undefined> {
  const answer = await callHead(deps, address, name)
  if (answer.status !== 404) return toState(answer.headers)
  if (answer.headers['x-ms-error-code'] === 'ContainerNotFound') {
    const { container, origin } = address
    throw storageFault(answer, { doing: `find “${name}”`, container, host: origin.host })
  }
  return undefined
}

function callHead(deps: CallDeps, address: ContainerAddress, name: string): Promise<CallAnswer> {
  return callStorage(deps, address, {
    doing: `find “${name}”`,
    request: () => ({ method: 'HEAD', path: toBlobPath(address, name), headers: {} }),
    accepts: [404],
  })
}

async function readRange(
  deps: CallDeps,
  address: ContainerAddress,
  name: string,
  { from, to, etag, onPiece }: ReadOptions,
): Promise<BlobState> {
  let offset = from
  let version = etag
  const request = (): CallRequest => {
    const start = offset
    return {
      method: 'GET',
      path: toBlobPath(address, name),
      headers: {
        'x-ms-range': `bytes=${start}-${to}`,
        ...(version !== undefined && { 'if-match': version }),
      },
      onBody: (piece, head) => {
        if (offset === start) assertStart(head, start, name)
        if (offset + piece.length > to + 1) throw surprise(name, 'more bytes than were asked for')
        // What comes after a cut must belong to the same version as what came before it.
        version ??= head.headers['etag']
        const at = offset
        offset += piece.length
        return onPiece(piece, at)
      },
    }
  }
  const doing = `download “${name}”`
  // An empty blob has no range to ask for and answers 416 (facts/transfer.md §2).
  const answer = await callStorage(deps, address, { doing, request, accepts: [416] })
  if (answer.status === 416) {
    if (from === 0) return { ...toState(answer.headers), sizeBytes: 0, contentMd5: '' }
    throw new Fault('transfer_blob_changed', `“${name}” became shorter while it was read.`)
  }
  const state = toState(answer.headers)
  if (offset !== Math.min(to + 1, state.sizeBytes)) throw surprise(name, 'fewer bytes than it has')
  return state
}

function assertStart({ status, headers }: HttpHead, offset: number, name: string): void {
  const range = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')
  const start = status === 206 ? Number(range?.[1]) : 0
  if (start !== offset) throw surprise(name, 'another range than was asked for')
}

function surprise(name: string, what: string): Fault {
  return new Fault('azure_storage_refused', `Storage sent ${what} of “${name}”.`)
}

function toState(headers: Record<string, string>): BlobState {
  const range = /\/(\d+)$/.exec(headers['content-range'] ?? '')
  return {
    sizeBytes: Number(range?.[1] ?? headers['content-length'] ?? 0),
    etag: headers['etag'] ?? '',
    // In an answer to a range, Content-MD5 would be the checksum of the range.
    contentMd5: headers['x-ms-blob-content-md5'] ?? (range ? '' : (headers['content-md5'] ?? '')),
    isFolder:
      headers['x-ms-resource-type'] === 'directory' || headers['x-ms-meta-hdi_isfolder'] === 'true',
  }
}

async function* listBlobs(
  deps: CallDeps,
  address: ContainerAddress,
  prefix: string,
): AsyncGenerator<BlobEntry[]> {
  const fixed =
    `${toContainerPath(address)}?restype=container&comp=list&include=metadata` +
    `&maxresults=${pageLength}&prefix=${encodeURIComponent(prefix)}`
  let marker = ''
  do {
    const path = marker === '' ? fixed : `${fixed}&marker=${encodeURIComponent(marker)}`
    const answer = await callStorage(deps, address, {
      doing: `list “${prefix}*”`,
      request: () => ({ method: 'GET', path, headers: {} }),
    })
    const page = parseListing(answer.body.toString('utf8'))
    yield page.entries
    marker = page.nextMarker
  } while (marker !== '')
}
