// SHA-256 in the one spelling the ledger and the store use: lower-case hex.
import { createHash } from 'node:crypto'

import type { Secret } from './secret.ts'

/** SHA-256 of bytes or UTF-8 text as 64 lower-case hex digits. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** What may be stored of a token: its SHA-256 as 64 lower-case hex digits. */
export function hashSecret(secret: Secret): string {
  return sha256Hex(secret.reveal())
}
