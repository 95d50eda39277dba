// Content on its way into a file, with the checksum of the request. The newest way comes first: create
// and content in one request, CRC-64 inside of a structured body. A service that refuses it is asked in
// older ways, and what it takes is remembered (facts/transfer.md §8 "Files upload").
import { createHash } from 'node:crypto'

import { Fault } from '../../core/fault.ts'
import type { Body } from '../../http/http.ts'
import type { CallAnswer, CallRequest } from '../blob/call.ts'
import { createCrc64 } from '../crc64/crc64.ts'
import type { Digests } from '../remote.ts'
import { callFiles, codeOf, type FilesDeps, refused } from './call.ts'
import { packStructured, structuredHeaders } from './structured-body.ts'

/** The longest content of one request. */
export const maxContentBytes = 4 * 1024 * 1024

/** What the service was found to take. */
export type Habits = {
  /** CRC-64 in a structured body; otherwise Content-MD5. */
  takesStructured: boolean
  /** Content with the request that creates the file. */
  takesContent: boolean
}

/** A content, its place in the file if that exists already, and the other headers of the request. */
export type ContentWrite = {
  doing: string
  path: string
  headers: Record<string, string>
  body: Buffer | Body
  digests: Digests
}

const pieceBytes = 256 * 1024
// These say that the content is wrong, not the way in which it was sent.
const contentCodes = new Set(['Md5Mismatch', 'Crc64Mismatch'])

/** What is taken for granted until the service says otherwise. */
export function newHabits(): Habits {
  return { takesStructured: true, takesContent: true }
}

/** Sends content with its checksum; gives statuses of `accepts` back, and faults for the others. */
export async function sendContent(
  deps: FilesDeps,
  habits: Habits,
  { doing, path, headers, body, digests }: ContentWrite,
  accepts: readonly number[],
): Promise<CallAnswer> {
  const send = (request: Pick<CallRequest, 'headers' | 'body'>): Promise<CallAnswer> =>
    callFiles(deps, {
      doing,
      request: () => ({
        method: 'PUT',
        path,
        ...request,
        headers: { ...headers, ...request.headers },
      }),
      accepts: [400, 413, ...accepts],
    })
  const sizeBytes = sizeOf(body)
  if (digests.crc64 !== undefined && sizeBytes > 0 && habits.takesStructured) {
    const packed = packStructured(body, digests.crc64)
    const answer = await send({ body: packed, headers: structuredHeaders(sizeBytes) })
    const isEchoed = answer.headers['x-ms-structured-body'] !== undefined
    const isOld = [400, 413].includes(answer.status) && !contentCodes.has(codeOf(answer))
    if (!isOld && (answer.status >= 300 || isEchoed)) return toFine(deps, answer, doing, accepts)
    // Not understood: refused for another reason, or taken as if the packing were content.
    const plain = await sendPlain(send, body, digests)
    if (plain.status < 300) habits.takesStructured = false
    return toFine(deps, plain, doing, accepts)
  }
  return toFine(deps, await sendPlain(send, body, digests), doing, accepts)
}

/** The length of a content. */
export function sizeOf(body: Buffer | Body): number {
  return Buffer.isBuffer(body) ? body.length : body.sizeBytes
}

async function sendPlain(
  send: (request: Pick<CallRequest, 'headers' | 'body'>) => Promise<CallAnswer>,
  body: Buffer | Body,
  { crc64, md5 }: Digests,
): Promise<CallAnswer> {
  const sum =
    md5 ?? (crc64 !== undefined && sizeOf(body) > 0 ? await md5Of(body, crc64) : undefined)
  return send({ body, headers: sum === undefined ? {} : { 'content-md5': sum } })
}

function toFine(
  deps: FilesDeps,
  answer: CallAnswer,
  doing: string,
  accepts: readonly number[],
): CallAnswer {
  if (answer.status < 300 || accepts.includes(answer.status)) return answer
  throw refused(deps, answer, doing)
}

// The service will check what is read now; that it is what was summed before is checked here.
async function md5Of(body: Buffer | Body, crc64: string): Promise<string> {
  const [md5, crc] = [createHash('md5'), createCrc64()]
  const sizeBytes = sizeOf(body)
  const buffer = Buffer.isBuffer(body) ? body : Buffer.allocUnsafe(Math.min(pieceBytes, sizeBytes))
  for (let offset = 0; offset < sizeBytes; offset += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, sizeBytes - offset))
    if (!Buffer.isBuffer(body)) await body.readInto(piece, offset)
    md5.update(piece)
    crc.update(piece)
  }
  if (crc.digest() === crc64) return md5.digest('base64')
  throw new Fault(
    'transfer_checksum_mismatch',
    'The content is not what it was when its checksum was taken.',
  )
}
