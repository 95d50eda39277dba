// The content of a call: of known length, at most 4 MiB, unpacked when it comes as a structured body.
import type { IncomingMessage } from 'node:http'

import { headerOf } from '../storage-errors.ts'
import { filesRefusal } from './errors.ts'
import { maxContentBytes } from './file-operations.ts'
import { structuredForm, unpackStructured } from './structured-body.ts'

// A body's checksums and segment headers come on top of its content.
const maxStructuredBytes = maxContentBytes + 1_024

/** Reads the content; without structured bodies in the service, one is content like any other. */
export async function readContent(
  request: IncomingMessage,
  { withoutStructured }: { withoutStructured: boolean },
): Promise<{ body: Buffer; isStructured: boolean; receivedBytes: number }> {
  const isStructured =
    !withoutStructured &&
    request.method === 'PUT' &&
    request.headers['x-ms-structured-body'] !== undefined
  const raw = await readBody(request, isStructured)
  const body = isStructured ? unpack(request, raw) : raw
  return { body, isStructured, receivedBytes: raw.length }
}

async function readBody(request: IncomingMessage, isStructured: boolean): Promise<Buffer> {
  const { method, headers } = request
  const length = headers['content-length']
  if (length === undefined) {
    if (method === 'PUT' || headers['transfer-encoding'] !== undefined) {
      throw filesRefusal('MissingContentLengthHeader')
    }
    return Buffer.alloc(0)
  }
  if (Number(length) > (isStructured ? maxStructuredBytes : maxContentBytes)) {
    throw filesRefusal('RequestBodyTooLarge', { MaxLimit: String(maxContentBytes) })
  }
  const pieces: Buffer[] = []
  for await (const piece of request) if (Buffer.isBuffer(piece)) pieces.push(piece)
  return Buffer.concat(pieces)
}

function unpack(request: IncomingMessage, raw: Buffer): Buffer {
  if (headerOf(request, 'x-ms-structured-body') !== structuredForm) {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-structured-body' })
  }
  const length = Number(headerOf(request, 'x-ms-structured-content-length') || 'NaN')
  if (length > maxContentBytes) throw filesRefusal('RequestBodyTooLarge')
  return unpackStructured(raw, length)
}
