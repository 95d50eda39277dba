// Signing keys in Azure Key Vault: every key of the ring is a version of one vault key, and no private key
// ever leaves the vault. Rotation makes a version; what is published no more is disabled.
import { createHash, createPublicKey, verify } from 'node:crypto'

import { calculateJwkThumbprint } from 'jose'

import { toPublicJwk } from './key-file.ts'
import type { VaultKey } from './key-vault-client.ts'
import { formatVaultRing, parseVaultRing, type VaultRing } from './key-vault-document.ts'
import { wrongSignature } from './key-vault-errors.ts'
import {
  openPlaceSigner,
  type KeyKind,
  type PlaceSignerOptions,
  type RecordKeyEvents,
  type RingSigner,
} from './place-signer.ts'
import type { KeyPlace } from './place.ts'
import type { Queue } from './queue.ts'
import { publishedKeys } from './ring.ts'

/** What a signer over a vault works with. */
export type VaultSignerDeps = {
  now: () => Date
  record?: RecordKeyEvents
  /** Where the ring is kept. */
  place: KeyPlace
  vault: VaultKey
  /** Before every signature; what changes the key has limits of its own, and is rare. */
  queue: Queue
  /** A name for a ring that is made now. */
  newId: () => string
}

// The versions of a ring carry its id under this tag.
const ringTag = 'azure-storage-drone-ring'

/** A signer over the vault's key; throws keys_unreadable, keys_vault_* or keys_busy. */
export async function openVaultSigner(
  deps: VaultSignerDeps,
  options: PlaceSignerOptions,
): Promise<RingSigner> {
  return openPlaceSigner({ ...deps, kind: createKind(deps) }, options)
}

function createKind({ place, vault, queue, newId }: VaultSignerDeps): KeyKind<VaultRing> {
  // A version may be left over from a process that ended before it was in the document.
  let isTidy = false
  const sign = (version: string, input: Buffer) =>
    queue.run(() => vault.sign(version, createHash('sha256').update(input).digest()))
  return {
    empty: () => ({ ring: [], id: newId(), versions: new Map() }),
    parse: (text) => parseVaultRing(place.name, text, vault.id),
    format: (content) => formatVaultRing(content, vault.id),
    async addKey(content, at) {
      isTidy = false
      const { version, n, e } = await vault.create({ [ringTag]: content.id })
      const kid = await calculateJwkThumbprint({ kty: 'RSA', n, e })
      const key = { kty: 'RSA' as const, kid, n, e }
      // Only when it is needed: it takes longer to load than all else of a start.
      const { makeCertificate } = await import('./certificate.ts')
      const certificate = await makeCertificate(key, at, (input) => sign(version, input))
      const made = { version, public: key, certificate }
      return { content: { ...content, versions: new Map([...content.versions, [kid, made]]) }, kid }
    },
    open(content) {
      const published = publishedKeys(content.ring).flatMap(
        ({ kid }) => content.versions.get(kid) ?? [],
      )
      const [active] = published
      if (!active) throw new Error('a key ring without an active key')
      const publicKey = createPublicKey({ key: active.public, format: 'jwk' })
      return {
        keys: published.map((each) => toPublicJwk(each)),
        kid: active.public.kid,
        async sign(input) {
          const signature = await sign(active.version, input)
          // What the document says may not be what the vault has.
          if (verify('sha256', input, publicKey, signature)) return signature
          throw wrongSignature(`${vault.id}/${active.version}`)
        },
      }
    },
    async settle(content, hasEvents) {
      if (isTidy && !hasEvents) return
      isTidy = false
      await disableOthers(vault, content)
      isTidy = true
    },
  }
}

async function disableOthers(vault: VaultKey, content: VaultRing): Promise<void> {
  const needed = new Set(
    publishedKeys(content.ring).map(({ kid }) => content.versions.get(kid)?.version),
  )
  const rows = await vault.list()
  const others = rows.filter(
    ({ version, isEnabled, tags }) =>
      isEnabled && tags[ringTag] === content.id && !needed.has(version),
  )
  for (const { version } of others) await vault.disable(version)
}
