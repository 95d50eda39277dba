import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'

import * as fc from 'fast-check'

import { createAuthority } from '../../lab/authority.ts'
import {
  digestOf,
  echoDigest,
  failureOf,
  pattern,
  sourceOf,
  withRawServer,
  withServer,
} from '../contract.fixture.ts'
import { HttpError } from '../http.ts'
import { chunked, ok } from './answer.fixture.ts'
import { createLeanHttp } from './lean.ts'

const plain = { open: createLeanHttp }
const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

describe('a connection the other side has given up', () => {
  it('is replaced at once, with the whole request, and the answer says so', () =>
    withRawServer(
      plain,
      (socket, request, count) => {
        // The second request on the first connection is received, and never answered.
        if (count === 2) socket.resetAndDestroy()
        else if (request.includes('/big')) socket.once('data', () => socket.write(answer))
        else socket.write(answer)
      },
      async ({ send, connections }) => {
        assert.equal((await send({})).wasRepeated, undefined)
        const again = await send({})
        assert.deepEqual([again.status, again.wasRepeated], [200, true])
        assert.equal(connections(), 2)
      },
      { maxConnections: 1 },
    ))

  it('is replaced while its body is read from a source, which is read again', async () => {
    let requests = 0
    await withServer(
      plain,
      (request, response) => {
        requests++
        if (requests === 2) request.socket.resetAndDestroy()
        else echoDigest(request, response)
      },
      async ({ send, connections }) => {
        await send({})
        const bytes = pattern(2_000_000)
        const answered = await send({ method: 'PUT', body: sourceOf(bytes) })
        assert.equal(answered.body.toString(), digestOf(bytes))
        assert.equal(connections(), 2)
      },
      { maxConnections: 1 },
    )
  })

  it('is replaced only once, and a new one not at all', () =>
    withRawServer(
      plain,
      (socket, _, count) => {
        if (count === 1) socket.write(answer)
        else socket.destroy()
      },
      async ({ send, connections }) => {
        await send({})
        assert.equal((await failureOf(send({}))).maybeReceived, true)
        assert.equal(connections(), 2)
        await failureOf(send({}))
        assert.equal(connections(), 3)
      },
      { maxConnections: 1 },
    ))

  it('is not replaced once a byte of the answer has come', () =>
    withRawServer(
      plain,
      (socket, _, count) => {
        if (count === 1) socket.write(answer)
        else socket.end('HTTP/1.1 2')
      },
      async ({ send, connections }) => {
        await send({})
        assert.equal((await failureOf(send({}))).code, 'ECONNRESET')
        assert.equal(connections(), 1)
      },
    ))

  it('is not replaced after a time-out', () =>
    withRawServer(
      plain,
      (socket, _, count) => void (count === 1 && socket.write(answer)),
      async ({ send, connections }) => {
        await send({})
        assert.equal((await failureOf(send({}))).code, 'ETIMEDOUT')
        assert.equal(connections(), 1)
      },
      { idleTimeoutMs: 50 },
    ))
})

describe('the lean client', () => {
  it('uses no connection again on which more came than was asked for', () =>
    withRawServer(
      plain,
      (socket) => socket.write(`${answer}HTTP/1.1 500 Smuggled\r\n`),
      async ({ send, connections }) => {
        for (let count = 0; count < 3; count++) {
          assert.equal((await send({})).body.toString(), 'ok')
        }
        assert.equal(connections(), 3)
      },
    ))

  it('refuses an answer that is not valid HTTP', () =>
    withRawServer(
      plain,
      (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n\r\n'),
      async ({ send }) => assert.equal((await failureOf(send({}))).code, 'EBADMSG'),
    ))

  it('ends, with the right length or an error, whatever bytes come', async () => {
    let [bytes, cuts]: [string, number] = ['', 1]
    const text = fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 200 }),
      fc.array(
        fc.constantFrom(
          ok,
          chunked,
          'content-length: 3\r\n',
          '\r\n',
          'abc',
          '3\r\nabc\r\n',
          '0\r\n\r\n',
        ),
        { maxLength: 8 },
      ),
    )
    await withRawServer(
      plain,
      (socket) => {
        const half = Math.floor(bytes.length / cuts)
        socket.write(bytes.slice(0, half), 'latin1')
        setImmediate(() => socket.end(bytes.slice(half), 'latin1'))
      },
      ({ send }) =>
        fc.assert(
          fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (sent, places) => {
            ;[bytes, cuts] = [[sent].flat().join(''), places]
            let size = 0
            const onBody = (piece: Buffer) => {
              size += piece.length
              return undefined
            }
            try {
              const { status, headers } = await send({ onBody })
              const length = headers['content-length']
              if (status < 300 && status !== 204 && length !== undefined)
                assert.equal(size, Number(length))
            } catch (error) {
              assert.ok(error instanceof HttpError, String(error))
            }
          }),
          { numRuns: 300 },
        ),
    )
  })

  it('gives waiting requests their turn in order, also when connections fail', () =>
    withServer(
      plain,
      (request, response) => {
        if (request.url === '/3') request.socket.destroy()
        else response.setHeader('connection', request.url === '/5' ? 'close' : 'keep-alive').end()
      },
      async ({ send }) => {
        const order: number[] = []
        const all = Array.from({ length: 9 }, async (_, index) => {
          await send({ path: `/${index}` }).catch(() => undefined)
          order.push(index)
        })
        await Promise.all(all)
        assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8])
      },
      { maxConnections: 1 },
    ))

  it('takes up a TLS session again', async () => {
    const authority = await createAuthority()
    const identity = { caPem: authority.caPem, ...(await authority.issue(['localhost'])) }
    await withServer(
      { ...plain, identity },
      (request, response) => {
        const socket = request.socket as TLSSocket
        response.setHeader('connection', 'close')
        response.end(`${socket.isSessionReused()} ${socket.alpnProtocol} ${socket.servername}`)
      },
      async ({ send }) => {
        assert.equal((await send({})).body.toString(), 'false http/1.1 localhost')
        assert.equal((await send({})).body.toString(), 'true http/1.1 localhost')
      },
    )
  })

  it('does not keep the process alive with resting connections', () =>
    withServer(plain, echoDigest, async ({ origin }) => {
      const script = `
        const { createLeanHttp } = await import(${JSON.stringify(import.meta.resolve('./lean.ts'))})
        const { send } = createLeanHttp({ maxConnections: 2 })
        const origin = new URL('${origin.href}')
        const { status } = await send({ method: 'GET', path: '/', headers: {}, origin })
        console.log(status)`
      const run = promisify(execFile)
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
        timeout: 8000,
      })
      assert.equal(stdout, '200\n')
    }))

  it('ends resting connections when it is closed, and the others after their use', async () => {
    const client = createLeanHttp({ maxConnections: 2 })
    const closed: Promise<unknown>[] = []
    await withServer(
      plain,
      (request, response) => {
        closed.push(once(request.socket, 'close'))
        if (request.url === '/now') response.end()
        else request.on('data', () => response.end())
      },
      async ({ origin }) => {
        const go = Promise.withResolvers<undefined>()
        const common = { headers: {}, origin }
        const readInto = async () => {
          await go.promise
        }
        const slow = client.send({
          ...common,
          method: 'PUT',
          path: '/slow',
          body: { sizeBytes: 1, readInto },
        })
        await client.send({ ...common, method: 'GET', path: '/now' })
        client.close()
        await closed[0]
        go.resolve(undefined)
        assert.equal((await slow).status, 200)
        await Promise.all(closed)
      },
    )
  })
})
