// One open connection: its bytes are read into one buffer and go to the parser as they lie there. While
// a consumer's promise is open, what it holds stays untouched, and some more is read behind it.
import type { Socket } from 'node:net'

import { toHttpError } from '../failure.ts'
import { HttpError } from '../http.ts'
import type { AnswerParser } from './answer-parser.ts'
import { ConsumerFailure } from './answer.ts'
import type { ReadBuffer } from './read-buffer.ts'

type Reader = { parser: AnswerParser; end: (failure?: Error) => void }

/** A connection that is open, in use, resting or gone. */
export class Wire {
  /** Called when it ends while it rests. */
  onGone: (() => void) | undefined
  /** Set by the writer while it waits for its source: silence is not the network's then. */
  isSourceBusy = false
  /** Resolves once the socket is closed: nothing below looks at a written buffer any more. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #buffer: ReadBuffer
  /** What came while the consumer was busy. */
  readonly #queue: Buffer[] = []
  #reader: Reader | undefined
  #consuming: Promise<void> | undefined
  #isPaused = false
  #written: (() => void) | undefined
  #uses = 0
  #isLost = false
  #isLostInUse = false
  #hasAnswered = false
  #error: Error | undefined

  constructor(socket: Socket, buffer: ReadBuffer) {
    this.#socket = socket
    this.#buffer = buffer
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    socket.on('error', (error) => (this.#error ??= error))
    socket.on('end', () => this.#lose())
    socket.on('timeout', () => this.#onSilence())
    socket.on('close', () => {
      this.#lose()
      this.#written?.()
      resolve()
    })
  }

  /** Whether another request can be sent on it. */
  get isOpen(): boolean {
    return !this.#isLost && !this.#socket.destroyed
  }

  /** Whether a request failed only because the other side had given up an old connection. */
  get isStale(): boolean {
    return this.#isLostInUse && this.#uses > 1 && !this.#hasAnswered
  }

  /** Whether a write has not been taken by the system yet. */
  get isWriting(): boolean {
    return this.#written !== undefined
  }

  /** Reads one answer; `end` is called once, when it is whole and consumed, or with the reason why not. */
  begin(parser: AnswerParser, idleTimeoutMs: number, end: (failure?: Error) => void): void {
    this.#uses++
    this.#hasAnswered = false
    this.#reader = { parser, end }
    this.#socket.ref()
    this.#socket.setTimeout(idleTimeoutMs)
    if (this.#isLost) this.#endByLoss()
  }

  /** Stops reading; resolves when the consumer holds nothing any more, and says if bytes were left over. */
  async finish(): Promise<boolean> {
    this.#reader = undefined
    await this.#consuming?.catch(() => undefined)
    return this.#queue.length > 0
  }

  /** Sends these bytes and waits until they are not looked at any more, whatever became of them. */
  write(bytes: Buffer | string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (!this.isOpen) return Promise.resolve()
    const done = () => {
      this.#written = undefined
      resolve()
    }
    this.#written = done
    this.#socket.write(bytes, 'latin1', (error) => {
      // After a failure only `close` says that the buffer is free.
      if (!error) done()
    })
    return promise
  }

  /** Leaves it waiting for `forMs`; it does not keep the process alive. */
  rest(forMs: number): void {
    this.#socket.setTimeout(forMs)
    this.#socket.unref()
  }

  /** Ends it at once. */
  destroy(): void {
    this.#reader = undefined
    this.#socket.destroy()
  }

  /** Takes what the socket has read; false holds further reads back. */
  onRead(bytes: Buffer): boolean {
    if (this.#consuming) this.#enqueue(bytes)
    else this.#feed(bytes)
    if (!this.#consuming) return true
    // Held in any case: what TLS has decrypted comes also after reading was stopped.
    const isRoom = this.#buffer.hold(bytes)
    this.#isPaused ||= !isRoom
    return !this.#isPaused
  }

  // Bytes that lie behind each other go on together.
  #enqueue(bytes: Buffer): void {
    const last = this.#queue.at(-1)
    if (last?.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      const joined = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length)
      this.#queue[this.#queue.length - 1] = joined
    } else this.#queue.push(bytes)
  }

  #feed(bytes: Buffer): void {
    if (!this.#reader) {
      // Nobody asked: the connection cannot be trusted any more.
      this.#socket.destroy()
      return
    }
    const { parser } = this.#reader
    this.#hasAnswered = true
    try {
      const used = parser.feed(bytes)
      if (used < bytes.length) this.#queue.unshift(bytes.subarray(used))
      if (parser.wait) this.#consuming = this.#consume(parser.wait)
      else if (parser.isDone) this.#end()
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #consume(wait: Promise<void>): Promise<void> {
    try {
      await wait
    } catch (error) {
      this.#end(new ConsumerFailure(error))
    }
    this.#consuming = undefined
    this.#drain()
  }

  #drain(): void {
    while (!this.#consuming && this.#reader) {
      const bytes = this.#queue.shift()
      if (!bytes) break
      this.#feed(bytes)
    }
    if (this.#consuming || this.#queue.length > 0) return
    this.#buffer.reset()
    if (this.#isPaused) {
      this.#isPaused = false
      this.#socket.resume()
    }
    if (this.#reader?.parser.isDone) this.#end()
    else if (this.#isLost) this.#endByLoss()
  }

  #lose(): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#isLostInUse = this.#reader !== undefined
    if (this.#reader) this.#drain()
    else this.onGone?.()
  }

  #endByLoss(): void {
    if (this.#error) {
      this.#end(toHttpError(this.#error, true))
      return
    }
    try {
      this.#reader?.parser.end()
      this.#end()
    } catch (error) {
      this.#end(toHttpError(error, true))
    }
  }

  #end(failure?: Error): void {
    const reader = this.#reader
    this.#reader = undefined
    reader?.end(failure)
  }

  #onSilence(): void {
    if (!this.#reader) this.#socket.destroy()
    else if (this.#consuming || this.isSourceBusy)
      this.#socket.setTimeout(this.#socket.timeout ?? 0)
    else this.#end(new HttpError('no answer in time', 'ETIMEDOUT', true))
  }
}
