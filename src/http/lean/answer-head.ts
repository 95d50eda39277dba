// Reads the head of an HTTP/1.1 answer and decides how its body ends (RFC 9112 §4–6), strictly:
// whatever two readers could understand differently is refused.
import { HttpError, type HttpHead, type HttpRequest } from '../http.ts'

/** How the body of an answer ends: it has none, after so many bytes, by chunks, or with the connection. */
export type Framing =
  | { kind: 'none' }
  | { kind: 'length'; sizeBytes: number }
  | { kind: 'chunked' }
  | { kind: 'close' }

/** A head, its framing, and whether the connection may be used again after it. */
export type AnswerHead = { head: HttpHead; framing: Framing; keepsAlive: boolean }

const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
const fieldLine = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*$/
// Fifteen digits are exact in a double, and more than any service sends.
const lengthValue = /^\d{1,15}$/

/** Reads a head without its closing empty line; throws `HttpError` EBADMSG. */
export function parseAnswerHead(text: string, method: HttpRequest['method']): AnswerHead {
  const lines = text.split('\r\n')
  const start = statusLine.exec(lines[0] ?? '')
  if (!start) throw badAnswer('its status line is not one of HTTP/1.1')
  const status = Number(start[2])
  const headers = parseFields(lines)
  const framing = framingOf(headers, start[1] === '0')
  const closes = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(headers['connection'] ?? '')
  const isOld = start[1] === '0'
  const keepsAlive = !isOld && !closes
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) {
    return { head: { status, headers }, framing: { kind: 'none' }, keepsAlive }
  }
  if (framing.kind === 'close' && keepsAlive) {
    throw badAnswer('it does not say where its body ends')
  }
  return { head: { status, headers }, framing, keepsAlive }
}

/** The error for an answer that is not proper HTTP; `why` finishes the sentence. */
export function badAnswer(why: string): HttpError {
  return new HttpError(`the answer is not valid HTTP: ${why}`, 'EBADMSG', true)
}

function parseFields(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index] ?? ''
    // Groups would make garbage of every line, a tenth of all there is of a small request.
    if (!fieldLine.test(line)) throw badAnswer('a header line is malformed')
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = trim(line, colon + 1)
    if (!Object.hasOwn(headers, name)) headers[name] = value
    else if (name === 'content-length') throw badAnswer('it has two lengths')
    else headers[name] = `${headers[name]}, ${value}`
  }
  return headers
}

// Not a regular expression: on a long run of blanks that would be quadratic.
function trim(line: string, from: number): string {
  let start = from
  let end = line.length
  while (start < end && isBlank(line[start])) start++
  while (end > start && isBlank(line[end - 1])) end--
  return line.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

function framingOf(headers: Record<string, string>, isOld: boolean): Framing {
  const coding = headers['transfer-encoding']
  const length = headers['content-length']
  if (coding !== undefined) {
    if (length !== undefined) throw badAnswer('it has both a length and a transfer encoding')
    if (isOld || coding.toLowerCase() !== 'chunked')
      throw badAnswer('its transfer encoding is unknown')
    return { kind: 'chunked' }
  }
  if (length === undefined) return { kind: 'close' }
  if (!lengthValue.test(length)) throw badAnswer('its length is not a number')
  return { kind: 'length', sizeBytes: Number(length) }
}
