// Opens connections to one origin, plain or over TLS, with one deadline for name, connection and handshake.
import type { Socket } from 'node:net'
import type { ConnectionOptions, SecureContext } from 'node:tls'

import { toHttpError } from '../failure.ts'
import { HttpError, type HttpOptions } from '../http.ts'
import { openTrust } from '../trust.ts'
import { createLookup } from './lookup.ts'
import { createReadBuffer } from './read-buffer.ts'
import { Wire } from './wire.ts'

/** Opens one connection; throws `HttpError` with `maybeReceived` false. */
export type Dial = (signal: AbortSignal | undefined) => Promise<Wire>

/** The certificates one client trusts, ready for use. */
export type Trust = () => Promise<SecureContext>

type OnRead = { buffer: () => Buffer; callback: (count: number, buffer: Uint8Array) => boolean }
type OpenSocket = (onread: OnRead) => Socket

const readBufferBytes = 256 * 1024

/** Prepares what all connections of one client trust; made once, at the first need. */
export function createTrust(options: HttpOptions): Trust {
  let context: Promise<SecureContext> | undefined
  return () => (context ??= openTrust(options))
}

/** Makes the dialler of one origin; TLS sessions are taken up again. */
export function createDial(origin: URL, options: HttpOptions, trust: Trust): Dial {
  let opening: Promise<OpenSocket> | undefined
  return async (signal) => {
    opening ??= origin.protocol === 'https:' ? openerOfTls(origin, trust) : openerOfTcp(origin)
    const open = await opening.catch((error: unknown) => {
      throw toHttpError(error, false)
    })
    return connect(open, options.connectTimeoutMs ?? 10_000, signal)
  }
}

async function openerOfTcp(origin: URL): Promise<OpenSocket> {
  const [net, { lookup }] = await Promise.all([import('node:net'), import('node:dns')])
  const address = {
    host: hostOf(origin),
    port: Number(origin.port || 80),
    lookup: createLookup(lookup),
    noDelay: true,
  }
  return (onread) => net.connect({ ...address, onread })
}

async function openerOfTls(origin: URL, trust: Trust): Promise<OpenSocket> {
  const [{ isIP }, dns] = await Promise.all([import('node:net'), import('node:dns')])
  const host = hostOf(origin)
  const lookup = createLookup(dns.lookup)
  // Begun now, the search for the address costs no time of its own: TLS takes as long to load.
  if (isIP(host) === 0) lookup(host, { all: true }, () => undefined)
  const [tls, secureContext] = await Promise.all([import('node:tls'), trust()])
  const address: ConnectionOptions = {
    host,
    port: Number(origin.port || 443),
    lookup,
    secureContext,
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    // Names only: RFC 6066 §3 forbids addresses.
    ...(isIP(host) === 0 && { servername: host }),
  }
  let session: Buffer | undefined
  return (onread) => {
    const options = { ...address, ...(session && { session }), onread }
    const socket = tls.connect(options)
    socket.setNoDelay(true)
    socket.on('session', (fresh) => (session = fresh))
    return socket
  }
}

function hostOf(origin: URL): string {
  return origin.hostname.replaceAll(/[[\]]/g, '')
}

function connect(
  open: OpenSocket,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Wire> {
  const { promise, resolve, reject } = Promise.withResolvers<Wire>()
  const buffer = createReadBuffer(readBufferBytes)
  const socket = open({
    buffer: buffer.next,
    callback: (count, bytes) =>
      wire.onRead(Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, count)),
  })
  const wire = new Wire(socket, buffer)
  const fail = (error: Error) => {
    settle()
    socket.destroy()
    reject(toHttpError(error, false))
  }
  const onClose = () => fail(new HttpError('the connection was closed', 'ECONNRESET', false))
  const onAbort = () => fail(new HttpError('the request was aborted', 'ABORT_ERR', false))
  const onTimeout = () => fail(new HttpError('no connection in time', 'ETIMEDOUT', false))
  const onOpen = () => {
    settle()
    resolve(wire)
  }
  const timer = setTimeout(onTimeout, timeoutMs)
  const settle = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.off('error', fail).off('close', onClose)
  }
  signal?.addEventListener('abort', onAbort)
  socket.once('encrypted' in socket ? 'secureConnect' : 'connect', onOpen)
  socket.on('error', fail).on('close', onClose)
  if (signal?.aborted) onAbort()
  return promise
}
