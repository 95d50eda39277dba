import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { chunked, ok, whole } from './answer.fixture.ts'

describe('the answer parser takes', () => {
  const cases: Record<
    string,
    [string, string, { rest?: number; keeps?: boolean; status?: number }]
  > = {
    'a body of a length': [`${ok}Content-Length: 3\r\n\r\nabc`, 'abc', {}],
    'an empty body': [`${ok}content-length:0\r\n\r\n`, '', {}],
    'blanks around a length': [`${ok}Content-Length: \t3 \t\r\n\r\nabc`, 'abc', {}],
    'a reason that is missing': ['HTTP/1.1 200\r\ncontent-length: 1\r\n\r\na', 'a', {}],
    'an empty reason': ['HTTP/1.1 200 \r\ncontent-length: 1\r\n\r\na', 'a', {}],
    'a reason in any letters': ['HTTP/1.1 200 \xe9\xff\r\ncontent-length: 1\r\n\r\na', 'a', {}],
    'HTTP/1.0, without keeping the connection': [
      'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na',
      'a',
      { keeps: false },
    ],
    'HTTP/1.0 to the end of the connection': [
      'HTTP/1.0 200 OK\r\n\r\nabc',
      'abc',
      { keeps: false },
    ],
    'a body to the end of the connection': [
      `${ok}Connection: Close\r\n\r\nabc`,
      'abc',
      { keeps: false },
    ],
    'close among other words': [
      `${ok}connection: x, close\r\ncontent-length: 0\r\n\r\n`,
      '',
      { keeps: false },
    ],
    'a word that only contains close': [
      `${ok}connection: closed\r\ncontent-length: 0\r\n\r\n`,
      '',
      {},
    ],
    'what follows as not its own': [`${ok}Content-Length: 1\r\n\r\naHTTP/1.1`, 'a', { rest: 8 }],
    chunks: [`${chunked}3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n`, 'abc0123456789', {}],
    'chunks with extensions': [`${chunked}1;a\r\na\r\n1 ; b="c d"\r\nb\r\n0;x\r\n\r\n`, 'ab', {}],
    'chunks with line ends in them': [`${chunked}4\r\n\r\n\r\n\r\n0\r\n\r\n`, '\r\n\r\n', {}],
    trailers: [`${chunked}1\r\na\r\n0\r\nx: y\r\nz: 1\r\n\r\n`, 'a', {}],
    'no chunks at all': [`${chunked}0\r\n\r\nx`, '', { rest: 1 }],
    'the coding in capitals': [`${ok}transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n`, '', {}],
    'interim answers before it': [
      `HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 X\r\nlink: a\r\n\r\n${ok}content-length: 1\r\n\r\na`,
      'a',
      {},
    ],
    'no body with 204': [
      'HTTP/1.1 204 No\r\ncontent-length: 3\r\n\r\nabc',
      '',
      { rest: 3, status: 204 },
    ],
    'no body with 304': ['HTTP/1.1 304 No\r\n\r\n', '', { status: 304 }],
    'a head of exactly the limit': [
      `${ok}a: ${'x'.repeat(32_768 - ok.length - 3 - 21)}\r\ncontent-length: 1\r\n\r\na`,
      'a',
      {},
    ],
  }
  for (const [title, [text, body, more]] of Object.entries(cases)) {
    it(title, () => {
      const result = whole(text)
      assert.ok('status' in result, JSON.stringify(result))
      assert.equal(result.body, body)
      assert.equal(result.status, more.status ?? 200)
      assert.equal(result.rest, more.rest ?? 0)
      assert.equal(result.keeps, more.keeps ?? true)
    })
  }

  it('header names in lower case and repeated headers as one', () => {
    const result = whole(
      `${ok}X-A: 1\r\nx-a:2\r\nETag: "a"\r\nConstructor: b\r\nX-Empty:\r\ncontent-length: 0\r\n\r\n`,
    )
    assert.ok('status' in result)
    const { headers } = result
    assert.deepEqual(headers, {
      'x-a': '1, 2',
      etag: '"a"',
      constructor: 'b',
      'x-empty': '',
      'content-length': '0',
    })
  })

  it('an answer to HEAD without its body', () => {
    for (const header of ['content-length: 5', 'transfer-encoding: chunked', 'x: y']) {
      const result = whole(`${ok}${header}\r\n\r\n`, 'HEAD')
      assert.ok('status' in result && result.keeps, header)
    }
  })
})

describe('the answer parser refuses', () => {
  const cases: Record<string, string> = {
    'another protocol': 'HTTP/2 200 OK\r\n\r\n',
    'a later version': 'HTTP/1.2 200 OK\r\n\r\n',
    'lower case': 'http/1.1 200 OK\r\n\r\n',
    'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
    'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
    'a status that is none': 'HTTP/1.1 600 OK\r\n\r\n',
    'two blanks': 'HTTP/1.1  200 OK\r\n\r\n',
    'a line before': '\r\nHTTP/1.1 200 OK\r\n\r\n',
    'a TLS alert': '\x15\x03\x01\x00\x02\x02\x50\r\n\r\n',
    'a change of protocol': 'HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\n',
    'a folded header': `${ok}a: b\r\n c\r\ncontent-length: 0\r\n\r\n`,
    'a blank before the colon': `${ok}a : b\r\ncontent-length: 0\r\n\r\n`,
    'a header without a colon': `${ok}abc\r\ncontent-length: 0\r\n\r\n`,
    'a header without a name': `${ok}: b\r\ncontent-length: 0\r\n\r\n`,
    'NUL in a header': `${ok}a: b\0c\r\ncontent-length: 0\r\n\r\n`,
    'DEL in a header': `${ok}a: b\x7f\r\ncontent-length: 0\r\n\r\n`,
    'CR in a header': `${ok}a: b\rc: d\r\ncontent-length: 0\r\n\r\n`,
    'LF in a header': `${ok}a: b\nc: d\r\ncontent-length: 0\r\n\r\n`,
    'LF as line end, at once': 'HTTP/1.1 200 OK\ncontent-length: 0\n\n',
    'two lengths that differ': `${ok}content-length: 1\r\ncontent-length: 2\r\n\r\nab`,
    'two lengths that agree': `${ok}content-length: 1\r\ncontent-length: 1\r\n\r\na`,
    'a list of lengths': `${ok}content-length: 1, 1\r\n\r\na`,
    'a negative length': `${ok}content-length: -1\r\n\r\n`,
    'a signed length': `${ok}content-length: +1\r\n\r\na`,
    'a length in hex': `${ok}content-length: 0x1\r\n\r\na`,
    'a fraction': `${ok}content-length: 1.0\r\n\r\na`,
    'an empty length': `${ok}content-length:\r\n\r\n`,
    'a length past exact numbers': `${ok}content-length: 9007199254740993\r\n\r\n`,
    'length and coding': `${ok}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'another coding': `${ok}transfer-encoding: gzip\r\n\r\n`,
    'two codings': `${ok}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'chunked twice': `${ok}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'chunks in HTTP/1.0': 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'a body without an end': `${ok}a: b\r\n\r\nabc`,
    'a chunk without a size': `${chunked}\r\nabc\r\n`,
    'a size that is none': `${chunked}g\r\n`,
    'a size with a sign': `${chunked}-1\r\n`,
    'a size with 0x': `${chunked}0x1\r\na\r\n`,
    'a size with a blank before': `${chunked} 1\r\na\r\n`,
    'a size with a blank after': `${chunked}1 \r\na\r\n`,
    'a size past exact numbers': `${chunked}fffffffffffffff\r\n`,
    'a size line that ends with LF': `${chunked}1\na\r\n0\r\n\r\n`,
    'CR inside an extension': `${chunked}1;a\rb\r\na\r\n0\r\n\r\n`,
    'a chunk longer than its size': `${chunked}1\r\nab\r\n0\r\n\r\n`,
    'a chunk closed by LF': `${chunked}1\r\na\n0\r\n\r\n`,
    'an endless extension': `${chunked}1;${'x'.repeat(5000)}`,
    'NUL in a trailer': `${chunked}0\r\na: \0\r\n\r\n`,
    'an end of trailers by LF': `${chunked}0\r\n\n`,
    'trailers past the limit': `${chunked}0\r\n${`a: ${'x'.repeat(1000)}\r\n`.repeat(40)}\r\n`,
    'a head past the limit': `${ok}a: ${'x'.repeat(32_768)}\r\ncontent-length: 0\r\n\r\n`,
    'a head past the limit that has not ended': `${ok}a: ${'x'.repeat(33_000)}`,
    'interim answers without end': `HTTP/1.1 102 Wait\r\na: ${'x'.repeat(1000)}\r\n\r\n`.repeat(40),
  }
  for (const [title, text] of Object.entries(cases)) {
    it(title, () => {
      const result = whole(text)
      assert.ok('error' in result, JSON.stringify(result).slice(0, 200))
      assert.equal(result.error, 'EBADMSG')
    })
  }

  it('an answer cut at any place, as cut', () => {
    for (const text of [
      `HTTP/1.1 100 Go\r\n\r\n${ok}content-length: 5\r\nx: y\r\n\r\nabcde`,
      `${chunked}3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n`,
    ]) {
      assert.ok('status' in whole(text))
      for (let length = 0; length < text.length; length++) {
        const result = whole(text.slice(0, length))
        assert.equal('error' in result && result.error, 'ECONNRESET', text.slice(0, length))
      }
    }
  })
})
