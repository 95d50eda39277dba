// A block-blob store in memory for tests: it checks what it is sent as Azure does (MD5, conditions,
// block lists, headers every call needs) and misbehaves on request.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** One stored blob. */
export type FakeBlob = { body: Buffer; md5: string; type: string; etag: string; meta: string }

/** How to spoil one request: refuse it, do it and lose the answer, or cut an answer's body. */
export type Spoil =
  | { status: number; code: string; headers?: Record<string, string> }
  | 'lose-answer'
  | 'cut-answer'

/** A running store. */
export type FakeStore = {
  origin: URL
  blobs: Map<string, FakeBlob>
  /** `PUT /ccc/name?comp=block…` of every request, in order. */
  log: string[]
  /** Called for every request; what it returns happens to it. */
  spoil: (line: string, headers: IncomingMessage['headers']) => Spoil | undefined
  pageLength: number
  close: () => Promise<void>
}

/** Starts a store with the container `ccc`; over TLS when a key is given. */
export async function startStore(tls?: { key: string; cert: string }): Promise<FakeStore> {
  const blocks = new Map<string, Map<string, Buffer>>()
  const server: Server = tls ? createTlsServer(tls) : createServer()
  const store: FakeStore = {
    origin: new URL('http://unset'),
    blobs: new Map(),
    log: [],
    spoil: () => undefined,
    pageLength: 5000,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => serve(store, blocks, request, response, Buffer.concat(pieces)))
    request.on('error', () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  store.origin = new URL(tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`)
  const { close } = store
  store.close = () => {
    server.closeAllConnections()
    return close()
  }
  return store
}

/** Base64 MD5. */
export function md5Of(body: Buffer): string {
  return createHash('md5').update(body).digest('base64')
}

type Blocks = Map<string, Map<string, Buffer>>

function serve(
  store: FakeStore,
  blocks: Blocks,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): void {
  const line = `${request.method} ${request.url}`
  store.log.push(line)
  const { headers } = request
  const spoil = store.spoil(line, headers)
  if (typeof spoil === 'object') return refuse(response, spoil.status, spoil.code, spoil.headers)
  const fault = faultOf(headers, body)
  if (fault) return refuse(response, ...fault)
  if (spoil === 'lose-answer') response.write = () => true
  const url = new URL(request.url ?? '/', 'http://any')
  const [, container = '', ...path] = (request.url ?? '').split('?')[0]?.split('/') ?? []
  if (container !== 'ccc') return refuse(response, 404, 'ContainerNotFound')
  const name = path.map(decodeURIComponent).join('/')
  const end = spoil === 'lose-answer' ? () => response.destroy() : () => response.end()
  if (request.method === 'PUT')
    return put(store, blocks, { name, url, headers, body, response, end })
  if (url.searchParams.get('comp') === 'list') return list(store, url, response)
  return get(store, name, request, response, spoil === 'cut-answer')
}

function faultOf(headers: IncomingMessage['headers'], body: Buffer): [number, string] | undefined {
  if (!headers['x-ms-version'] || !headers['x-ms-client-request-id']) {
    return [400, 'MissingRequiredHeader']
  }
  if (!headers.authorization?.startsWith('Bearer ')) return [401, 'NoAuthenticationInformation']
  const md5 = headers['content-md5']
  return md5 && md5 !== md5Of(body) ? [400, 'Md5Mismatch'] : undefined
}

type Put = {
  name: string
  url: URL
  headers: IncomingMessage['headers']
  body: Buffer
  response: ServerResponse
  end: () => void
}

function put(store: FakeStore, blocks: Blocks, call: Put): void {
  const { name, url, headers, body, response, end } = call
  const comp = url.searchParams.get('comp')
  const staged = blocks.get(name) ?? new Map<string, Buffer>()
  blocks.set(name, staged)
  response.statusCode = 201
  if (comp === 'block') {
    const id = url.searchParams.get('blockid') ?? ''
    const isOdd = [...staged.keys()].some((other) => other.length !== id.length)
    if (isOdd) return refuse(response, 400, 'InvalidBlobOrBlock')
    staged.set(id, body)
    return end()
  }
  if (headers['if-none-match'] === '*' && store.blobs.has(name)) {
    return refuse(response, 409, 'BlobAlreadyExists')
  }
  let content = body
  if (comp === 'blocklist') {
    const ids = [...body.toString().matchAll(/<Latest>([^<]+)<\/Latest>/g)].map(([, id = '']) => id)
    if (ids.some((id) => !staged.has(id))) return refuse(response, 400, 'InvalidBlockList')
    content = Buffer.concat(ids.map((id) => staged.get(id) ?? Buffer.alloc(0)))
  }
  blocks.delete(name)
  store.blobs.set(name, {
    body: content,
    md5: String(headers['x-ms-blob-content-md5'] ?? ''),
    type: String(headers['x-ms-blob-content-type'] ?? ''),
    etag: `"${store.log.length}"`,
    meta: String(headers['x-ms-meta-asdwrite'] ?? ''),
  })
  end()
}

function get(
  store: FakeStore,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
  isCut: boolean,
): void {
  const blob = store.blobs.get(name)
  if (!blob) return refuse(response, 404, 'BlobNotFound')
  const { headers } = request
  if (headers['if-match'] && headers['if-match'] !== blob.etag) {
    return refuse(response, 412, 'ConditionNotMet')
  }
  response.setHeader('etag', blob.etag)
  if (blob.meta) response.setHeader('x-ms-meta-asdwrite', blob.meta)
  const range = /^bytes=(\d+)-(\d+)$/.exec(String(headers['x-ms-range'] ?? ''))
  if (!range) {
    if (blob.md5) response.setHeader('content-md5', blob.md5)
    response.setHeader('content-length', blob.body.length)
    response.end(request.method === 'HEAD' ? undefined : blob.body)
    return
  }
  const from = Number(range[1])
  const size = blob.body.length
  if (from >= size) return refuse(response, 416, 'InvalidRange')
  const part = blob.body.subarray(from, Number(range[2]) + 1)
  response.statusCode = 206
  response.setHeader('content-range', `bytes ${from}-${from + part.length - 1}/${size}`)
  response.setHeader('content-length', part.length)
  if (blob.md5) response.setHeader('x-ms-blob-content-md5', blob.md5)
  if (!isCut) {
    response.end(part)
    return
  }
  const half = part.subarray(0, part.length >> 1)
  response.write(half, () => setTimeout(() => response.destroy(), 20))
}

function list(store: FakeStore, url: URL, response: ServerResponse): void {
  const prefix = url.searchParams.get('prefix') ?? ''
  const start = Number(url.searchParams.get('marker') ?? '0')
  const names = [...store.blobs.keys()].filter((name) => name.startsWith(prefix)).toSorted()
  const page = names.slice(start, start + store.pageLength)
  const end = start + page.length
  const rows = page.map((name) => {
    const size = store.blobs.get(name)?.body.length
    const shown = name.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
    return `<Blob><Name>${shown}</Name><Properties><Content-Length>${size}</Content-Length></Properties></Blob>`
  })
  const marker = end < names.length ? `<NextMarker>${end}</NextMarker>` : '<NextMarker />'
  response.setHeader('content-type', 'application/xml')
  response.end(
    `\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="x"><Blobs>${rows.join('')}</Blobs>${marker}</EnumerationResults>`,
  )
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'x-ms-error-code': code, 'x-ms-request-id': 'r1', ...headers })
  response.end()
}
