// Signing keys whose private halves are in our hands, in a file of mode 0600 or sealed in a database: node
// signs with them. The first start makes the first key.
import { createPrivateKey, sign } from 'node:crypto'

import type { Secret } from '../core/secret.ts'
import { formatKeyFile, generateKey, parseKeyFile, toPublicJwk, type KeyFile } from './key-file.ts'
import {
  openPlaceSigner,
  type KeyKind,
  type KeysInUse,
  type RecordKeyEvents,
  type RingSigner,
} from './place-signer.ts'
import { fileKeyPlace, type KeyPlace } from './place.ts'
import { createPrivateFile, readPrivateFile, unusable } from './private-file.ts'
import { defaultRules, publishedKeys, type RotationRules } from './ring.ts'
import { shortestEncryptionKeyBytes } from './seal.ts'

/** How the keys are kept. */
export type KeyOptions = {
  rules?: RotationRules
  /** At least 32 bytes: private keys are then encrypted where they are kept, at the next write. */
  encryptionKey?: Secret | undefined
  /** Refuses to make the first key: for commands that only look. */
  mustExist?: boolean
}

/** A signer whose keys are in our hands. */
export type LocalSigner = RingSigner & {
  /** Writes the document again, encrypted with the key-encryption key or in clear. */
  rewrite(form: 'encrypted' | 'clear'): Promise<void>
}

type Deps = { now: () => Date; record?: RecordKeyEvents }

/** A signer over the key file, which is made when it does not exist; throws keys_unreadable. */
export function openLocalSigner(
  deps: Deps,
  file: string,
  options: KeyOptions = {},
): Promise<LocalSigner> {
  return openLocalSignerAt(deps, fileKeyPlace(file), options)
}

/** A signer over the keys of a place, which are made when there are none; throws keys_unreadable. */
export async function openLocalSignerAt(
  deps: Deps,
  place: KeyPlace,
  options: KeyOptions = {},
): Promise<LocalSigner> {
  const { rules = defaultRules, encryptionKey, mustExist = false } = options
  if (encryptionKey && Buffer.byteLength(encryptionKey.reveal()) < shortestEncryptionKeyBytes) {
    const why = `the key-encryption key has fewer than ${shortestEncryptionKeyBytes} bytes`
    throw unusable(place.name, why, undefined, 'Configure a longer key-encryption key.')
  }
  const kind: KeyKind<KeyFile> = {
    empty: () => ({ ring: [], pairs: new Map(), isSealed: false }),
    parse: (text) => parseKeyFile(place.name, text, encryptionKey),
    format: ({ ring, pairs }) => formatKeyFile(ring, pairs, encryptionKey),
    async addKey(content, at) {
      const fresh = await generateKey(at)
      const { kid } = fresh.public
      return { content: { ...content, pairs: new Map([...content.pairs, [kid, fresh]]) }, kid }
    },
    open: openKeys,
    settle: async () => undefined,
  }
  const signer = await openPlaceSigner({ ...deps, place, kind }, { rules, mustExist })
  return {
    ...signer,
    async rewrite(form) {
      if (form === 'encrypted' && !encryptionKey) {
        const why = 'no key-encryption key is configured to encrypt it with'
        const hint = 'Configure a key-encryption key of 32 bytes or more.'
        throw unusable(place.name, why, undefined, hint)
      }
      const key = form === 'encrypted' ? encryptionKey : undefined
      await signer.rewrite(({ ring, pairs }) => formatKeyFile(ring, pairs, key))
    },
  }
}

function openKeys({ ring, pairs: all }: KeyFile): KeysInUse {
  const pairs = publishedKeys(ring).flatMap(({ kid }) => all.get(kid) ?? [])
  // The active key is the first; parsing has seen to it that it is there, with its private half.
  const [active] = pairs
  if (!active) throw new Error('a key file without an active key')
  const key = createPrivateKey({ key: { ...active.public, ...active.private }, format: 'jwk' })
  return {
    keys: pairs.map((pair) => toPublicJwk(pair)),
    kid: active.public.kid,
    // In node:crypto's thread pool.
    sign: (input) =>
      new Promise((resolve, reject) => {
        sign('sha256', input, key, (error, signature) => {
          if (error) reject(error)
          else resolve(signature)
        })
      }),
  }
}

/** 32 random bytes in base64url kept in a file of mode 0600, made on first use; throws keys_unreadable. */
export async function openSecretFile(
  { randomBytes }: { randomBytes: (size: number) => Buffer },
  file: string,
): Promise<Buffer> {
  let content = await readPrivateFile(file)
  if (content === undefined) {
    await createPrivateFile(file, randomBytes(32).toString('base64url'))
    content = await readPrivateFile(file)
  }
  const bytes = Buffer.from((content ?? '').trim(), 'base64url')
  if (bytes.length === 32) return bytes
  throw unusable(file, 'it does not hold 32 bytes in base64url')
}
