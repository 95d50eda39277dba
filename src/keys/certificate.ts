// The certificate of a signing key, for relying parties that read keys from `x5c` alone (RFC 7517 §4.7),
// as Ceph does. It says nothing but the key: self-signed, without an end, and always the same for a key.
// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 needs it to be loaded first
import 'reflect-metadata'
import { createHash } from 'node:crypto'

import * as x509 from '@peculiar/x509'

const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

// RFC 5280 §4.1.2.5: a certificate with no well-defined end. The life of a key is the ring's to decide.
const noEnd = new Date('9999-12-31T23:59:59Z')

/** A signature over some bytes by the private half of the key (RSASSA-PKCS1-v1_5, SHA-256). */
export type SignBytes = (input: Buffer) => Promise<Buffer>

/** A certificate of an RSA key (JWK with its kid), which signs it itself; DER in base64. */
export async function makeCertificate(
  { kid, kty, n, e }: { kid: string; kty: 'RSA'; n: string; e: string },
  createdAt: Date,
  sign: SignBytes,
): Promise<string> {
  const publicKey = await crypto.subtle.importKey('jwk', { kty, n, e }, algorithm, true, ['verify'])
  const content = {
    // Not at random: every process that reads the key has to make the same certificate.
    serialNumber: createHash('sha256').update(kid).digest('hex').replace(/^./, '4').slice(0, 32),
    subject: [{ CN: [kid] }],
    issuer: [{ CN: [kid] }],
    notBefore: createdAt,
    notAfter: noEnd,
    publicKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  }
  // The library signs with keys it holds only; so the bytes to be signed are taken from a draft.
  const draft = await x509.X509CertificateGenerator.create({ ...content, signature: noSignature })
  const signature = await sign(readSigned(Buffer.from(draft.rawData)))
  const certificate = await x509.X509CertificateGenerator.create({ ...content, signature })
  return Buffer.from(certificate.rawData).toString('base64')
}

const noSignature = new Uint8Array(256)

// The first element of a certificate, which with an RSA key is 256 to 65,535 bytes long, as is the whole:
// both have a tag and a length of four bytes (RFC 5280 §4.1, X.690 §8.1.3.5).
function readSigned(der: Buffer): Buffer {
  return der.subarray(4, 8 + der.readUInt16BE(6))
}
