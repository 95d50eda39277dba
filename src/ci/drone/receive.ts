// A signed request on its way in: the signature over the headers first, then the body, bounded, then
// its digest. A caller without the token costs one HMAC and no memory.
import { Fault } from '../../core/fault.ts'
import type { RawRequest } from './signature.ts'

/** Largest body read; Drone's largest builds stay far below. */
export const bodyLimitBytes = 4 * 1024 * 1024

/** The headers of a request, names in lower case. */
export function headersOf(request: Request): ReadonlyMap<string, string> {
  return new Map(request.headers)
}

/** The request with its body; throws ci_request_too_large as soon as that is certain. */
export async function readRequest(request: Request): Promise<RawRequest> {
  const headers = headersOf(request)
  if (Number(headers.get('content-length') ?? 0) > bodyLimitBytes) throw tooLarge()
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  for await (const piece of request.body ?? []) {
    const bytes = piece as Uint8Array
    sizeBytes += bytes.length
    if (sizeBytes > bodyLimitBytes) throw tooLarge()
    pieces.push(bytes)
  }
  return { headers, body: Buffer.concat(pieces) }
}

function tooLarge(): Fault {
  const sentence = `The request is larger than ${bodyLimitBytes} bytes.`
  return new Fault('ci_request_too_large', sentence)
}
