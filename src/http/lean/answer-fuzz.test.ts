import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { AnswerParser } from './answer-parser.ts'
import { chunked, ok, parse, whole } from './answer.fixture.ts'

// Proper answers beside broken ones: the parts of both, in any order.
const part = fc.constantFrom(
  ok,
  'HTTP/1.0 200 OK\r\n',
  'HTTP/1.1 404 No\r\n',
  'HTTP/1.1 100 Go\r\n\r\n',
  'HTTP/1.1 204 x\r\n',
  'content-length: 3\r\n',
  'content-length: 12\r\n',
  'transfer-encoding: chunked\r\n',
  'connection: close\r\n',
  'x: y\r\n',
  ' z\r\n',
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '\0',
  'abc',
  '3\r\nabc\r\n',
  '0\r\n\r\n',
  '0\r\na: b\r\n\r\n',
  '3;q\r\n',
  'c\r\n0123456789ab\r\n',
  '\xff',
)
const plausible = fc
  .tuple(
    fc.constantFrom(ok, '', chunked, `${ok}content-length: 7\r\n\r\n`),
    fc.array(part, { maxLength: 12 }),
  )
  .map(([start, parts]) => start + parts.join(''))
const noise = fc
  .uint8Array({ maxLength: 300 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))
const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 })

function cutUp(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1')
  const sorted = [
    0,
    ...places.filter((at) => at < bytes.length).toSorted((a, b) => a - b),
    bytes.length,
  ]
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

describe('the answer parser, whatever comes', () => {
  it('gives the same for every split of the bytes into reads', () => {
    fc.assert(
      fc.property(fc.oneof(plausible, plausible, noise), cuts, (text, places) => {
        const expected = whole(text)
        const single = Array.from(Buffer.from(text, 'latin1'), (byte) => Buffer.from([byte]))
        for (const pieces of [cutUp(text, places), single]) {
          const actual = parse(pieces.filter((piece) => piece.length > 0))
          // A fault may show before or after bytes of the same read were given on.
          if ('error' in expected) assert.equal('error' in actual && actual.error, expected.error)
          else assert.deepEqual(actual, expected)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('never gives a body of another length than the answer says', () => {
    fc.assert(
      fc.property(fc.oneof(plausible, noise), (text) => {
        const result = whole(text)
        if ('error' in result || result.status === 204) return
        const length = result.headers['content-length']
        if (length !== undefined) assert.equal(result.body.length, Number(length))
        else if (result.headers['transfer-encoding'] === undefined)
          assert.equal(result.keeps, false)
      }),
      { numRuns: 3000 },
    )
  })

  it('undoes any chunks, with any split', () => {
    const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 8 }), cuts, (chunks, places) => {
        const text = chunks
          .map(
            (bytes) =>
              `${bytes.length.toString(16)}\r\n${Buffer.from(bytes).toString('latin1')}\r\n`,
          )
          .join('')
        const result = parse(
          cutUp(`${chunked}${text}0\r\n\r\n`, places).filter(({ length }) => length > 0),
        )
        assert.ok('status' in result)
        assert.equal(result.body, Buffer.concat(chunks).toString('latin1'))
      }),
    )
  })

  it('stops where its consumer stops, and goes on there', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 20 }), cuts, (stops, places) => {
        let body = ''
        const parser = new AnswerParser('GET', {
          onHead: () => undefined,
          onPiece: (piece) => {
            body += piece.toString()
            return stops.shift() ? Promise.resolve() : undefined
          },
        })
        const queue = cutUp(`${chunked}3\r\nabc\r\n2\r\nde\r\n4\r\nfghi\r\n0\r\n\r\n`, places)
        while (queue.length > 0 && !parser.isDone) {
          const piece = queue.shift() ?? Buffer.alloc(0)
          const used = parser.feed(piece)
          assert.ok(used === piece.length || parser.wait || parser.isDone)
          if (used < piece.length) queue.unshift(piece.subarray(used))
        }
        assert.equal(body, 'abcdefghi')
        assert.ok(parser.isDone)
      }),
    )
  })
})
