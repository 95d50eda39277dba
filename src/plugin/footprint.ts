// What a step remembers of the identity it became: for the request ids of its calls, and for its receipts.
import type { AccessToken } from '../azure/entra.ts'
import { hashSecret } from '../core/digest.ts'
import type { IdToken } from './id-token.ts'

/** What a step remembers of the identity it became, for its calls and its receipts. */
export type Footprint = {
  /** Of the build, as the trust service calls it; known once it was asked. */
  trace?: string
  accessTokenSha256: string[]
  correlationIds: string[]
}

/** A step that nothing is known of yet. */
export function createFootprint(): Footprint {
  return { accessTokenSha256: [], correlationIds: [] }
}

/** Remembers the trace of a build. */
export function noteIdToken(footprint: Footprint, { trace }: IdToken): void {
  if (trace !== undefined) footprint.trace = trace
}

/** Remembers an access token by its hash, and how Entra calls the exchange. */
export function noteAccess(footprint: Footprint, { token, correlationId }: AccessToken): void {
  footprint.accessTokenSha256.push(hashSecret(token))
  if (correlationId !== '') footprint.correlationIds.push(correlationId)
}
