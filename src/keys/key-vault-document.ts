// What is kept of keys in a vault: the ring with the versions and public halves of its keys. Nothing in it
// is private; which version signs is what it says, so whoever may write it is trusted.
import { calculateJwkThumbprint } from 'jose'
import * as z from 'zod'

import { unusable } from './private-file.ts'
import type { Ring, RingKey } from './ring.ts'

const text = z.string().min(1)
const moment = z.iso.datetime().transform((written) => new Date(written))

const schema = z.strictObject({
  version: z.literal(1),
  vault_key: text,
  ring: text,
  keys: z
    .array(
      z.strictObject({
        state: z.enum(['next', 'active', 'retired', 'revoked', 'removed']),
        createdAt: moment,
        servedSince: moment.optional(),
        lastServedAt: moment.optional(),
        activatedAt: moment.optional(),
        retiredAt: moment.optional(),
        endedAt: moment.optional(),
        version: text,
        key: z.strictObject({ kty: z.literal('RSA'), kid: text, n: z.string().min(342), e: text }),
        certificate: text,
      }),
    )
    .min(1),
})

/** The public half of one version; `certificate` is DER in base64. */
export type VaultRingKey = {
  version: string
  public: { kty: 'RSA'; kid: string; n: string; e: string }
  certificate: string
}

/** The ring, and the version behind each kid. */
export type VaultRing = {
  ring: Ring
  /** Its own name, by which its versions are told from those of others in the vault. */
  id: string
  versions: ReadonlyMap<string, VaultRingKey>
}

/** Reads a document that was written for this key (its id); throws keys_unreadable. */
export async function parseVaultRing(
  place: string,
  content: string,
  keyId: string,
): Promise<VaultRing> {
  const document = readDocument(content)
  if (!document) throw unusable(place, 'it is not a key ring of this service')
  if (document.vault_key !== keyId) {
    const why = `it belongs to ${document.vault_key}, and ${keyId} is configured`
    throw unusable(place, why, undefined, 'Correct `keys.key_vault`, or begin with an empty place.')
  }
  const versions = new Map<string, VaultRingKey>()
  const ring = document.keys.map(({ version, key, certificate, ...rest }) => {
    versions.set(key.kid, { version, public: key, certificate })
    return toRingKey(key.kid, rest)
  })
  const kids = await Promise.all(document.keys.map(({ key }) => calculateJwkThumbprint(key)))
  const count = (state: RingKey['state']) => ring.filter((key) => key.state === state).length
  const isSound =
    document.keys.every(({ key }, index) => key.kid === kids[index]) &&
    versions.size === ring.length &&
    count('active') === 1 &&
    count('next') <= 1
  if (!isSound) throw unusable(place, 'it is not a key ring of this service')
  return { ring, id: document.ring, versions }
}

/** The text of a document. */
export function formatVaultRing({ ring, id, versions }: VaultRing, keyId: string): string {
  const keys = ring.map(({ kid, ...rest }) => {
    const found = versions.get(kid)
    if (!found) throw new Error(`the ring names a key that is not there: ${kid}`)
    const { version, public: key, certificate } = found
    return { ...rest, version, key, certificate }
  })
  return `${JSON.stringify({ version: 1, vault_key: keyId, ring: id, keys }, undefined, 1)}\n`
}

function readDocument(content: string): z.output<typeof schema> | undefined {
  try {
    return schema.parse(JSON.parse(content))
  } catch {
    return undefined
  }
}

function toRingKey(
  kid: string,
  {
    state,
    createdAt,
    ...moments
  }: Omit<z.output<typeof schema>['keys'][number], 'version' | 'key' | 'certificate'>,
): RingKey {
  const known = Object.entries(moments).filter(([, value]) => value !== undefined)
  return { kid, state, createdAt, ...Object.fromEntries(known) }
}
