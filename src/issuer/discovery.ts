// The two public documents of an issuer (OpenID Connect Discovery 1.0, the subset a relying party of
// tokens needs; there is no login here, so authorization_endpoint is left out rather than empty).
import type { JWK } from 'jose'

/** Path of the discovery document below an issuer. */
export const discoveryPath = '/.well-known/openid-configuration'

/** Path of the key set below an issuer. */
export const jwksPath = '/.well-known/jwks.json'

/** What both documents are served with: five minutes in caches, so that a new key is soon seen. */
export const documentHeaders = {
  'content-type': 'application/json',
  'cache-control': 'public, max-age=300',
} as const

/** The issuer of one CI instance: `iss` of its tokens, without a trailing slash. */
export function issuerOf(issuerUrl: string, instance: string): string {
  return `${issuerUrl}/${instance}`
}

/** The discovery document of an issuer. */
export function discoveryDocument(issuer: string): Record<string, unknown> {
  return {
    issuer,
    jwks_uri: `${issuer}${jwksPath}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti'],
  }
}

/** The key set (RFC 7517). */
export function keySet(keys: readonly JWK[]): { keys: readonly JWK[] } {
  return { keys }
}
