// Finds the private CA of the trust service by the pin in the request token. The first connection
// trusts nobody and sends nothing: it only reads the certificates presented. The one whose key has
// the pinned hash is then the only trust anchor of the real request, and OpenSSL checks the rest.
import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate } from 'node:tls'

import { pinOf } from '../core/digest.ts'
import { Fault, messageOf } from '../core/fault.ts'

/** The pinned certificate as PEM; `issuer_pin_mismatch` when it is not in the presented chain. */
export async function fetchPinnedCertificate(
  service: URL,
  pin: string,
  timeoutMs = 10_000,
): Promise<string> {
  for (const raw of await readChain(service, timeoutMs)) {
    const certificate = new X509Certificate(raw)
    if (pinOf(certificate) === pin) return certificate.toString()
  }
  throw new Fault(
    'issuer_pin_mismatch',
    `${service.host} does not present the certificate authority that the request token pins: ` +
      'nothing was sent to it.',
  )
}

async function readChain(service: URL, timeoutMs: number): Promise<Buffer[]> {
  const [{ connect }, { isIP }] = await Promise.all([import('node:tls'), import('node:net')])
  const { promise, resolve, reject } = Promise.withResolvers<Buffer[]>()
  const host = service.hostname.replaceAll(/[[\]]/g, '')
  const socket = connect({
    host,
    port: Number(service.port || 443),
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 && { servername: host }),
  })
  socket.setTimeout(timeoutMs, () => {
    socket.destroy(new Error('no answer in time'))
  })
  socket.once('secureConnect', () => {
    resolve(unroll(socket.getPeerCertificate(true)))
    socket.destroy()
  })
  socket.once('error', reject)
  try {
    return await promise
  } catch (error) {
    throw new Fault(
      'issuer_unreachable',
      `The trust service at ${service.origin} could not be reached: ${messageOf(error)}.`,
      { cause: error },
    )
  }
}

function unroll(leaf: DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = []
  const seen = new Set<DetailedPeerCertificate>()
  // A self-signed certificate names itself as its issuer.
  for (let at = leaf; at?.raw && !seen.has(at); at = at.issuerCertificate) {
    seen.add(at)
    chain.push(at.raw)
  }
  return chain
}
