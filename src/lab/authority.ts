// The lab's certificate authority: one CA made at start, which issues the certificates of every
// lab server (RFC 5280 profiles that OpenSSL, Go and browsers accept). Nothing of it is kept.
// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 needs it to be loaded first
import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'

import * as x509 from '@peculiar/x509'

const dayMs = 24 * 60 * 60 * 1000
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A certificate chain (leaf first, then the CA) with the leaf's private key, both PEM. */
export type LabCertificate = { certPem: string; keyPem: string }

/** A running authority: its own certificate for trust stores, and new server certificates. */
export type LabAuthority = {
  caPem: string
  issue: (hosts: readonly string[]) => Promise<LabCertificate>
}

/** Makes a fresh authority; certificates hold for DNS names and IP addresses alike. */
export async function createAuthority(): Promise<LabAuthority> {
  const keys = await newKeys()
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: 'CN=Azure Storage Drone lab CA',
    ...validFor(365),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const caPem = `${ca.toString('pem')}\n`
  return { caPem, issue: (hosts) => issueCertificate({ ca, caPem, caKeys: keys }, hosts) }
}

async function issueCertificate(
  authority: { ca: x509.X509Certificate; caPem: string; caKeys: webcrypto.CryptoKeyPair },
  hosts: readonly string[],
): Promise<LabCertificate> {
  const [firstHost] = hosts
  if (firstHost === undefined) throw new RangeError('a certificate needs at least one host')
  const keys = await newKeys()
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: [{ CN: [firstHost] }],
    issuer: authority.ca.subject,
    ...validFor(90),
    publicKey: keys.publicKey,
    signingKey: authority.caKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({ type: isIP(host) ? 'ip' : 'dns', value: host })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.ca),
    ],
  })
  return {
    certPem: `${leaf.toString('pem')}\n${authority.caPem}`,
    keyPem: await exportPrivateKey(keys.privateKey),
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function exportPrivateKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey('pkcs8', key)
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`
}

// The real clock, not the lab's: TLS peers compare with theirs, whatever time a test plays.
function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  return { notBefore: new Date(now - dayMs), notAfter: new Date(now + days * dayMs) }
}

function newSerialNumber(): string {
  const bytes = crypto.getRandomValues(Buffer.alloc(16))
  // RFC 5280 §4.1.2.2: a positive integer, and a leading zero byte would not be minimal DER.
  bytes[0] = (bytes.readUInt8(0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
