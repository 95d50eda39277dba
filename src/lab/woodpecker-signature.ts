// A request signed as Woodpecker's Go client signs it (yaronf/httpsign), written from RFC 9421 and 9530
// with nothing but node:crypto, so that no code under test vouches for itself.
import { createHash, sign, type KeyObject } from 'node:crypto'

/** The three headers that prove who sent this body to this URL; `created` in seconds since 1970. */
export function signAsWoodpecker(
  privateKey: KeyObject,
  url: string,
  body: Uint8Array,
  created: number,
): Record<'content-digest' | 'signature-input' | 'signature', string> {
  const { pathname, search } = new URL(url)
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  const parameters = `("@request-target" "content-digest");created=${created};alg="ed25519"`
  const base = [
    `"@request-target": ${pathname}${search}`,
    `"content-digest": ${digest}`,
    `"@signature-params": ${parameters}`,
  ].join('\n')
  const signature = sign(undefined, Buffer.from(base), privateKey).toString('base64')
  return {
    'content-digest': digest,
    'signature-input': `woodpecker-ci-extensions=${parameters}`,
    signature: `woodpecker-ci-extensions=:${signature}:`,
  }
}
