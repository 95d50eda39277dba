// The https listener all lab servers share: loopback only, a free port, a certificate of the
// lab's authority for `localhost`.
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'

import type { LabAuthority } from './authority.ts'

/** A running listener: its base URL without a trailing slash, and the way to end it. */
export type LabListener = { url: string; close: () => Promise<void> }

/**
 * Serves the handler over TLS on 127.0.0.1, also under `extraHosts` for clients that go by a real name;
 * fails when no port can be bound.
 */
export async function listenTls(
  { authority }: { authority: LabAuthority },
  handle: RequestListener,
  extraHosts: readonly string[] = [],
): Promise<LabListener> {
  const { certPem, keyPem } = await authority.issue(['localhost', '127.0.0.1', ...extraHosts])
  const server = createServer({ cert: certPem, key: keyPem }, handle)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was bound')
  return {
    url: `https://localhost:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
