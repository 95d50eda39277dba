// HTTP Message Signatures (RFC 9421) as a Woodpecker server makes them: ed25519 over
// "@request-target" and "content-digest" (RFC 9530), label `woodpecker-ci-extensions`, no keyid. The
// host is not signed. Whatever is spelt otherwise than RFC 9651 would write it is refused.
import { createHash, verify, type KeyObject } from 'node:crypto'

import {
  isInnerList,
  parseDictionary,
  serializeDictionary,
  serializeInnerList,
  type Dictionary,
  type Item,
  type Parameters,
} from 'structured-headers'

import { Fault } from '../../core/fault.ts'
import { freshnessSeconds, type RawRequest, type VerifiedSignature } from '../drone/signature.ts'

/** The name Woodpecker gives its signature. */
export const signatureLabel = 'woodpecker-ci-extensions'

/** What is signed of a request: path and query as they were routed by, and headers with names in lower case. */
export type SignedHead = { target: string; headers: ReadonlyMap<string, string> }

/** The keys a server signs with: the one known, and another one if the server says that it changed. */
export type PublicKeys = {
  current: () => Promise<KeyObject>
  renewed: () => Promise<KeyObject | undefined>
}

/** A component of a message with its value: a header, or a derived one such as `@request-target`. */
export type Component = readonly [name: string, value: string]

type ReadSignature = { base: string; signature: Buffer; text: string; created: number }

const components = ['@request-target', 'content-digest'] as const

/** The part that needs no body: the server signed this target and digest just now; throws ci_signature_*. */
export async function verifyHead(
  { now, keys }: { now: () => Date; keys: PublicKeys },
  head: SignedHead,
): Promise<VerifiedSignature> {
  const read = readSignature(head)
  checkFreshness(read.created, now())
  if (!isSignedBy(await keys.current(), read)) {
    const renewed = await keys.renewed()
    if (!renewed || !isSignedBy(renewed, read)) {
      throw invalid('it was made with another key, or its path or digest was altered on the way')
    }
  }
  return { signature: read.text }
}

/** The other part: the body is the one whose digest was signed, or throws ci_signature_invalid. */
export function verifyBody({ headers, body }: RawRequest): void {
  if (headers.get('content-digest') === digestOf(body)) return
  throw invalid('its body is not the body that was signed')
}

/** The text that is signed (RFC 9421 §2.5); `parameters` is the value of the Signature-Input's member. */
export function signatureBase(covered: readonly Component[], parameters: string): string {
  return [...covered, ['@signature-params', parameters] as const]
    .map(([name, value]) => `"${name}": ${value}`)
    .join('\n')
}

/** Whether the holder of the key signed this text. */
export function isSignedBy(
  key: KeyObject,
  { base, signature }: { base: string; signature: Uint8Array },
): boolean {
  return verify(undefined, Buffer.from(base), key, signature)
}

function digestOf(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}

function readSignature({ target, headers }: SignedHead): ReadSignature {
  const input = readMember(headers, 'signature-input')
  if (!isInnerList(input)) throw invalid('its Signature-Input names no components')
  const [items, parameters] = input
  if (!isCovered(items)) {
    throw invalid(`it does not sign exactly "${components.join('" and "')}"`)
  }
  const created = readCreated(parameters)
  const [bytes, more] = readMember(headers, 'signature')
  if (!(bytes instanceof ArrayBuffer) || more.size > 0) {
    throw invalid('its Signature is not a plain byte sequence')
  }
  const digest = headers.get('content-digest')
  if (digest === undefined) throw invalid('it carries no Content-Digest header')
  const covered: Component[] = [
    ['@request-target', target],
    ['content-digest', digest],
  ]
  const signature = Buffer.from(bytes)
  return {
    base: signatureBase(covered, serializeInnerList(input)),
    signature,
    text: signature.toString('base64'),
    created,
  }
}

// Written again and compared: so no member or parameter came twice, the last of which would win, and
// no other spelling of base64 or of a number is taken for the same thing.
function readMember(headers: ReadonlyMap<string, string>, name: string) {
  const header = headers.get(name)
  if (header === undefined) throw invalid(`it carries no ${name} header`)
  const { dictionary, written } = readDictionary(header, name)
  const member = dictionary.get(signatureLabel)
  if (!member || dictionary.size > 1) {
    throw invalid(`its ${name} header holds something else than "${signatureLabel}"`)
  }
  if (written !== header) {
    throw invalid(`its ${name} header names something twice, or is written in an unusual way`)
  }
  return member
}

function readDictionary(header: string, name: string): { dictionary: Dictionary; written: string } {
  try {
    const dictionary = parseDictionary(header)
    return { dictionary, written: serializeDictionary(dictionary) }
  } catch {
    throw invalid(`its ${name} header is not a structured field`)
  }
}

function isCovered(items: readonly Item[]): boolean {
  return (
    items.length === components.length &&
    items.every(([name, more], index) => name === components[index] && more.size === 0)
  )
}

function readCreated(parameters: Parameters): number {
  const unknown = [...parameters.keys()].filter((name) => name !== 'created' && name !== 'alg')
  // A keyid would choose among keys, and there is one.
  if (unknown.length > 0) throw invalid('it has parameters other than created and alg')
  if (parameters.get('alg') !== 'ed25519') throw invalid('its algorithm is not ed25519')
  const created = parameters.get('created')
  if (typeof created !== 'number' || !Number.isInteger(created)) {
    throw invalid('it does not say when it was created')
  }
  return created
}

function checkFreshness(created: number, now: Date): void {
  const ageSeconds = now.getTime() / 1000 - created
  if (Math.abs(ageSeconds) <= freshnessSeconds) return
  const side = ageSeconds > 0 ? 'old' : 'in the future'
  throw new Fault(
    'ci_signature_stale',
    `The signed request is ${Math.round(Math.abs(ageSeconds))} seconds ${side}; at most ${freshnessSeconds} are accepted.`,
  )
}

function invalid(why: string): Fault {
  return new Fault('ci_signature_invalid', `The signed request is refused because ${why}.`, {
    hint: "Set the instance's `public_key` to what the Woodpecker server answers at /api/signature/public-key, and let no proxy change path or body.",
  })
}
