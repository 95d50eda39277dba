// HTTP signatures as Drone's runners and server make them: a subset of draft-cavage-http-signatures
// with HMAC-SHA256 over named headers. Stricter than the reference handler: the header list and
// Accept must be exactly those of the extension, the digest is recomputed over the raw bytes, and
// the date must be fresh. A repeated signature is legal: one step naming a secret twice sends two.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

import { Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'

/** One way in: the headers its callers sign, in this order, and the media type they accept. */
export type SignedExtension = { accept: string | undefined; headers: readonly string[] }

const runnerHeaders = ['accept', 'accept-encoding', 'content-type', 'date', 'digest'] as const

/** Signature profiles of Drone's callers (facts: drone-go plugin clients). */
export const extensions = {
  secret: { accept: 'application/vnd.drone.secret.v1+json', headers: runnerHeaders },
  environ: { accept: 'application/vnd.drone.env.v2+json', headers: runnerHeaders },
  // Runners before 2020: their answer is a map, and no value of it is masked.
  environV1: { accept: 'application/vnd.drone.env.v1+json', headers: runnerHeaders },
  webhook: { accept: undefined, headers: ['date', 'digest'] },
} satisfies Record<string, SignedExtension>

/** Seconds a signed date may lie in the past or the future. */
export const freshnessSeconds = 300

/** A request as it came: header names in lower case, the body as raw bytes. */
export type RawRequest = { headers: ReadonlyMap<string, string>; body: Uint8Array }

/** The signature's own bytes, in base64: the same request sent twice has the same one. */
export type VerifiedSignature = { signature: string }

/** Proves that the holder of the token sent these bytes just now, or throws ci_signature_*. */
export function verifySignature(
  deps: { now: () => Date },
  extension: SignedExtension,
  token: Secret,
  request: RawRequest,
): VerifiedSignature {
  const verified = verifyHead(deps, extension, token, request.headers)
  verifyBody(request)
  return verified
}

/** The part that needs no body, so that nobody without the token makes us read one; throws ci_signature_*. */
export function verifyHead(
  { now }: { now: () => Date },
  extension: SignedExtension,
  token: Secret,
  headers: ReadonlyMap<string, string>,
): VerifiedSignature {
  const header = headers.get('signature')
  if (header === undefined) throw invalid('it carries no Signature header')
  const parts = parseSignatureHeader(header)
  if (parts.algorithm !== 'hmac-sha256') throw invalid('its algorithm is not hmac-sha256')
  if (parts.headers !== extension.headers.join(' ')) {
    throw invalid(`it does not sign exactly the headers "${extension.headers.join(' ')}"`)
  }
  if (extension.accept !== undefined && headers.get('accept') !== extension.accept) {
    throw invalid(`it does not accept ${extension.accept}`)
  }
  const signature = createHmac('sha256', token.reveal())
    .update(signingString(extension.headers, headers))
    .digest('base64')
  // Compared as text: a base64 decoder takes many spellings of the same bytes.
  if (!isSameText(signature, parts.signature)) {
    throw invalid('it was made with another token, or a header was altered on the way')
  }
  checkFreshness(headers.get('date') ?? '', now())
  return { signature }
}

/** The other part: the body is the one whose digest was signed, or throws ci_signature_invalid. */
export function verifyBody({ headers, body }: RawRequest): void {
  if (isSameText(digestOf(body), headers.get('digest') ?? '')) return
  throw invalid('its body is not the body that was signed')
}

// Takes as long whatever the texts are, their lengths aside.
function isSameText(one: string, other: string): boolean {
  const [expected, given] = [Buffer.from(one), Buffer.from(other)]
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** The headers a Drone runner or server adds to a body it sends: used to forward and by the lab. */
export function signRequest(
  extension: SignedExtension,
  token: Secret,
  body: Uint8Array,
  date: Date,
): Record<string, string> {
  const headers = new Map<string, string>([
    ['accept-encoding', 'identity'],
    ['content-type', 'application/json'],
    ['date', date.toUTCString()],
    ['digest', digestOf(body)],
  ])
  if (extension.accept !== undefined) headers.set('accept', extension.accept)
  const signature = createHmac('sha256', token.reveal())
    .update(signingString(extension.headers, headers))
    .digest('base64')
  const list = extension.headers.join(' ')
  return {
    ...Object.fromEntries(headers),
    signature: `keyId="hmac-key",algorithm="hmac-sha256",signature="${signature}",headers="${list}"`,
  }
}

function digestOf(body: Uint8Array): string {
  return `SHA-256=${createHash('sha256').update(body).digest('base64')}`
}

function signingString(names: readonly string[], headers: ReadonlyMap<string, string>): string {
  return names
    .map((name) => {
      const value = headers.get(name)
      if (value === undefined) throw invalid(`its signed header ${name} is missing`)
      return `${name}: ${value}`
    })
    .join('\n')
}

function parseSignatureHeader(header: string): {
  algorithm: string
  signature: string
  headers: string
} {
  const found = new Map<string, string>()
  for (const part of header.split(',')) {
    const match = /^(keyId|algorithm|signature|headers)="([^"]*)"$/.exec(part)
    if (!match?.[1] || match[2] === undefined || found.has(match[1])) {
      throw invalid('its Signature header is not of the form keyId, algorithm, signature, headers')
    }
    found.set(match[1], match[2])
  }
  if (found.get('keyId') !== 'hmac-key') throw invalid('its keyId is not "hmac-key"')
  return {
    algorithm: found.get('algorithm') ?? '',
    signature: found.get('signature') ?? '',
    headers: found.get('headers') ?? '',
  }
}

function checkFreshness(date: string, now: Date): void {
  const then = Date.parse(date)
  const ageSeconds = (now.getTime() - then) / 1000
  // A form other than Go's http.TimeFormat is nobody we know, even when Date.parse can read it.
  if (Number.isNaN(then) || new Date(then).toUTCString() !== date) {
    throw invalid('its Date header is not an HTTP date')
  }
  if (Math.abs(ageSeconds) > freshnessSeconds) {
    const side = ageSeconds > 0 ? 'old' : 'in the future'
    throw new Fault(
      'ci_signature_stale',
      `The signed request is ${Math.round(Math.abs(ageSeconds))} seconds ${side}; at most ${freshnessSeconds} are accepted.`,
    )
  }
}

function invalid(why: string): Fault {
  return new Fault('ci_signature_invalid', `The signed request is refused because ${why}.`)
}
