// What every transport must do, held against servers on loopback: run for each of them, plain and TLS.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

import {
  type Body,
  type HttpAnswer,
  type HttpClient,
  HttpError,
  type HttpOptions,
  type HttpRequest,
} from './http.ts'

/** A certificate for `localhost`, and the authority that a client must know. */
export type Identity = { caPem: string; certPem: string; keyPem: string }

/** Which transport is meant, and how its servers speak. */
export type Subject = {
  open: (options: HttpOptions) => HttpClient
  /** Absent for plain HTTP. */
  identity?: Identity
}

/** A client beside its server. */
export type Bench = {
  send: (request: Partial<HttpRequest>) => Promise<HttpAnswer>
  origin: URL
  /** How many connections the server has seen. */
  connections: () => number
}

/** Serves requests by Node's own server while `work` runs. */
export function withServer(
  subject: Subject,
  listener: RequestListener,
  work: (bench: Bench) => Promise<void>,
  options: Partial<HttpOptions> = {},
): Promise<void> {
  const { identity } = subject
  const server = identity
    ? createHttpsServer({ cert: identity.certPem, key: identity.keyPem }, listener)
    : createHttpServer(listener)
  return withListening(subject, server, work, options)
}

/** Answers each connection's bytes by hand while `work` runs; `answer` gets each request's first bytes. */
export function withRawServer(
  subject: Subject,
  answer: (socket: Socket, request: string, count: number) => void,
  work: (bench: Bench) => Promise<void>,
  options: Partial<HttpOptions> = {},
): Promise<void> {
  let count = 0
  const onSocket = (socket: Socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => answer(socket, bytes.toString('latin1'), ++count))
  }
  const { identity } = subject
  const server = identity
    ? createTlsServer({ cert: identity.certPem, key: identity.keyPem }, onSocket)
    : createTcpServer(onSocket)
  return withListening(subject, server, work, options)
}

async function withListening(
  { open, identity }: Subject,
  server: Server,
  work: (bench: Bench) => Promise<void>,
  options: Partial<HttpOptions>,
): Promise<void> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin = new URL(identity ? `https://localhost:${port}` : `http://127.0.0.1:${port}`)
  const client = open({ maxConnections: 2, ...(identity && { ca: [identity.caPem] }), ...options })
  try {
    await work({
      send: (request) => client.send({ method: 'GET', path: '/', headers: {}, origin, ...request }),
      origin,
      connections: () => connections,
    })
  } finally {
    client.close()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** A listener that answers with length and SHA-256 of what came. */
export const echoDigest: RequestListener = (request, response) => {
  const hash = createHash('sha256')
  let size = 0
  request.on('data', (piece: Buffer) => {
    size += piece.length
    hash.update(piece)
  })
  request.on('end', () => {
    response.end(`${request.headers['content-length']} ${size} ${hash.digest('hex')}`)
  })
}

/** Bytes of which no two runs of a few are alike. */
export function pattern(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  for (let at = 0; at < sizeBytes; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + (at >> 16)) & 0xff
  return bytes
}

/** What `echoDigest` must answer. */
export function digestOf(bytes: Buffer): string {
  const hex = createHash('sha256').update(bytes).digest('hex')
  return `${bytes.length} ${bytes.length} ${hex}`
}

/** A source over these bytes that takes a turn of the event loop for each read. */
export function sourceOf(bytes: Buffer): Body & { reads: () => number } {
  let [next, reads] = [0, 0]
  return {
    sizeBytes: bytes.length,
    reads: () => reads,
    readInto: async (buffer, offset) => {
      assert.ok(offset === 0 || offset === next, 'read in order')
      reads++
      await turn()
      assert.equal(bytes.copy(buffer, 0, offset), buffer.length)
      next = offset + buffer.length
    },
  }
}

/** The next turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** The error a promise ends with; fails when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<HttpError> {
  const error: unknown = await promise.then(
    () => assert.fail('it did not fail'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof HttpError, String(error))
  return error
}
