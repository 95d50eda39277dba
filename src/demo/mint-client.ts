// Steps as a load on the token endpoint: keep-alive TLS connections with one request on each at a
// time, and as little work per answer as can be, because the load shares the machine with the service.
import { connect, type TLSSocket } from 'node:tls'

import type { LabAuthority } from '../lab/authority.ts'

/** What came back: the status and the body as it is. */
export type MintAnswer = { status: number; body: Buffer }

/** Exchanges a request token for an ID token. */
export type MintClient = { mint: (token: string) => Promise<MintAnswer>; close: () => void }

/** A client of the token endpoint that trusts the lab's CA. */
export function createMintClient(
  authority: LabAuthority,
  target: { serviceUrl: string; audience: string; connections: number },
): MintClient {
  const { hostname, port } = new URL(target.serviceUrl)
  const path = `/v1/id-token?audience=${encodeURIComponent(target.audience)}`
  const idle: TLSSocket[] = []
  const waiting: (() => void)[] = []
  let free = target.connections
  const all = new Set<TLSSocket>()
  const open = () => {
    const socket = connect({ host: hostname, port: Number(port), ca: authority.caPem })
    socket.setNoDelay(true)
    all.add(socket)
    return socket
  }
  return {
    mint: async (token) => {
      if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
      else free -= 1
      try {
        // The service closes connections that were idle for some seconds.
        let socket = idle.pop()
        while (socket && (socket.destroyed || socket.readableEnded)) socket = idle.pop()
        socket ??= open()
        const answer = await ask(
          socket,
          `GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${token}\r\n\r\n`,
        )
        idle.push(socket)
        return answer
      } finally {
        const next = waiting.shift()
        if (next) next()
        else free += 1
      }
    },
    close: () => {
      for (const socket of all) socket.destroy()
    },
  }
}

function ask(socket: TLSSocket, request: string): Promise<MintAnswer> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0)
    const done = (settle: () => void) => {
      socket.removeAllListeners('data')
      socket.removeAllListeners('error')
      socket.removeAllListeners('close')
      socket.on('error', () => undefined)
      settle()
    }
    socket.on('data', (chunk: Buffer) => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
      const answer = readAnswer(seen)
      if (answer) done(() => resolve(answer))
    })
    socket.on('error', (error) => done(() => reject(error)))
    socket.on('close', () => done(() => reject(Object.assign(new Error('cut'), { code: 'ECUT' }))))
    socket.write(request)
  })
}

// Undefined until the whole body is there.
function readAnswer(seen: Buffer): MintAnswer | undefined {
  const end = seen.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = seen.toString('latin1', 0, end + 2)
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN)
  if (Number.isNaN(length)) throw new Error('the token endpoint answers without content-length')
  if (seen.length < end + 4 + length) return undefined
  return { status: Number(head.slice(9, 12)), body: seen.subarray(end + 4) }
}

/** The ID token in an answer. */
export function readIdToken({ body }: MintAnswer): string {
  return (JSON.parse(body.toString()) as { value: string }).value
}
