// SHA-256 in the one spelling of each use: lower-case hex in ledger and store, base64url in a pin.
import { createHash, type X509Certificate } from 'node:crypto'

import type { Secret } from './secret.ts'

/** SHA-256 of bytes or UTF-8 text as 64 lower-case hex digits. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** What may be stored of a token: its SHA-256 as 64 lower-case hex digits. */
export function hashSecret(secret: Secret): string {
  return sha256Hex(secret.reveal())
}

/**
 * The pin of a CA: base64url SHA-256 of its SubjectPublicKeyInfo (as in RFC 7469 §2.4). It travels
 * inside the request token, so a step needs no certificate file to trust the service.
 */
export function pinOf({ publicKey }: X509Certificate): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('base64url')
}
