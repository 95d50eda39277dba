// One request and its answer on an open connection. Nothing of the caller's is looked at any more once
// it has ended: every write was taken, every read of the source and every call of the consumer is over.
import { toHttpError } from '../failure.ts'
import { type Body, type HttpAnswer, HttpError, type HttpRequest } from '../http.ts'
import { AnswerParser } from './answer-parser.ts'
import { type AnswerGatherer, ConsumerFailure, createGatherer } from './answer.ts'
import type { Pieces } from './pieces.ts'
import type { Wire } from './wire.ts'

/** What the exchanges of one client share. */
export type ExchangeDeps = { pieces: Pieces; idleTimeoutMs: number; maxBodyBytes: number }

type Writing = { wire: Wire; pieces: Pieces; gatherer: AnswerGatherer; isWhole: boolean }

/** Sends one request; throws `HttpError` or what the consumer threw, and leaves the connection open or not. */
export async function exchange(
  { pieces, idleTimeoutMs, maxBodyBytes }: ExchangeDeps,
  wire: Wire,
  { method, body, signal, onBody }: HttpRequest,
  head: string,
): Promise<HttpAnswer> {
  const gatherer = createGatherer(onBody, maxBodyBytes)
  const parser = new AnswerParser(method, gatherer)
  const { promise: over, resolve: end } = Promise.withResolvers<Error | undefined>()
  const abort = () => end(new HttpError('the request was aborted', 'ABORT_ERR', true))
  signal?.addEventListener('abort', abort)
  wire.begin(parser, idleTimeoutMs, end)
  const writing: Writing = { wire, pieces, gatherer, isWhole: false }
  const written = write(writing, head, body).catch((error: unknown) =>
    end(new ConsumerFailure(error)),
  )
  const failure = await over
  signal?.removeEventListener('abort', abort)
  // A last write may be taken only later in the same turn as the answer was read.
  if (!failure && writing.isWhole && wire.isWriting) await nextTurn()
  if (failure || !writing.isWhole || wire.isWriting || !parser.keepsAlive) {
    wire.destroy()
    await wire.closed
  }
  const isMore = await wire.finish()
  if (isMore) wire.destroy()
  await written
  if (!failure) return gatherer.gather()
  throw failure instanceof ConsumerFailure ? failure.thrown : toHttpError(failure, true)
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

async function write(
  writing: Writing,
  head: string,
  body: Buffer | Body | undefined,
): Promise<void> {
  const { wire, pieces } = writing
  if (!body) {
    writing.isWhole = true
    return wire.write(head)
  }
  const piece = pieces.take()
  try {
    const used = piece.write(head, 'latin1')
    if (!Buffer.isBuffer(body)) await writeSource(writing, piece, used, body)
    else if (used + body.length <= piece.length) {
      body.copy(piece, used)
      writing.isWhole = true
      await wire.write(piece.subarray(0, used + body.length))
    } else {
      await wire.write(piece.subarray(0, used))
      await writeSlices(writing, body, piece.length)
    }
  } finally {
    pieces.give(piece)
  }
}

async function writeSlices(writing: Writing, body: Buffer, sliceBytes: number): Promise<void> {
  for (let offset = 0; offset < body.length && !isStopped(writing); offset += sliceBytes) {
    const end = Math.min(body.length, offset + sliceBytes)
    writing.isWhole = end === body.length
    await writing.wire.write(body.subarray(offset, end))
  }
}

// The head goes with the first piece: a small body is one write.
async function writeSource(
  writing: Writing,
  piece: Buffer,
  headBytes: number,
  { sizeBytes, readInto }: Body,
): Promise<void> {
  const { wire } = writing
  let used = headBytes
  let offset = 0
  do {
    const end = Math.min(piece.length, used + sizeBytes - offset)
    if (end > used) {
      wire.isSourceBusy = true
      try {
        await readInto(piece.subarray(used, end), offset)
      } finally {
        wire.isSourceBusy = false
      }
      if (isStopped(writing)) return
    }
    offset += end - used
    used = 0
    writing.isWhole = offset === sizeBytes
    await wire.write(piece.subarray(0, end))
  } while (offset < sizeBytes && !isStopped(writing))
}

// An answer other than 2xx before the end of the body: the other side does not want the rest.
function isStopped({ wire, gatherer }: Writing): boolean {
  return !wire.isOpen || (gatherer.head()?.status ?? 0) >= 300
}
