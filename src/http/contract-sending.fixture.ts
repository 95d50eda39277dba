// The contract of every transport: what goes on the wire.
import assert from 'node:assert/strict'
import { it } from 'node:test'

import {
  digestOf,
  echoDigest,
  failureOf,
  pattern,
  sourceOf,
  turn,
  withRawServer,
  withServer,
  type Subject,
} from './contract.fixture.ts'

/** Tests of sending, for one transport. */
export function sendsWell(subject: Subject): void {
  it('sends the path as it is and keeps its connection', () =>
    withServer(
      subject,
      (request, response) => response.end(request.url),
      async ({ send, connections }) => {
        for (const path of ['/a%2E%2E/../%41?x=%20', '/b']) {
          assert.equal((await send({ path })).body.toString(), path)
        }
        assert.equal(connections(), 1)
      },
    ))

  it('sends headers, the host, and a length where a body may be', () =>
    withServer(
      subject,
      (request, response) => response.end(JSON.stringify(request.headers)),
      async ({ send, origin }) => {
        const get = JSON.parse((await send({ headers: { 'x-a': 'b: c' } })).body.toString())
        assert.equal(get['x-a'], 'b: c')
        assert.equal(get.host, origin.host)
        assert.equal(get['content-length'], undefined)
        const put = JSON.parse((await send({ method: 'PUT' })).body.toString())
        assert.equal(put['content-length'], '0')
      },
    ))

  for (const sizeBytes of [0, 1, 16_384, 262_144, 1_048_577, 3_000_001]) {
    it(`sends ${sizeBytes} bytes whole and with their length, from memory and from a source`, () =>
      withServer(subject, echoDigest, async ({ send, connections }) => {
        const bytes = pattern(sizeBytes)
        for (const body of [bytes, sourceOf(bytes)]) {
          const answer = await send({ method: 'PUT', body })
          assert.equal(answer.body.toString(), digestOf(bytes))
        }
        assert.equal(connections(), 1)
      }))
  }

  it('opens no more connections than it may', () =>
    withServer(subject, echoDigest, async ({ send, connections }) => {
      const bytes = pattern(5000)
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => send({ method: 'PUT', body: bytes })),
      )
      for (const answer of answers) assert.equal(answer.body.toString(), digestOf(bytes))
      assert.ok(connections() <= 2)
    }))

  it('refuses what would smuggle a second request', () =>
    withServer(subject, echoDigest, async ({ send, connections }) => {
      for (const request of [
        { headers: { 'x-a': 'b\r\nx-c: d' } },
        { headers: { 'x a': 'b' } },
        { path: '/a b' },
        { path: '/a\r\nx: y' },
      ]) {
        assert.equal((await failureOf(send(request))).maybeReceived, false)
      }
      assert.equal(connections(), 0)
    }))

  it('gives an answer that comes before the end of the body, or says that it was cut', () =>
    withServer(
      subject,
      (_, response) => response.writeHead(403).end('no'),
      async ({ send }) => {
        const bytes = Buffer.alloc(20_000_000)
        for (const body of [bytes, sourceOf(bytes)]) {
          // The other side may close before its answer is read; both are honest.
          const answer = await send({ method: 'PUT', body }).catch((error: unknown) =>
            failureOf(Promise.reject(error)),
          )
          if ('status' in answer) assert.equal(answer.status, 403)
          else assert.ok(answer.maybeReceived)
        }
      },
    ))

  it('stops reading the source once an answer refuses the body', () =>
    withRawServer(
      subject,
      (socket, _, count) => {
        socket.pause()
        if (count === 1) socket.write('HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nno')
      },
      async ({ send }) => {
        const body = sourceOf(Buffer.alloc(30_000_000))
        const answer = await send({ method: 'PUT', body })
        assert.equal(answer.status, 413)
        assert.equal(answer.body.toString(), 'no')
        const reads = body.reads()
        await turn()
        assert.equal(body.reads(), reads)
        assert.ok(reads < 100)
      },
    ))
}
