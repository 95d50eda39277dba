// The key a Woodpecker server signs its requests with. Pinned in the configuration it never changes;
// otherwise the server is asked for it over TLS, as it is asked about its pipelines, and asked again
// when a signature does not fit: it makes a new key when its database is lost.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'

import { Fault } from '../../core/fault.ts'
import type { Call } from '../drone/call.ts'
import { askWoodpecker, type Server } from './ask.ts'
import type { PublicKeys } from './signature.ts'

/** Seconds between two questions for the key: strangers cannot make us ask more often. */
export const keyQuestionSeconds = 10

/** The ed25519 key in a PEM text; throws ci_key_invalid. */
export function parsePublicKey(pem: string): KeyObject {
  const key = readKey(pem)
  if (key?.asymmetricKeyType === 'ed25519') return key
  throw new Fault('ci_key_invalid', 'The public key of the Woodpecker server is no ed25519 key.')
}

function readKey(pem: string): KeyObject | undefined {
  // Of a private key Node would make the public one, and nobody should have to keep that here.
  if (!/^-----BEGIN PUBLIC KEY-----\s/.test(pem.trimStart())) return undefined
  try {
    return createPublicKey(pem)
  } catch {
    return undefined
  }
}

/** SHA-256 of a key in hex, for people to compare. */
export function fingerprintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

/** A key that the configuration names, whatever the server says. */
export function pinKey(key: KeyObject): PublicKeys {
  return { current: () => Promise.resolve(key), renewed: () => Promise.resolve(undefined) }
}

/** What following the server's key needs; `noteKey` hears of every key that is taken, with its fingerprint. */
export type FollowDeps = {
  now: () => Date
  call: Call
  noteKey: (fingerprint: string) => void
}

/** The server's own word on its key; `current` throws ci_api_unavailable or ci_key_invalid while there is none. */
export function followKey(deps: FollowDeps, server: Server): PublicKeys {
  let known: KeyObject | undefined
  let last: { askedAt: number; key: Promise<KeyObject> } | undefined
  const ask = (): Promise<KeyObject> => {
    const askedAt = deps.now().getTime()
    const ageMilliseconds = last ? askedAt - last.askedAt : Infinity
    if (last && ageMilliseconds >= 0 && ageMilliseconds < keyQuestionSeconds * 1000) return last.key
    const key = fetchKey(deps.call, server).then((fetched) => {
      if (!known?.equals(fetched)) deps.noteKey(fingerprintOf(fetched))
      known = fetched
      return fetched
    })
    last = { askedAt, key }
    return key
  }
  return {
    current: async () => known ?? (await ask()),
    // In trouble the key that is known stays: the signature at hand is refused, and no other.
    renewed: () => ask().catch(() => undefined),
  }
}

async function fetchKey(call: Call, server: Server): Promise<KeyObject> {
  const pem = await askWoodpecker(call, server, '/api/signature/public-key')
  if (!pem) {
    throw new Fault('ci_api_unavailable', 'The Woodpecker server tells nobody its public key.', {
      hint: 'Signed extensions need Woodpecker 3.14 or newer; check the `url` of the `api`.',
    })
  }
  return parsePublicKey(pem.toString())
}
