// Steps as a load on the token endpoint: keep-alive TLS connections with one request on each at a
// time, and as little work per answer as can be, because the load shares the machine with the service.
import { connect, type TLSSocket } from 'node:tls'

import type { LabAuthority } from '../lab/authority.ts'

/** What came back: the ID token of a 200, otherwise an empty text. */
export type MintAnswer = { status: number; value: string }

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
    let text = ''
    const done = (settle: () => void) => {
      socket.removeAllListeners('data')
      socket.removeAllListeners('error')
      socket.removeAllListeners('close')
      socket.on('error', () => undefined)
      settle()
    }
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const answer = readAnswer(text)
      if (answer) done(() => resolve(answer))
    })
    socket.on('error', (error) => done(() => reject(error)))
    socket.on('close', () => done(() => reject(Object.assign(new Error('cut'), { code: 'ECUT' }))))
    socket.write(request)
  })
}

// Undefined until the whole body is there.
function readAnswer(text: string): MintAnswer | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const length = Number(
    /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end + 2))?.[1] ?? Number.NaN,
  )
  if (Number.isNaN(length)) throw new Error('the token endpoint answers without content-length')
  if (text.length < end + 4 + length) return undefined
  const status = Number(text.slice(9, 12))
  if (status !== 200) return { status, value: '' }
  const { value } = JSON.parse(text.slice(end + 4)) as { value: string }
  return { status, value }
}
