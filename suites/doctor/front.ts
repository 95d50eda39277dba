import { once } from 'node:events'
// A server in front of another that hands requests on, unless a fault is switched on: it can answer by
// itself, change answers, show another certificate, or be down.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'

import type { LabAuthority } from '../../src/lab/authority.ts'

/** An answer of the front's own. */
export type OwnAnswer = { status: number; body: string; headers?: Record<string, string> }

/** What a front does with a request: answers it, changes the answer, or (undefined) hands it on. */
export type Meddle = (request: {
  method: string
  path: string
  headers: IncomingMessage['headers']
}) => OwnAnswer | { change: (body: string) => string } | undefined

/** A running front. */
export type Front = {
  url: string
  meddle: (how: Meddle | undefined) => void
  /** Shows a certificate of this authority from the next connection on. */
  showCertificateOf: (authority: LabAuthority) => Promise<void>
  setDown: (isDown: boolean) => Promise<void>
  close: () => Promise<void>
}

/** Starts a front for the server at `target`, which the lab's authority vouches for. */
export async function startFront(authority: LabAuthority, target: string): Promise<Front> {
  const issue = (by: LabAuthority) => by.issue(['localhost', '127.0.0.1'])
  const own = await issue(authority)
  let meddle: Meddle | undefined
  const server = createServer({ cert: own.certPem, key: own.keyPem }, (request, response) => {
    handle({ ca: authority.caPem, target, meddle }, request, response).catch(() =>
      response.destroy(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return {
    url: `https://localhost:${port}`,
    meddle: (how) => {
      meddle = how
    },
    showCertificateOf: async (by) => {
      const { certPem, keyPem } = by === authority ? own : await issue(by)
      server.setSecureContext({ cert: certPem, key: keyPem })
    },
    setDown: async (isDown) => {
      if (isDown) return close()
      if (server.listening) return undefined
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      return undefined
    },
    close,
  }
}

async function handle(
  { ca, target, meddle }: { ca: string; target: string; meddle: Meddle | undefined },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url: path = '/', headers } = request
  const body = await readAll(request)
  const how = meddle?.({ method, path, headers })
  if (how && 'status' in how) {
    response.writeHead(how.status, { 'content-type': 'application/json', ...how.headers })
    response.end(how.body)
    return
  }
  const passed = httpsRequest(new URL(path, target), { method, headers, ca, agent: false })
  passed.end(body)
  const [answer] = (await once(passed, 'response')) as [IncomingMessage]
  const content = await readAll(answer)
  const sent = how ? Buffer.from(how.change(content.toString())) : content
  const { 'transfer-encoding': _, ...kept } = answer.headers
  response.writeHead(answer.statusCode ?? 502, { ...kept, 'content-length': sent.length })
  response.end(sent)
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
