// An HTTP/1.1 client over node:https: keep-alive connections, no redirects, bounded answers.
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'

import { toHttpError } from './failure.ts'
import {
  type Body,
  type HttpAnswer,
  type HttpClient,
  HttpError,
  type HttpHead,
  type HttpOptions,
  type HttpRequest,
} from './http.ts'
import { proxyFor } from './proxy.ts'
import { openTrust } from './trust.ts'

const maxHeaderBytes = 32 * 1024
// A buffer handed to TLS whole is held twice; pieces of this size are not (facts/transfer.md §11).
const pieceBytes = 256 * 1024

/** Makes a client; its agents are opened at the first request and keep connections alive. */
export function createHttp(options: HttpOptions): HttpClient {
  const agents = new Map<string, Promise<Transport>>()
  const transportFor = (origin: URL) => {
    const proxyUrl = proxyFor(options.proxy, origin)
    const key = `${origin.protocol} ${proxyUrl ?? ''}`
    const known = agents.get(key) ?? openTransport(origin.protocol, proxyUrl, options)
    agents.set(key, known)
    return known
  }
  return {
    send: async (request) => {
      const transport = await transportFor(request.origin).catch((error: unknown) => {
        throw toHttpError(error, false)
      })
      return exchange(transport, options, request)
    },
    // Nobody who goes through a proxy, or asks once, waits for it.
    warm: () => undefined,
    close: () => {
      for (const agent of agents.values()) void agent.then((it) => it.agent.destroy())
    },
  }
}

type ExchangeState = {
  connected: boolean
  consumerFailure?: unknown
  /** The consumer or the source is at work: silence is not the network's then. */
  busy?: Promise<unknown> | undefined
  /** Ends the wait for a write. */
  written?: () => void
}

type Transport = { agent: Agent; open: (options: RequestOptions) => ClientRequest }

// Loaded at the first request: `--help` must not pay for TLS.
async function openTransport(
  protocol: string,
  proxyUrl: string | undefined,
  options: HttpOptions,
): Promise<Transport> {
  const shared = {
    keepAlive: true,
    maxSockets: options.maxConnections,
    scheduling: 'lifo',
    // Whether a proxy applies is decided above, so Node is told of no exceptions.
    ...(proxyUrl && { proxyEnv: { HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl } }),
  } as const
  if (protocol === 'http:') {
    const http = await import('node:http')
    return { agent: new http.Agent(shared), open: http.request }
  }
  // One context for all connections: each would parse every certificate of `ca` again.
  const [https, secureContext] = await Promise.all([import('node:https'), openTrust(options)])
  const agent = new https.Agent({ ...shared, rejectUnauthorized: true, secureContext })
  return { agent, open: https.request }
}

async function exchange(
  { agent, open }: Transport,
  options: HttpOptions,
  { origin, signal, ...request }: HttpRequest,
): Promise<HttpAnswer> {
  if (signal?.aborted) throw new HttpError('the request was aborted', 'ABORT_ERR', false)
  const idleTimeoutMs = options.idleTimeoutMs ?? 60_000
  const state: ExchangeState = { connected: false }
  const closed = Promise.withResolvers<undefined>()
  let failure: Error | undefined
  let answer: Promise<HttpAnswer> | undefined
  const sent = opened(open, {
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
  watch(sent, state, idleTimeoutMs)
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
  const close = () => {
    closed.resolve(undefined)
    state.written?.()
  }
  sent.on('close', close)
  const abort = () => {
    if (sent.socket) return
    // Node says no `close` before it has found a connection for it.
    close()
  }
  signal?.addEventListener('abort', abort)
  const writing = writePieces(sent, request.body, state).catch((error: unknown) => {
    // A source that cannot be read is not the network's failure and passes unchanged.
    state.consumerFailure ??= error
    sent.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  // Only after `close` does nothing below us look at the caller's buffer any more.
  await closed.promise
  signal?.removeEventListener('abort', abort)
  await writing
  await state.busy
  try {
    if (answer) return await answer
  } catch (error) {
    failure = error instanceof Error ? error : failure
  }
  throw reasonOf(failure, state, signal)
}

function reasonOf(
  failure: Error | undefined,
  { consumerFailure, connected }: ExchangeState,
  signal: AbortSignal | undefined,
): unknown {
  if (consumerFailure !== undefined) return consumerFailure
  if (!signal?.aborted) return toHttpError(failure, connected)
  return new HttpError('the request was aborted', 'ABORT_ERR', connected, failure)
}

// Two patiences: one until the connection stands, one for silence on it.
function watch(sent: ClientRequest, state: ExchangeState, idleTimeoutMs: number): void {
  sent.on('socket', (socket) => {
    const ready = () => {
      state.connected = true
      socket.setTimeout(idleTimeoutMs)
    }
    const isTls = 'authorized' in socket
    if (sent.reusedSocket || (isTls ? socket.authorized : !socket.connecting)) ready()
    else socket.once(isTls ? 'secureConnect' : 'connect', ready)
  })
  sent.on('timeout', () => {
    if (state.busy) sent.socket?.setTimeout(idleTimeoutMs)
    else sent.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }))
  })
}

// Node throws at once for what cannot go on the wire.
function opened(open: Transport['open'], options: RequestOptions): ClientRequest {
  try {
    return open(options)
  } catch (error) {
    throw toHttpError(error, false)
  }
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
      const wait = onBody(piece, head)?.catch(note)
      state.busy = wait?.then(
        () => (state.busy = undefined),
        () => (state.busy = undefined),
      )
      return wait
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

async function writePieces(
  sent: ClientRequest,
  body: Buffer | Body | undefined,
  state: ExchangeState,
): Promise<void> {
  if (!body || (Buffer.isBuffer(body) && body.length <= pieceBytes)) {
    sent.end(body)
    return
  }
  const sizeBytes = sizeOf(body)
  const pieceAt = Buffer.isBuffer(body) ? sliceOf(body) : readOf(body, state)
  for (let offset = 0; offset < sizeBytes; offset += pieceBytes) {
    const piece = await pieceAt(offset)
    if (sent.destroyed) return
    await new Promise<void>((resolve) => {
      state.written = resolve
      sent.write(piece, () => resolve())
    })
    if (sent.destroyed) return
  }
  sent.end()
}

function sliceOf(body: Buffer) {
  return async (offset: number) => body.subarray(offset, offset + pieceBytes)
}

function readOf(body: Body, state: ExchangeState) {
  const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, body.sizeBytes))
  return async (offset: number) => {
    const piece = buffer.subarray(0, Math.min(pieceBytes, body.sizeBytes - offset))
    state.busy = body.readInto(piece, offset)
    await state.busy.finally(() => (state.busy = undefined))
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
