// An HTTP/1.1 client over sockets for the hot path: no streams, one read buffer for each connection,
// request bodies through shared pieces. It knows no proxies: node.ts does.
import { type HttpClient, HttpError, type HttpOptions } from '../http.ts'
import { createDial, createTrust } from './dial.ts'
import { createPieces, type Pieces } from './pieces.ts'
import { createPool, type Pool } from './pool.ts'

// A buffer handed to TLS whole is held twice; larger pieces pay for themselves only without it.
const pieceBytes = { 'http:': 512 * 1024, 'https:': 256 * 1024 }

/** Makes a client; it opens connections, and loads TLS, at the first request. */
export function createLeanHttp(options: HttpOptions): HttpClient {
  const trust = createTrust(options)
  const pools = new Map<string, Pool>()
  const pieces = new Map<string, Pieces>()
  const open = (origin: URL): Pool => {
    const { protocol } = origin
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw new HttpError(`no client for ${protocol}`, 'ERR_INVALID_PROTOCOL', false)
    }
    const store = pieces.get(protocol) ?? createPieces(pieceBytes[protocol], options.maxConnections)
    pieces.set(protocol, store)
    return createPool({
      dial: createDial(origin, options, trust),
      pieces: store,
      maxConnections: options.maxConnections,
      idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
      maxBodyBytes: options.maxBodyBytes ?? 16 * 1024 * 1024,
    })
  }
  const poolOf = (origin: URL): Pool => {
    const key = `${origin.protocol}//${origin.host}`
    const pool = pools.get(key) ?? open(origin)
    pools.set(key, pool)
    return pool
  }
  return {
    send: async (request) => poolOf(request.origin).send(request),
    warm: (origin, signal) => poolOf(origin).warm(signal),
    close: () => {
      for (const pool of pools.values()) pool.close()
    },
  }
}
