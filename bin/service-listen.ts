// How the trust service's doors listen: plain or TLS, with limits on what a caller may send, and how they
// are closed.
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'

import type { Listener } from '../src/config/service-config.ts'
import { Fault } from '../src/core/fault.ts'
import type { Log } from '../src/core/log.ts'

/** Opens a door; throws config_invalid when its address or certificate cannot be used. */
export async function listen(
  { host, port, tls }: Listener,
  app: Pick<Hono, 'fetch'>,
  log: Log,
  door: string,
): Promise<Server> {
  const listener = getRequestListener(app.fetch)
  const limits = { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000 }
  const server = tls
    ? createTlsServer(
        {
          ...limits,
          minVersion: 'TLSv1.2',
          // The CA is presented as well, so that a client can find the certificate its pin names.
          cert: [tls.certificateFile, ...(tls.caFile === undefined ? [] : [tls.caFile])]
            .map((file) => readOrFault(file, 'certificate'))
            .join('\n'),
          key: readOrFault(tls.keyFile, 'certificate key'),
        },
        listener,
      )
    : createServer(limits, listener)
  // While it closes, a connection that always has another request must come to its end as well.
  server.prependListener('request', (_request, response) => {
    if (!server.listening) response.shouldKeepAlive = false
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const where = `${host}:${port}`
      reject(
        new Fault(
          'config_invalid',
          `The ${door} door cannot listen on ${where}: ${cause.message}.`,
        ),
      )
    })
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  log.info({ door, host: address.address, port: address.port, tls: tls !== undefined }, 'listening')
  return server
}

/** Closes a door: requests under way are finished, idle connections are closed at once. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  await closed
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
