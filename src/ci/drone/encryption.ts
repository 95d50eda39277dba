// Encrypted answers of Drone extensions (drone-go internal/aesgcm): nonce(12) ‖ AES-256-GCM ‖ tag(16),
// no associated data, the key is the first 32 bytes of the token. Clients decrypt whatever is marked
// `Content-Encoding: aesgcm`, asked for or not, so plain http links can be covered from our side alone.
import { createCipheriv, createDecipheriv } from 'node:crypto'

import type { Secret } from '../../core/secret.ts'

/** Headers of an encrypted answer. */
export const encryptedHeaders = {
  'content-encoding': 'aesgcm',
  'content-type': 'application/octet-stream',
} as const

/** Bytes of a nonce; it must never repeat under one token. */
export const nonceBytes = 12

const tagBytes = 16
const keyBytes = 32

/** The body to send in place of `plain`; throws a RangeError when the token is shorter than 32 bytes. */
export function encryptAnswer(token: Secret, nonce: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', keyOf(token), nonce)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** What an encrypted body says; throws an Error when the token or any byte is another. */
export function decryptAnswer(token: Secret, body: Uint8Array): Buffer {
  if (body.length < nonceBytes + tagBytes) throw new Error('the encrypted answer is cut short')
  const nonce = body.subarray(0, nonceBytes)
  const options = { authTagLength: tagBytes }
  const decipher = createDecipheriv('aes-256-gcm', keyOf(token), nonce, options)
  decipher.setAuthTag(body.subarray(-tagBytes))
  const plain = decipher.update(body.subarray(nonceBytes, -tagBytes))
  return Buffer.concat([plain, decipher.final()])
}

function keyOf(token: Secret): Buffer {
  const bytes = Buffer.from(token.reveal())
  if (bytes.length < keyBytes) throw new RangeError(`the token has fewer than ${keyBytes} bytes`)
  return bytes.subarray(0, keyBytes)
}
