// Bytes of answers, fed to the parser as a connection would.
import assert from 'node:assert/strict'

import { HttpError, type HttpRequest } from '../http.ts'
import { AnswerParser } from './answer-parser.ts'

/** What came of some bytes: an answer, what was left of the bytes, or the fault's code. */
export type Result =
  | { status: number; headers: Record<string, string>; body: string; rest: number; keeps: boolean }
  | { error: string; body: string }

/** Feeds the pieces as a connection would, then its end. */
export function parse(pieces: readonly Buffer[], method: HttpRequest['method'] = 'GET'): Result {
  let [body, rest, status] = ['', 0, 0]
  let headers: Record<string, string> = {}
  const parser = new AnswerParser(method, {
    onHead: (head) => {
      assert.equal(status, 0, 'one head only')
      ;({ status, headers } = head)
    },
    onPiece: (piece) => {
      assert.ok(piece.length > 0)
      body += piece.toString('latin1')
      return undefined
    },
  })
  try {
    for (const piece of pieces) {
      const used = parser.isDone ? 0 : parser.feed(piece)
      rest += piece.length - used
    }
    parser.end()
    return { status, headers, body, rest, keeps: parser.keepsAlive }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    assert.equal(error.maybeReceived, true)
    return { error: error.code, body }
  }
}

/** All bytes in one read. */
export const whole = (text: string, method?: HttpRequest['method']) =>
  parse([Buffer.from(text, 'latin1')], method)

/** A status line. */
export const ok = 'HTTP/1.1 200 OK\r\n'

/** A head whose body comes in chunks. */
export const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`
