// A block-blob store in memory for tests: it checks what it is sent as Azure does (checksums, block
// names, conditions, headers every call needs) and misbehaves on request.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

import { crc64Of } from '../crc64/crc64.ts'

/** One stored blob; `headers` are its `x-ms-blob-*`, `x-ms-meta-*` and tier headers as they were sent. */
export type FakeBlob = {
  body: Buffer
  etag: string
  headers: Record<string, string>
  blocks: Map<string, Buffer>
}

/** How to spoil one request; a cut or stalled answer has half of its body. */
export type Spoil =
  | { status: number; code: string; headers?: Record<string, string> }
  | 'lose-answer'
  | 'cut-answer'
  | 'stall-answer'

/** A running store. */
export type FakeStore = {
  origin: URL
  blobs: Map<string, FakeBlob>
  /** Uncommitted blocks by blob. */
  staged: Map<string, Map<string, Buffer>>
  /** `PUT /ccc/name?comp=block…` of every request, in order. */
  log: string[]
  /** Called for every request; what it returns happens to it. */
  spoil: (line: string, headers: IncomingMessage['headers']) => Spoil | undefined
  pageLength: number
  close: () => Promise<void>
}

type Call = {
  store: FakeStore
  name: string
  url: URL
  request: IncomingMessage
  response: ServerResponse
  body: Buffer
  spoil: Spoil | undefined
}

/** Starts a store with the container `ccc`; over TLS when a key is given. */
export async function startStore(tls?: { key: string; cert: string }): Promise<FakeStore> {
  const server: Server = tls ? createTlsServer(tls) : createServer()
  const store: FakeStore = {
    origin: new URL('http://unset'),
    blobs: new Map(),
    staged: new Map(),
    log: [],
    spoil: () => undefined,
    pageLength: 5000,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => serve(store, request, response, Buffer.concat(pieces)))
    request.on('error', () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  store.origin = new URL(tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`)
  return store
}

/** Spoils the first `times` requests whose line contains `text`. */
export function spoilFirst(store: FakeStore, text: string, spoil: Spoil, times = 1): void {
  let left = times
  store.spoil = (line) => (line.includes(text) && left-- > 0 ? spoil : undefined)
}

/** Base64 MD5. */
export function md5Of(body: Buffer): string {
  return createHash('md5').update(body).digest('base64')
}

function serve(
  store: FakeStore,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): void {
  const line = `${request.method} ${request.url}`
  store.log.push(line)
  const spoil = store.spoil(line, request.headers)
  if (typeof spoil === 'object') return refuse(response, spoil.status, spoil.code, spoil.headers)
  const fault = faultOf(request.headers, body)
  if (fault) return refuse(response, ...fault)
  const url = new URL(request.url ?? '/', 'http://any')
  const [, container = '', ...path] = (request.url ?? '').split('?')[0]?.split('/') ?? []
  if (container !== 'ccc') return refuse(response, 404, 'ContainerNotFound')
  const name = path.map(decodeURIComponent).join('/')
  const call: Call = { store, name, url, request, response, body, spoil }
  if (url.searchParams.get('comp') === 'list') list(call)
  else if (url.searchParams.get('comp') === 'blocklist' && request.method === 'GET')
    listBlocks(call)
  else if (request.method === 'PUT') put(call)
  else if (request.method === 'DELETE') remove(call)
  else get(call)
}

function faultOf(headers: IncomingMessage['headers'], body: Buffer): [number, string] | undefined {
  if (!headers['x-ms-version'] || !headers['x-ms-client-request-id']) {
    return [400, 'MissingRequiredHeader']
  }
  if (!headers.authorization?.startsWith('Bearer ')) return [401, 'NoAuthenticationInformation']
  const [md5, crc64] = [headers['content-md5'], headers['x-ms-content-crc64']]
  if (md5 && crc64) return [400, 'InvalidHeaderValue']
  if (md5 && md5 !== md5Of(body)) return [400, 'Md5Mismatch']
  return crc64 && crc64 !== crc64Of(body) ? [400, 'Crc64Mismatch'] : undefined
}

function put(call: Call): void {
  const { store, name, url, request, body } = call
  const comp = url.searchParams.get('comp')
  if (comp === 'block') return putBlock(call)
  const old = store.blobs.get(name)
  const clash = clashOf(request.headers, old)
  if (clash) return refuse(call.response, ...clash)
  if (comp === 'metadata' || comp === 'properties') return setHeaders(call, comp, old)
  if (comp !== null && comp !== 'blocklist') return answer(call, 200)
  const staged = store.staged.get(name)
  const blocks = new Map<string, Buffer>()
  if (comp === 'blocklist') {
    for (const [, id = ''] of body.toString().matchAll(/<Latest>([^<]+)<\/Latest>/g)) {
      const block = staged?.get(id) ?? old?.blocks.get(id)
      if (!block) return refuse(call.response, 400, 'InvalidBlockList')
      blocks.set(id, block)
    }
  }
  const content = comp === 'blocklist' ? Buffer.concat([...blocks.values()]) : body
  const etag = `"${store.log.length}"`
  store.staged.delete(name)
  store.blobs.set(name, { body: content, etag, headers: keptHeaders(request.headers), blocks })
  answer(call, 201, { etag })
}

function putBlock(call: Call): void {
  const { store, name, url, body } = call
  const staged = store.staged.get(name) ?? new Map<string, Buffer>()
  const id = url.searchParams.get('blockid') ?? ''
  const isOdd = staged.keys().some((other) => other.length !== id.length)
  if (isOdd) return refuse(call.response, 400, 'InvalidBlobOrBlock')
  store.staged.set(name, staged.set(id, body))
  answer(call, 201)
}

function setHeaders(call: Call, comp: 'metadata' | 'properties', old: FakeBlob | undefined): void {
  const { store, name, request } = call
  if (!old) return refuse(call.response, 404, 'BlobNotFound')
  const etag = `"${store.log.length}"`
  const isReplaced = (header: string) => header.startsWith('x-ms-meta-') === (comp === 'metadata')
  const rest = Object.entries(old.headers).filter(([header]) => !isReplaced(header))
  const headers = { ...Object.fromEntries(rest), ...keptHeaders(request.headers) }
  store.blobs.set(name, { ...old, etag, headers })
  answer(call, 200, { etag })
}

function keptHeaders(headers: IncomingMessage['headers']): Record<string, string> {
  const kept = Object.entries(headers).filter(([header]) =>
    /^x-ms-(blob-(?!type)|meta-|access-tier|tags)/.test(header),
  )
  return Object.fromEntries(kept.map(([header, value]) => [header, String(value)]))
}

function clashOf(
  headers: IncomingMessage['headers'],
  old: FakeBlob | undefined,
): [number, string] | undefined {
  if (headers['if-none-match'] === '*' && old) return [409, 'BlobAlreadyExists']
  const isOther = headers['if-match'] !== undefined && headers['if-match'] !== old?.etag
  return isOther ? [412, 'ConditionNotMet'] : undefined
}

function remove(call: Call): void {
  const { store, name, request, response } = call
  const old = store.blobs.get(name)
  if (!old) return refuse(response, 404, 'BlobNotFound')
  const clash = clashOf(request.headers, old)
  if (clash) return refuse(response, ...clash)
  store.blobs.delete(name)
  answer(call, 202)
}

function get({ store, name, request, response, spoil }: Call): void {
  const blob = store.blobs.get(name)
  if (!blob) return refuse(response, 404, 'BlobNotFound')
  const clash = clashOf(request.headers, blob)
  if (clash) return refuse(response, ...clash)
  for (const [header, value] of Object.entries(blob.headers)) {
    const isStandard = header.startsWith('x-ms-blob-content-') && !header.endsWith('md5')
    response.setHeader(isStandard ? header.slice('x-ms-blob-'.length) : header, value)
  }
  response.setHeader('etag', blob.etag)
  const range = /^bytes=(\d+)-(\d+)$/.exec(String(request.headers['x-ms-range'] ?? ''))
  const size = blob.body.length
  if (!range) {
    response.setHeader('content-length', size)
    response.end(request.method === 'HEAD' ? undefined : blob.body)
    return
  }
  const from = Number(range[1])
  if (from >= size) return refuse(response, 416, 'InvalidRange')
  const part = blob.body.subarray(from, Number(range[2]) + 1)
  response.statusCode = 206
  response.setHeader('content-range', `bytes ${from}-${from + part.length - 1}/${size}`)
  response.setHeader('content-length', part.length)
  if (spoil === undefined) {
    response.end(part)
    return
  }
  response.write(part.subarray(0, part.length >> 1), () => {
    if (spoil === 'cut-answer') setTimeout(() => response.destroy(), 20)
  })
}

function list({ store, url, response }: Call): void {
  const prefix = url.searchParams.get('prefix') ?? ''
  const start = Number(url.searchParams.get('marker') ?? '0')
  const wanted = Number(url.searchParams.get('maxresults') ?? '5000')
  const names = [...store.blobs.keys()].filter((name) => name.startsWith(prefix)).toSorted()
  const end = start + Math.min(store.pageLength, wanted)
  const rows = names.slice(start, end).map((name) => {
    const { body, etag, headers } = store.blobs.get(name) ?? { body: '', etag: '', headers: {} }
    const metadata = Object.entries(headers)
      .filter(([header]) => header.startsWith('x-ms-meta-'))
      .map(([header, value]) => `<${header.slice(10)}>${escape(value)}</${header.slice(10)}>`)
    return `<Blob><Name>${escape(name)}</Name><Properties><Etag>${escape(etag)}</Etag><Content-Length>${body.length}</Content-Length></Properties><Metadata>${metadata.join('')}</Metadata></Blob>`
  })
  const marker = end < names.length ? `<NextMarker>${end}</NextMarker>` : '<NextMarker />'
  answerXml(
    response,
    `<EnumerationResults><Blobs>${rows.join('')}</Blobs>${marker}</EnumerationResults>`,
  )
}

function listBlocks({ store, name, response }: Call): void {
  const [blob, staged] = [store.blobs.get(name), store.staged.get(name)]
  if (!blob && !staged) return refuse(response, 404, 'BlobNotFound')
  const show = (blocks: Map<string, Buffer> | undefined) =>
    [...(blocks ?? [])]
      .map(([id, { length }]) => `<Block><Name>${id}</Name><Size>${length}</Size></Block>`)
      .join('')
  answerXml(
    response,
    `<BlockList><CommittedBlocks>${show(blob?.blocks)}</CommittedBlocks><UncommittedBlocks>${show(staged)}</UncommittedBlocks></BlockList>`,
  )
}

function answer({ response, spoil }: Call, status: number, headers: Record<string, string> = {}) {
  if (spoil === 'lose-answer') response.destroy()
  else response.writeHead(status, headers).end()
}

function answerXml(response: ServerResponse, xml: string): void {
  response.setHeader('content-type', 'application/xml')
  response.end(`\ufeff<?xml version="1.0" encoding="utf-8"?>${xml}`)
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

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
