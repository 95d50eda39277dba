// An HTTP/1.1 client over node:https: keep-alive connections, no redirects, bounded answers.
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'

import {
  type Body,
  type HttpAnswer,
  type HttpClient,
  HttpError,
  type HttpHead,
  type HttpOptions,
  type HttpRequest,
} from './http.ts'

const maxHeaderBytes = 32 * 1024
// A buffer handed to TLS whole is held twice; pieces of this size are not (facts/transfer.md §11).
const pieceBytes = 256 * 1024

/** Makes a client; its agents are opened at the first request and keep connections alive. */
export function createHttp(options: HttpOptions): HttpClient {
  const agents = new Map<string, Promise<Transport>>()
  const transportFor = (protocol: string) => {
    const known = agents.get(protocol) ?? openTransport(protocol, options)
    agents.set(protocol, known)
    return known
  }
  return {
    send: async (request) =>
      exchange(await transportFor(request.origin.protocol), options, request),
    close: () => {
      for (const agent of agents.values()) void agent.then((it) => it.agent.destroy())
    },
  }
}

type ExchangeState = { connected: boolean; consumerFailure?: unknown }

type Transport = { agent: Agent; open: (options: RequestOptions) => ClientRequest }

// Loaded at the first request: `--help` must not pay for TLS.
async function openTransport(protocol: string, options: HttpOptions): Promise<Transport> {
  const shared = {
    keepAlive: true,
    maxSockets: options.maxConnections,
    scheduling: 'lifo',
  } as const
  if (protocol === 'http:') {
    const http = await import('node:http')
    return { agent: new http.Agent(shared), open: http.request }
  }
  const [https, { createSecureContext }] = await Promise.all([
    import('node:https'),
    import('node:tls'),
  ])
  // One context for all connections: each would parse every certificate of `ca` again.
  const secureContext = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(options.ca && { ca: [...options.ca] }),
    ...(options.allowPartialTrustChain && { allowPartialTrustChain: true }),
  })
  const agent = new https.Agent({ ...shared, rejectUnauthorized: true, secureContext })
  return { agent, open: https.request }
}

async function exchange(
  { agent, open }: Transport,
  options: HttpOptions,
  { origin, signal, ...request }: HttpRequest,
): Promise<HttpAnswer> {
  const idleTimeoutMs = options.idleTimeoutMs ?? 60_000
  const state: ExchangeState = { connected: false }
  const closed = Promise.withResolvers<undefined>()
  let failure: Error | undefined
  let answer: Promise<HttpAnswer> | undefined
  const sent = open({
    agent,
    method: request.method,
    host: origin.hostname.replaceAll(/[[\]]/g, ''),
    port: origin.port || (origin.protocol === 'http:' ? 80 : 443),
    path: request.path,
    headers: { ...request.headers, host: origin.host, ...lengthHeader(request) },
    maxHeaderSize: maxHeaderBytes,
    timeout: options.connectTimeoutMs ?? 10_000,
    ...(signal && { signal }),
  })
  sent.on('socket', (socket) => {
    const ready = () => {
      state.connected = true
      socket.setTimeout(idleTimeoutMs)
    }
    if (sent.reusedSocket || !socket.connecting) ready()
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', ready)
  })
  sent.on('timeout', () => {
    sent.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }))
  })
  sent.on('response', (response) => {
    answer = receive(
      response,
      guard(request.onBody, state),
      options.maxBodyBytes ?? 16 * 1024 * 1024,
    )
    answer.then(
      // An answer before the end of the body: the other side does not want the rest.
      () => sent.writableFinished || sent.destroy(),
      (error: unknown) => sent.destroy(error instanceof Error ? error : new Error(String(error))),
    )
  })
  sent.on('error', (error) => {
    failure ??= error
  })
  // Only after `close` does nothing below us look at the caller's buffer any more.
  sent.on('close', () => closed.resolve(undefined))
  writePieces(sent, request.body, state)
  await closed.promise
  try {
    if (answer) return await answer
  } catch (error) {
    failure = error instanceof Error ? error : failure
  }
  throw state.consumerFailure ?? toHttpError(failure, state.connected)
}

// What the consumer throws (a full disk, say) is not the network's failure and passes unchanged.
function guard(onBody: HttpRequest['onBody'], state: ExchangeState): HttpRequest['onBody'] {
  if (!onBody) return undefined
  const note = (error: unknown): never => {
    state.consumerFailure = error
    throw error
  }
  return (piece, head) => {
    try {
      return onBody(piece, head)?.catch(note)
    } catch (error) {
      return Promise.reject(error).catch(note)
    }
  }
}

function lengthHeader({ method, body }: Pick<HttpRequest, 'method' | 'body'>) {
  if (body) return { 'content-length': String(sizeOf(body)) }
  return method === 'PUT' || method === 'POST' ? { 'content-length': '0' } : {}
}

function sizeOf(body: Buffer | Body): number {
  return Buffer.isBuffer(body) ? body.length : body.sizeBytes
}

function writePieces(
  sent: ClientRequest,
  body: Buffer | Body | undefined,
  state: ExchangeState,
): void {
  if (!body || (Buffer.isBuffer(body) && body.length <= pieceBytes)) {
    sent.end(body)
    return
  }
  const sizeBytes = sizeOf(body)
  const pieceAt = Buffer.isBuffer(body) ? sliceOf(body) : readOf(body)
  const next = async (offset: number): Promise<void> => {
    if (sent.destroyed) return
    if (offset >= sizeBytes) {
      sent.end()
      return
    }
    const piece = await pieceAt(offset)
    sent.write(piece, (error) => {
      if (!error) start(offset + piece.length)
    })
  }
  const start = (offset: number) => {
    // A source that cannot be read is not the network's failure and passes unchanged.
    next(offset).catch((error: unknown) => {
      state.consumerFailure ??= error
      sent.destroy(error instanceof Error ? error : new Error(String(error)))
    })
  }
  start(0)
}

function sliceOf(body: Buffer) {
  return (offset: number) => body.subarray(offset, offset + pieceBytes)
}

function readOf(body: Body) {
  const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, body.sizeBytes))
  return async (offset: number) => {
    const piece = buffer.subarray(0, Math.min(pieceBytes, body.sizeBytes - offset))
    await body.readInto(piece, offset)
    return piece
  }
}

function receive(
  response: IncomingMessage,
  onBody: HttpRequest['onBody'],
  maxBodyBytes: number,
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const head: HttpHead = { status: response.statusCode ?? 0, headers: flatten(response) }
  const isTaken = onBody !== undefined && head.status >= 200 && head.status < 300
  const pieces: Buffer[] = []
  let sizeBytes = 0
  response.on('data', (piece: Buffer) => {
    if (isTaken) {
      const wait = onBody(piece, head)
      if (!wait) return
      response.pause()
      wait.then(() => response.resume(), reject)
      return
    }
    sizeBytes += piece.length
    if (sizeBytes > maxBodyBytes)
      reject(new Error(`the answer is longer than ${maxBodyBytes} bytes`))
    else pieces.push(piece)
  })
  response.on('end', () => {
    if (response.complete) resolve({ ...head, body: Buffer.concat(pieces) })
    else reject(Object.assign(new Error('the answer was cut short'), { code: 'ECONNRESET' }))
  })
  response.on('error', reject)
  response.on('close', () => {
    reject(Object.assign(new Error('the answer was cut short'), { code: 'ECONNRESET' }))
  })
  return promise
}

function flatten(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

function toHttpError(error: Error | undefined, maybeReceived: boolean): HttpError {
  if (!error) return new HttpError('the connection ended without an answer', '', maybeReceived)
  const inner = error instanceof AggregateError ? error.errors[0] : error
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : ''
  const message = error.message || (inner instanceof Error ? inner.message : 'connection failed')
  return new HttpError(message, code, maybeReceived, error)
}
