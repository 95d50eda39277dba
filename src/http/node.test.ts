import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'

import { HttpError, type HttpOptions, type HttpRequest } from './http.ts'
import { createHttp } from './node.ts'

async function withServer(
  listener: RequestListener,
  work: (
    send: (request: Partial<HttpRequest>) => ReturnType<ReturnType<typeof createHttp>['send']>,
    connections: () => number,
  ) => Promise<void>,
  options: Partial<HttpOptions> = {},
) {
  const server = createServer(listener)
  let connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const http = createHttp({ maxConnections: 2, ...options })
  const origin = new URL(`http://127.0.0.1:${port}`)
  try {
    await work(
      (request) => http.send({ method: 'GET', path: '/', headers: {}, origin, ...request }),
      () => connections,
    )
  } finally {
    http.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

describe('the HTTP client', () => {
  it('sends the path as it is and keeps its connection', () =>
    withServer(
      (request, response) => response.end(request.url),
      async (send, connections) => {
        for (const path of ['/a%2E%2E/../%41?x=%20', '/b']) {
          assert.equal((await send({ path })).body.toString(), path)
        }
        assert.equal(connections(), 1)
      },
    ))

  it('sends a long body whole and with its length', () =>
    withServer(
      (request, response) => {
        let size = 0
        request.on('data', (piece: Buffer) => (size += piece.length))
        request.on('end', () => response.end(`${size} ${request.headers['content-length']}`))
      },
      async (send) => {
        const body = Buffer.alloc(3_000_001)
        const answer = await send({ method: 'PUT', body })
        assert.equal(answer.body.toString(), '3000001 3000001')
      },
    ))

  it('gives an answer that comes before the end of the body', () =>
    withServer(
      (_, response) => response.writeHead(403).end('no'),
      async (send) => {
        const answer = await send({ method: 'PUT', body: Buffer.alloc(50_000_000) }).catch(
          (error: unknown) => error,
        )
        // The other side may close before its answer is read; both are honest.
        if (answer instanceof HttpError) assert.ok(answer.maybeReceived)
        else assert.equal((answer as { status: number }).status, 403)
      },
    ))

  it('does not follow redirects', () =>
    withServer(
      (_, response) => response.writeHead(302, { location: 'http://example.com' }).end(),
      async (send) => assert.equal((await send({})).status, 302),
    ))

  it('does not take a cut answer for a whole one', () =>
    withServer(
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' })
        response.write('half', () => response.destroy())
      },
      async (send) =>
        assert.rejects(send({}), { name: 'HttpError', code: 'ECONNRESET', maybeReceived: true }),
    ))

  it('refuses an answer that is too long', () =>
    withServer(
      (_, response) => response.end('x'.repeat(1000)),
      async (send) => assert.rejects(send({}), { name: 'HttpError' }),
      { maxBodyBytes: 100 },
    ))

  it('ends waiting for a server that says nothing', () =>
    withServer(
      () => undefined,
      async (send) => assert.rejects(send({}), { code: 'ETIMEDOUT', maybeReceived: true }),
      { idleTimeoutMs: 50 },
    ))

  it('holds the sender back until the consumer is ready, and passes its errors unchanged', () =>
    withServer(
      (_, response) => response.end(Buffer.alloc(1_000_000)),
      async (send) => {
        let [size, busy] = [0, false]
        await send({
          onBody: async (piece) => {
            assert.ok(!busy)
            busy = true
            size += piece.length
            await new Promise((resolve) => setImmediate(resolve))
            busy = false
          },
        })
        assert.equal(size, 1_000_000)
        const full = new TypeError('full')
        await assert.rejects(send({ onBody: () => Promise.reject(full) }), full)
      },
    ))

  it('knows that a refused connection was not received', async () => {
    const http = createHttp({ maxConnections: 1 })
    const origin = new URL('http://127.0.0.1:1')
    await assert.rejects(http.send({ method: 'GET', path: '/', headers: {}, origin }), {
      code: 'ECONNREFUSED',
      maybeReceived: false,
    })
  })
})
