// How the trust service's doors listen: plain or TLS, with limits on what a caller may send, on an address of
// their own or on a socket of systemd's; and how they are closed.
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'

import type { Listener } from '../src/config/service-config.ts'
import { Fault } from '../src/core/fault.ts'
import type { Log } from '../src/core/log.ts'
import { keepCertificateFresh, readPresented } from './service-certificate.ts'
import { findSocket } from './service-socket.ts'

const limits = { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000 }
// Longer than any exchange takes; what is left then would never end.
const longestDrainMs = 15_000

/** Opens a door; throws config_invalid when its address or certificate cannot be used. */
export async function listen(
  { host, port, tls }: Listener,
  app: Pick<Hono, 'fetch'>,
  log: Log,
  door: string,
): Promise<Server> {
  const server = createDoor(getRequestListener(app.fetch), tls, log, door)
  // While it closes, a connection that always has another request must come to its end as well.
  server.prependListener('request', (_request, response) => {
    if (!server.listening) response.shouldKeepAlive = false
  })
  const fd = findSocket(process, door)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const where = fd === undefined ? `${host}:${port}` : `systemd's socket`
      reject(
        new Fault(
          'config_invalid',
          `The ${door} door cannot listen on ${where}: ${cause.message}.`,
        ),
      )
    })
    server.listen(fd === undefined ? { host, port } : { fd }, resolve)
  })
  const address = server.address() as AddressInfo
  log.info({ door, host: address.address, port: address.port, tls: tls !== undefined }, 'listening')
  return server
}

function createDoor(
  listener: ReturnType<typeof getRequestListener>,
  tls: Listener['tls'],
  log: Log,
  door: string,
): Server {
  if (!tls) return createServer(limits, listener)
  const first = readPresented(readOrFault, tls)
  const { cert, key } = first
  const server = createTlsServer({ ...limits, minVersion: 'TLSv1.2', cert, key }, listener)
  keepCertificateFresh({ server, read: readOrFault, log, door }, tls, first)
  return server
}

/**
 * Closes a door: nobody new is let in, idle connections are closed at once, requests under way are finished with
 * `Connection: close`, and whoever is not done after fifteen seconds is cut off.
 */
export async function closeServer(server: Server, drainMs = longestDrainMs): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const cutting = setTimeout(() => server.closeAllConnections(), drainMs)
  await closed
  clearTimeout(cutting)
}

/** A file of the configuration as text; throws config_invalid. */
export function readOrFault(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('config_invalid', `The ${what} cannot be read: ${(cause as Error).message}.`, {
      cause,
    })
  }
}
