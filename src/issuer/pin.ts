// The pin of a private CA: base64url SHA-256 of its SubjectPublicKeyInfo (as in RFC 7469 §2.4). It
// travels inside the request token, so a step needs no certificate file to trust the service.
import { createHash, X509Certificate } from 'node:crypto'

/** The pin of the first certificate in a PEM text. */
export function pinOf(caPem: string): string {
  const spki = new X509Certificate(caPem).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('base64url')
}
