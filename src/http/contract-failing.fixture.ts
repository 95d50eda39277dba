// The contract of every transport: how a request ends that gets no answer.
import assert from 'node:assert/strict'
import { it } from 'node:test'

import {
  echoDigest,
  failureOf,
  withRawServer,
  withServer,
  type Subject,
} from './contract.fixture.ts'
import type { HttpRequest } from './http.ts'

/** Tests of failures, for one transport. */
export function failsWell(subject: Subject): void {
  it('does not take a cut answer for a whole one', () =>
    withRawServer(
      subject,
      (socket, request) =>
        socket.end(
          request.startsWith('GET /chunks')
            ? 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n'
            : 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf',
        ),
      async ({ send }) => {
        for (const path of ['/', '/chunks']) {
          const error = await failureOf(send({ path }))
          assert.equal(error.code, 'ECONNRESET')
          assert.equal(error.maybeReceived, true)
        }
      },
    ))

  it('refuses an answer that is too long, whether it says so or not', () =>
    withServer(
      subject,
      (request, response) => {
        if (request.url === '/chunks') response.write('x')
        response.end('x'.repeat(1000))
      },
      async ({ send }) => {
        for (const path of ['/', '/chunks']) await failureOf(send({ path }))
      },
      { maxBodyBytes: 100 },
    ))

  it('ends waiting for a server that says nothing, but not for a slow consumer or source', () =>
    withServer(
      subject,
      (request, response) => {
        if (request.url === '/') echoDigest(request, response)
      },
      async ({ send }) => {
        const error = await failureOf(send({ path: '/never' }))
        assert.equal(error.code, 'ETIMEDOUT')
        assert.equal(error.maybeReceived, true)
        const slow = () => new Promise<void>((resolve) => void setTimeout(resolve, 120))
        await send({ onBody: slow })
        const body = { sizeBytes: 600_000, readInto: slow }
        assert.equal((await send({ method: 'PUT', body })).status, 200)
      },
      { idleTimeoutMs: 50 },
    ))

  it('passes on unchanged what its consumer or its source throws', () =>
    withServer(
      subject,
      (request, response) => {
        request.resume()
        response.end(Buffer.alloc(1_000_000))
      },
      async ({ send }) => {
        const full = new TypeError('full')
        const now = () => {
          throw full
        }
        await assert.rejects(send({ onBody: () => Promise.reject(full) }), full)
        await assert.rejects(send({ onBody: now }), full)
        for (const readInto of [now, () => Promise.reject(full)]) {
          await assert.rejects(send({ method: 'PUT', body: { sizeBytes: 9, readInto } }), full)
        }
        assert.equal((await send({})).status, 200)
      },
    ))

  it('ends at once when it is aborted: before, while waiting its turn, and in the middle', () =>
    withServer(
      subject,
      (_, response) => response.write('x'),
      async ({ send }) => {
        const before = await failureOf(send({ signal: AbortSignal.abort() }))
        assert.deepEqual([before.code, before.maybeReceived], ['ABORT_ERR', false])
        const middle = new AbortController()
        const started = Promise.withResolvers<undefined>()
        const first = send({
          signal: middle.signal,
          onBody: () => {
            started.resolve(undefined)
            return undefined
          },
        })
        await started.promise
        const waiting = new AbortController()
        const second = send({ signal: waiting.signal })
        waiting.abort()
        assert.equal((await failureOf(second)).code, 'ABORT_ERR')
        middle.abort()
        const error = await failureOf(first)
        assert.deepEqual([error.code, error.maybeReceived], ['ABORT_ERR', true])
      },
      { maxConnections: 1 },
    ))

  it('ends only after its source or its consumer has ended, also when it is aborted', () =>
    withServer(
      subject,
      (_, response) => response.write('content'),
      async ({ send }) => {
        for (const role of ['source', 'consumer']) {
          const [aborting, going] = [new AbortController(), Promise.withResolvers<void>()]
          const started = Promise.withResolvers<void>()
          let isWorking = true
          const work = async () => {
            started.resolve()
            await going.promise
            isWorking = false
          }
          const request: Partial<HttpRequest> =
            role === 'source'
              ? { method: 'PUT', body: { sizeBytes: 9, readInto: work } }
              : { onBody: work }
          const failing = failureOf(send({ ...request, signal: aborting.signal }))
          await started.promise
          aborting.abort()
          setImmediate(going.resolve)
          assert.equal((await failing).code, 'ABORT_ERR')
          assert.equal(isWorking, false)
        }
      },
    ))

  it('says so when it cannot read the certificates it is to trust', async () => {
    const client = subject.open({ maxConnections: 1, ca: ['-----BEGIN CERTIFICATE-----\nx\n'] })
    const origin = new URL('https://127.0.0.1:1')
    const error = await failureOf(client.send({ method: 'GET', path: '/', headers: {}, origin }))
    assert.equal(error.maybeReceived, false)
  })

  it('knows that a refused connection was not received', async () => {
    const client = subject.open({ maxConnections: 1 })
    const origin = new URL(`${subject.identity ? 'https' : 'http'}://127.0.0.1:1`)
    const error = await failureOf(client.send({ method: 'GET', path: '/', headers: {}, origin }))
    assert.deepEqual([error.code, error.maybeReceived], ['ECONNREFUSED', false])
    assert.ok(error.isNobodyThere)
  })
}
