// What the browser keeps for us, encrypted: sessions, sign-ins under way and one-time links, as JWE
// (RFC 7516, `dir` with A256GCM). Replicas share the key, because they share the key of request tokens.
import { hkdfSync } from 'node:crypto'

import { EncryptJWT, errors, jwtDecrypt, type JWTPayload } from 'jose'

import type { Clock } from '../core/time.ts'

/** What a sealed text is for; one is never taken for another. */
export type SealPurpose = 'session' | 'sign-in' | 'link'

/** Seals facts until a moment, and opens them again. */
export type Seal = {
  seal: (purpose: SealPurpose, facts: JWTPayload, expiresAt: Date) => Promise<string>
  /** Undefined for what was not sealed here, for this purpose, or has expired. */
  open: (purpose: SealPurpose, text: string) => Promise<JWTPayload | undefined>
}

const enc = 'A256GCM'

/** A seal whose key follows from this secret key. */
export function createSeal({ now }: { now: Clock }, secretKey: Uint8Array): Seal {
  const key = new Uint8Array(hkdfSync('sha256', secretKey, '', 'azure-storage-drone dashboard', 32))
  return {
    seal: (purpose, facts, expiresAt) =>
      new EncryptJWT(facts)
        .setProtectedHeader({ alg: 'dir', enc, typ: purpose })
        .setExpirationTime(expiresAt)
        .encrypt(key),
    open: async (purpose, text) => {
      try {
        const { payload } = await jwtDecrypt(text, key, {
          typ: purpose,
          currentDate: now(),
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: [enc],
          requiredClaims: ['exp'],
        })
        return payload
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined
        throw error
      }
    },
  }
}
