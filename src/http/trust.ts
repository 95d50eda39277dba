// The certificates a client trusts, as one context for all of its connections.
import type { SecureContext } from 'node:tls'

import type { HttpOptions } from './http.ts'

/** Makes the context; throws Node's error when a certificate cannot be read. */
export async function openTrust({
  ca,
  extraCa,
  allowPartialTrustChain,
}: HttpOptions): Promise<SecureContext> {
  const { createSecureContext } = await import('node:tls')
  const secureContext = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca && { ca: [...ca] }),
    ...(allowPartialTrustChain && { allowPartialTrustChain: true }),
  })
  // Node's own certificates are parsed natively in a millisecond; handing all of them to
  // createSecureContext as text beside ours would take twenty (measured), at every start of a step.
  const native: { addCACert: (pem: string) => void } = secureContext.context
  for (const pem of extraCa ?? []) native.addCACert(pem)
  return secureContext
}
