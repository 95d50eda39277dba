// The contract of every transport: what is taken from the wire.
import assert from 'node:assert/strict'
import { it } from 'node:test'

import { pattern, turn, withRawServer, withServer, type Subject } from './contract.fixture.ts'

/** Tests of receiving, for one transport. */
export function receivesWell(subject: Subject): void {
  it('does not follow redirects', () =>
    withServer(
      subject,
      (_, response) => response.writeHead(302, { location: 'http://example.com' }).end(),
      async ({ send }) => assert.equal((await send({})).status, 302),
    ))

  it('knows which answers have no body whatever their headers say', () =>
    withRawServer(
      subject,
      (socket, _, count) =>
        socket.write(
          [
            'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n',
            'HTTP/1.1 404 No\r\ntransfer-encoding: chunked\r\n\r\n',
            'HTTP/1.1 204 OK\r\n\r\n',
            'HTTP/1.1 304 Same\r\ncontent-length: 5\r\n\r\n',
          ][count - 1] ?? '',
        ),
      async ({ send, connections }) => {
        const head = await send({ method: 'HEAD' })
        assert.equal(head.headers['content-length'], '100')
        assert.equal(head.body.length, 0)
        assert.equal((await send({ method: 'HEAD' })).status, 404)
        assert.equal((await send({})).status, 204)
        assert.equal((await send({})).status, 304)
        assert.equal(connections(), 1)
      },
    ))

  it('undoes chunks and skips interim answers, extensions and trailers', () =>
    withRawServer(
      subject,
      (socket) =>
        socket.write(
          'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n' +
            'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n' +
            '3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nx-trailer: 1\r\n\r\n',
        ),
      async ({ send, connections }) => {
        for (let count = 0; count < 2; count++) {
          assert.equal((await send({})).body.toString(), 'abc0123456789')
        }
        assert.equal(connections(), 1)
      },
    ))

  it('opens a new connection after one that the server closes', () =>
    withServer(
      subject,
      (_, response) => response.setHeader('connection', 'close').end('x'),
      async ({ send, connections }) => {
        for (let count = 0; count < 3; count++) assert.equal((await send({})).status, 200)
        assert.equal(connections(), 3)
      },
    ))

  it('takes a body that ends with the connection', () =>
    withRawServer(
      subject,
      (socket) => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it'),
      async ({ send }) => assert.equal((await send({})).body.toString(), 'all of it'),
    ))

  it('gives only the body of a 2xx answer to its consumer', () =>
    withServer(
      subject,
      (request, response) =>
        response.writeHead(request.url === '/ok' ? 206 : 404, { 'x-a': '1' }).end('content'),
      async ({ send }) => {
        const taken: string[] = []
        const onBody: (piece: Buffer, head: { status: number }) => undefined = (piece, head) => {
          taken.push(`${head.status} ${piece.toString()}`)
        }
        assert.equal((await send({ path: '/ok', onBody })).body.length, 0)
        assert.equal((await send({ path: '/no', onBody })).body.toString(), 'content')
        assert.deepEqual(taken, ['206 content'])
      },
    ))

  it('leaves a piece untouched, and brings no other, until its consumer is ready', () =>
    withServer(
      subject,
      (_, response) => response.end(pattern(3_000_000)),
      async ({ send, connections }) => {
        const expected = pattern(3_000_000)
        for (let count = 0; count < 2; count++) {
          let [offset, busy] = [0, false]
          await send({
            onBody: async (piece) => {
              assert.ok(!busy)
              busy = true
              // More arrives meanwhile.
              for (let turns = 0; turns < 5; turns++) await turn()
              assert.ok(piece.equals(expected.subarray(offset, offset + piece.length)))
              offset += piece.length
              busy = false
            },
          })
          assert.equal(offset, expected.length)
        }
        assert.equal(connections(), 1)
      },
    ))
}
