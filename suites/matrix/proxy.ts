// An http proxy for CONNECT (RFC 9110 §9.3.6) that counts tunnels, leads names to other places, and
// stops the flow after a number of bytes: what a case needs to see or break a step's connections.
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type Duplex } from 'node:stream'

/** A running proxy. */
export type Proxy = {
  url: string
  /** `host:port` of every tunnel asked for. */
  asked: string[]
  /** The most tunnels that were open at one time to each `host:port`. */
  most: Map<string, number>
  /** Lets so many more bytes of either direction pass; resolves when they have. */
  stallAfter: (bytes: number) => Promise<void>
  close: () => Promise<void>
}

/** Where a tunnel really leads. */
export type Reroute = (host: string, port: number) => { host: string; port: number }

/** Starts a proxy on loopback. */
export async function startProxy(
  reroute: Reroute = (host, port) => ({ host, port }),
): Promise<Proxy> {
  const asked: string[] = []
  const open = new Map<string, number>()
  const most = new Map<string, number>()
  const sockets = new Set<Duplex>()
  let [left, stalled] = [Infinity, () => {}]
  const pass = (from: Duplex, to: Duplex) => {
    from.on('data', (chunk: Buffer) => {
      if (left <= 0) return
      left -= chunk.length
      if (left <= 0) stalled()
      if (!to.write(chunk)) from.pause()
      to.once('drain', () => from.resume())
    })
    from.once('end', () => to.end())
    from.once('error', () => to.destroy())
    from.once('close', () => to.destroy())
  }
  const server = createServer()
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    const at = request.url ?? ''
    const [name = '', port = ''] = at.split(':')
    asked.push(at)
    const count = (open.get(at) ?? 0) + 1
    open.set(at, count)
    most.set(at, Math.max(most.get(at) ?? 0, count))
    client.once('close', () => open.set(at, (open.get(at) ?? 1) - 1))
    const target = connect(reroute(name, Number(port)))
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.setMaxListeners(0)
      socket.once('close', () => sockets.delete(socket))
    }
    target.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      pass(client, target)
      pass(target, client)
    })
    target.once('error', () => client.destroy())
    client.once('error', () => target.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    most,
    stallAfter: (bytes) =>
      new Promise((resolve) => {
        left = bytes
        stalled = resolve
      }),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
