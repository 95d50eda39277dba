// Takes the bytes of one HTTP/1.1 answer in any pieces and gives its body on, undone from chunks
// (RFC 9112 §7.1). It copies nothing of the body and keeps nothing but an unfinished line.
import { HttpError, type HttpHead, type HttpRequest } from '../http.ts'
import { badAnswer, parseAnswerHead } from './answer-head.ts'

/** Who gets the answer: the final head once, then its body; a promise stops the parser. */
export type AnswerSink = {
  /** `sizeBytes` is undefined when the head does not tell how long the body will be. */
  onHead: (head: HttpHead, sizeBytes: number | undefined) => void
  onPiece: (piece: Buffer) => Promise<void> | undefined
}

type State = 'head' | 'length' | 'close' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer'

const headEnd = Buffer.from('\r\n\r\n')
const maxHeadBytes = 32 * 1024
const maxLineBytes = 4096
// Thirteen hex digits are exact in a double; extensions are skipped (RFC 9112 §7.1.1).
const chunkSizeLine = /^([0-9A-Fa-f]{1,13})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r$/
const trailerLine = /^[\t\x20-\x7e\x80-\xff]*\r$/

/** The state of one answer on its way; faults are `HttpError`s EBADMSG and ECONNRESET. */
export class AnswerParser {
  /** Whether a byte has come at all. */
  isBegun = false
  isDone = false
  keepsAlive = false
  /** The promise of the sink that stopped the last `feed`. */
  wait: Promise<void> | undefined
  readonly #method: HttpRequest['method']
  readonly #sink: AnswerSink
  #state: State = 'head'
  #text = ''
  #left = 0
  #spentBytes = 0

  constructor(method: HttpRequest['method'], sink: AnswerSink) {
    this.#method = method
    this.#sink = sink
  }

  /** Takes bytes until they, the answer or the sink's readiness end, and says how many it took. */
  feed(bytes: Buffer): number {
    this.isBegun = true
    this.wait = undefined
    let at = 0
    while (at < bytes.length && !this.isDone && !this.wait) {
      if (this.#state === 'head') at = this.#takeHead(bytes, at)
      else if (this.#state === 'length' || this.#state === 'close' || this.#state === 'chunk-data')
        at = this.#takeBody(bytes, at)
      else at = this.#takeLine(bytes, at)
    }
    return at
  }

  /** The connection has ended; throws unless that is how this answer ends. */
  end(): void {
    if (this.#state === 'close') this.isDone = true
    if (this.isDone) return
    const why = this.isBegun ? 'the answer was cut short' : 'the connection ended without an answer'
    throw new HttpError(why, 'ECONNRESET', true)
  }

  #takeHead(bytes: Buffer, at: number): number {
    const carried = this.#text
    if (carried === '') {
      const end = bytes.indexOf(headEnd, at)
      if (end >= 0) return this.#endHead(bytes.toString('latin1', at, end), end + 4)
    }
    const fresh = bytes.toString('latin1', at, at + maxHeadBytes + 4)
    const tail = carried.slice(-3)
    const found = (tail + fresh).indexOf('\r\n\r\n')
    this.#text = carried + fresh
    if (found >= 0) {
      const length = carried.length - tail.length + found
      return this.#endHead(this.#text.slice(0, length), at + length + 4 - carried.length)
    }
    const last = carried.endsWith('\n') ? '' : carried.slice(-1)
    if (/(?:^|[^\r])\n/.test(last + fresh)) throw badAnswer('a line ends without CR')
    this.#checkSpent(this.#text.length - 3)
    return bytes.length
  }

  #endHead(text: string, next: number): number {
    this.#text = ''
    this.#checkSpent(text.length)
    const { head, framing, keepsAlive } = parseAnswerHead(text, this.#method)
    if (head.status === 101) throw badAnswer('it changes the protocol')
    if (head.status < 200) {
      // All interim answers together must fit into the limit, or they could go on for ever.
      this.#spentBytes += text.length
      return next
    }
    this.keepsAlive = keepsAlive
    const sizeBytes = framing.kind === 'length' ? framing.sizeBytes : 0
    this.#sink.onHead(
      head,
      framing.kind === 'length' || framing.kind === 'none' ? sizeBytes : undefined,
    )
    this.#spentBytes = 0
    this.#left = sizeBytes
    if (framing.kind === 'chunked') this.#state = 'chunk-size'
    else if (framing.kind === 'close') this.#state = 'close'
    else if (sizeBytes === 0) this.isDone = true
    else this.#state = 'length'
    return next
  }

  #takeBody(bytes: Buffer, at: number): number {
    const end = this.#state === 'close' ? bytes.length : Math.min(bytes.length, at + this.#left)
    this.#left -= end - at
    if (this.#left === 0 && this.#state === 'length') this.isDone = true
    if (this.#left === 0 && this.#state === 'chunk-data') this.#state = 'chunk-end'
    this.wait = this.#sink.onPiece(bytes.subarray(at, end))
    return end
  }

  #takeLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(10, at)
    this.#text += bytes.toString('latin1', at, end < 0 ? at + maxLineBytes + 1 : end)
    if (this.#text.length > maxLineBytes) throw badAnswer('a line is too long')
    if (end < 0) return bytes.length
    const line = this.#text
    this.#text = ''
    if (this.#state === 'chunk-size') this.#startChunk(line)
    else if (this.#state === 'chunk-end') {
      if (line !== '\r') throw badAnswer('a chunk is longer than its size')
      this.#state = 'chunk-size'
    } else if (line === '\r') this.isDone = true
    else {
      if (!trailerLine.test(line)) throw badAnswer('a trailer is malformed')
      this.#checkSpent(line.length)
      this.#spentBytes += line.length
    }
    return end + 1
  }

  #startChunk(line: string): void {
    const size = chunkSizeLine.exec(line)
    if (!size) throw badAnswer('a chunk has no proper size')
    this.#left = Number.parseInt(size[1] ?? '', 16)
    this.#state = this.#left === 0 ? 'trailer' : 'chunk-data'
  }

  #checkSpent(moreBytes: number): void {
    if (this.#spentBytes + moreBytes > maxHeadBytes) throw badAnswer('its headers are too long')
  }
}
