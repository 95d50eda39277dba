// Who signs ID tokens: RS256 only, because that is what every relying party accepts. The private key
// stays behind this interface, in a file or, later, in a vault.
import type { JWK } from 'jose'

/** Signs JWTs and publishes the keys to check them with. */
export type Signer = {
  /** A compact JWS over the claims, `typ: JWT`, `alg: RS256`, `kid` of the active key. */
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>
  /** The public keys as JWKs with `kid` (RFC 7638 thumbprint), `use` and `alg`; the active one first. */
  publicKeys(): readonly JWK[]
}
