// Private keys at rest: AES-256-GCM under a key derived by HKDF-SHA-256 (RFC 5869) from the
// operator's key-encryption key. A sealed key opens only under its own kid and state.
import {
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

import type { Secret } from '../core/secret.ts'

/** How a file is sealed; `check` tells a wrong key-encryption key from an altered file. */
export type SealHeader = { kdf: 'HKDF-SHA-256'; cipher: 'AES-256-GCM'; salt: string; check: string }

/** What a sealed key is bound to. */
export type SealedFor = { kid: string; state: string }

/** Seals and opens under one derived key. */
export type Sealer = {
  header: SealHeader
  /** `nonce ‖ ciphertext ‖ tag` in base64url, with a fresh nonce every time. */
  seal(text: string, about: SealedFor): string
  /** The text; undefined when it was sealed otherwise or altered. */
  open(sealed: string, about: SealedFor): string | undefined
}

/** Fewer bytes than this are no key-encryption key. */
export const shortestEncryptionKeyBytes = 32

const [saltBytes, nonceBytes, tagBytes] = [16, 12, 16]

/** A sealer for a file to be written: with a fresh salt. */
export function createSealer(encryptionKey: Secret): Sealer {
  return sealerFor(encryptionKey, randomBytes(saltBytes))
}

/** A sealer for a file that was read; undefined when it is sealed with another key-encryption key. */
export function openSealer(encryptionKey: Secret, header: SealHeader): Sealer | undefined {
  const sealer = sealerFor(encryptionKey, Buffer.from(header.salt, 'base64url'))
  const [ours, theirs] = [sealer.header.check, header.check].map((text) => Buffer.from(text))
  if (!ours || !theirs || ours.length !== theirs.length) return undefined
  return timingSafeEqual(ours, theirs) ? sealer : undefined
}

function sealerFor(encryptionKey: Secret, salt: Buffer): Sealer {
  const derive = (purpose: string, length: number) =>
    Buffer.from(
      hkdfSync('sha256', encryptionKey.reveal(), salt, `azure-storage-drone/${purpose}`, length),
    )
  const key = derive('key-file/2/seal', 32)
  return {
    header: {
      kdf: 'HKDF-SHA-256',
      cipher: 'AES-256-GCM',
      salt: salt.toString('base64url'),
      check: derive('key-file/2/check', 16).toString('base64url'),
    },
    seal: (text, about) => {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
      cipher.setAAD(bindingOf(about))
      const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat(sealed).toString('base64url')
    },
    open: (sealed, about) => {
      const bytes = Buffer.from(sealed, 'base64url')
      if (bytes.length < nonceBytes + tagBytes) return undefined
      const nonce = bytes.subarray(0, nonceBytes)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(bindingOf(about))
      decipher.setAuthTag(bytes.subarray(-tagBytes))
      try {
        const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes))
        return Buffer.concat([text, decipher.final()]).toString('utf8')
      } catch {
        return undefined
      }
    },
  }
}

function bindingOf({ kid, state }: SealedFor): Buffer {
  return Buffer.from(JSON.stringify(['azure-storage-drone/key-file/2', kid, state]))
}
