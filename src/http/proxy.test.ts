import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'

import { createAuthority } from '../lab/authority.ts'
import {
  digestOf,
  echoDigest,
  failureOf,
  pattern,
  sourceOf,
  withServer,
} from './contract.fixture.ts'
import type { HttpClient, HttpOptions } from './http.ts'
import { createHttp } from './node.ts'
import { openHttp } from './open.ts'
import { proxyFor } from './proxy.ts'

const authority = await createAuthority()
const identity = { caPem: authority.caPem, ...(await authority.issue(['localhost', '127.0.0.1'])) }

type Proxy = { host: string; seen: string[]; mood: 'open' | 'refuses' | 'silent' }

// A forward proxy that wants `Proxy-Authorization`, tunnels CONNECT and passes on absolute requests.
async function withProxy(work: (proxy: Proxy) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>()
  const proxy: Proxy = { host: '', seen: [], mood: 'open' }
  const wanted = `Basic ${Buffer.from('us er:p@ss').toString('base64')}`
  const admits = ({ method, url, headers }: IncomingMessage) => {
    proxy.seen.push(`${method} ${url}`)
    return headers['proxy-authorization'] === wanted && proxy.mood === 'open'
  }
  const server = createServer((request, response) => {
    if (!admits(request)) {
      response.writeHead(407).end()
      return
    }
    const { method, headers } = request
    const onward = httpRequest(request.url ?? '', { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onward)
  })
  server.on('connect', (request, socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    const isAdmitted = admits(request)
    if (proxy.mood === 'silent') return
    if (!isAdmitted) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n')
      return
    }
    const [host = '', port] = (request.url ?? '').split(':')
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    sockets.add(onward)
    onward.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    await work(proxy)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
    server.close()
  }
}

const clients: Record<string, (options: HttpOptions) => HttpClient> = {
  'the node:https transport': createHttp,
  'the client that picks its transport': openHttp,
}
for (const [name, open] of Object.entries(clients)) {
  describe(`${name}, behind a proxy`, () => {
    it('tunnels https through CONNECT with the password of the URL, and keeps the tunnel', () =>
      withProxy(({ host, seen }) =>
        withServer(
          { open, identity },
          echoDigest,
          async ({ send, origin, connections }) => {
            const bytes = pattern(700_000)
            for (const body of [bytes, sourceOf(bytes)]) {
              const answer = await send({ method: 'PUT', body })
              assert.equal(answer.body.toString(), digestOf(bytes))
            }
            assert.deepEqual(seen, [`CONNECT ${origin.host}`])
            assert.equal(connections(), 1)
          },
          { proxy: { httpsProxy: `http://us%20er:p%40ss@${host}` } },
        ),
      ))

    it('passes plain requests on whole', () =>
      withProxy(({ host, seen }) =>
        withServer(
          { open },
          (request, response) => response.end(request.url),
          async ({ send, origin }) => {
            assert.equal((await send({ path: '/a%20b?c' })).body.toString(), '/a%20b?c')
            assert.deepEqual(seen, [`GET ${origin.href}a%20b?c`])
          },
          { proxy: { httpProxy: `us%20er:p%40ss@${host}` } },
        ),
      ))

    it('goes directly where no_proxy says so, and where only the other scheme has a proxy', () =>
      withProxy(async ({ host, seen }) => {
        for (const proxy of [
          { httpsProxy: host, noProxy: 'other.test, localhost' },
          { httpProxy: host },
        ]) {
          const work = async ({ send }: { send: (it: object) => Promise<{ status: number }> }) =>
            assert.equal((await send({})).status, 200)
          await withServer({ open, identity }, echoDigest, work, { proxy })
        }
        assert.deepEqual(seen, [])
      }))

    it('says that nothing was received when the proxy refuses, is silent or is not there', () =>
      withProxy(async (proxy) => {
        const options = { connectTimeoutMs: 100 }
        for (const [httpsProxy, mood, code] of [
          [`http://us:er@${proxy.host}`, 'open', 'ERR_PROXY_TUNNEL'],
          [`http://us:er@${proxy.host}`, 'silent', 'ERR_PROXY_TUNNEL'],
          ['http://us:er@127.0.0.1:1', 'open', 'ECONNREFUSED'],
          ['socks5://us:er@127.0.0.1:1', 'open', 'ERR_PROXY_INVALID_CONFIG'],
        ] as const) {
          proxy.mood = mood
          await withServer(
            { open, identity },
            echoDigest,
            async ({ send }) => {
              const error = await failureOf(send({ method: 'PUT', body: pattern(300_000) }))
              assert.deepEqual([error.code, error.maybeReceived], [code, false])
              assert.ok(!`${error.message} ${String(error.cause)}`.includes('us:er'))
            },
            { ...options, proxy: { httpsProxy } },
          )
        }
      }))
  })
}

describe('no_proxy', () => {
  const isDirect = (noProxy: string, origin: string) =>
    proxyFor({ httpProxy: 'p:1', httpsProxy: 'p:1', noProxy }, new URL(origin)) === undefined

  const direct: [string, string][] = [
    ['*', 'https://a.test'],
    ['a.test', 'https://a.test'],
    ['a.test', 'https://b.A.test'],
    ['.a.test', 'https://a.test'],
    ['.a.test', 'https://b.a.test'],
    ['*.a.test', 'https://b.a.test'],
    ['x, A.TEST ,y', 'https://a.test'],
    ['x a.test', 'https://a.test.'],
    ['a.test:443', 'https://a.test'],
    ['a.test:80', 'http://b.a.test'],
    ['10.0.0.1', 'http://10.0.0.1:8080'],
    ['10.0.0.0/8', 'http://10.9.8.7'],
    ['10.0.0.1-10.0.0.9', 'http://10.0.0.7'],
    ['10.0.0.1:8080', 'http://10.0.0.1:8080'],
    ['::1', 'http://[::1]:8080'],
    ['[::1]', 'http://[::1]'],
    ['[::1]:8080', 'http://[::1]:8080'],
    ['fd00::/8', 'https://[fd12::1]'],
  ]
  for (const [noProxy, origin] of direct) {
    it(`${noProxy} exempts ${origin}`, () => assert.ok(isDirect(noProxy, origin)))
  }

  const proxied: [string, string][] = [
    ['', 'https://a.test'],
    ['a.test', 'https://ba.test'],
    ['a.test', 'https://a.test.b'],
    ['b.a.test', 'https://a.test'],
    ['a.test:8443', 'https://a.test'],
    ['.', 'https://a.test'],
    ['10.0.0.0/8', 'https://11.0.0.1'],
    ['10.0.0.0/99', 'https://10.0.0.1'],
    ['10.0.0.0/8', 'https://[fd12::1]'],
    ['10', 'https://10.0.0.1'],
    ['0.0.1', 'https://10.0.0.1'],
  ]
  for (const [noProxy, origin] of proxied) {
    it(`"${noProxy}" does not exempt ${origin}`, () => assert.ok(!isDirect(noProxy, origin)))
  }
})
