// Gathers one answer: what `onBody` takes goes straight to it, anything else is copied and bounded.
import { type HttpAnswer, HttpError, type HttpHead, type HttpRequest } from '../http.ts'
import type { AnswerSink } from './answer-parser.ts'

/** Carries what the consumer threw: it is not the network's failure and passes unchanged. */
export class ConsumerFailure extends Error {
  readonly thrown: unknown

  constructor(thrown: unknown) {
    super('the consumer failed')
    this.thrown = thrown
  }
}

/** A sink that ends as an answer; `gather` may be called once the parser is done. */
export type AnswerGatherer = AnswerSink & {
  head: () => HttpHead | undefined
  gather: () => HttpAnswer
}

const nothing = Buffer.alloc(0)

/** Makes the sink of one request; it throws `ConsumerFailure`, or `HttpError` EMSGSIZE for a long answer. */
export function createGatherer(
  onBody: HttpRequest['onBody'],
  maxBodyBytes: number,
): AnswerGatherer {
  let head: HttpHead | undefined
  let isTaken = false
  const pieces: Buffer[] = []
  let sizeBytes = 0
  const keep = (piece: Buffer) => {
    sizeBytes += piece.length
    if (sizeBytes > maxBodyBytes) throw tooLong(maxBodyBytes)
    pieces.push(Buffer.from(piece))
  }
  return {
    head: () => head,
    onHead: (found, expectedBytes) => {
      head = found
      isTaken = onBody !== undefined && found.status >= 200 && found.status < 300
      if (!isTaken && (expectedBytes ?? 0) > maxBodyBytes) throw tooLong(maxBodyBytes)
    },
    onPiece: (piece) => {
      if (!isTaken || !onBody || !head) {
        keep(piece)
        return undefined
      }
      try {
        return onBody(piece, head)
      } catch (error) {
        throw new ConsumerFailure(error)
      }
    },
    gather: () => {
      const { status, headers } = head ?? { status: 0, headers: {} }
      const [only = nothing] = pieces
      return { status, headers, body: pieces.length > 1 ? Buffer.concat(pieces, sizeBytes) : only }
    },
  }
}

function tooLong(maxBodyBytes: number): HttpError {
  return new HttpError(`the answer is longer than ${maxBodyBytes} bytes`, 'EMSGSIZE', true)
}
