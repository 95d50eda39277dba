// The access tokens of the lab's Entra: v1 claims as Azure Storage gets them, RS256, signed by a
// key made at start (Microsoft identity platform, "access token claims reference").
import { randomUUID } from 'node:crypto'

import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

import { type Clock, toNumericDate } from '../core/time.ts'

/** The resource of access tokens for storage. */
export const storageAudience = 'https://storage.azure.com'

/** The resource of access tokens for Microsoft Graph. */
export const graphAudience = 'https://graph.microsoft.com'

/** The resource of access tokens for Azure Resource Manager. */
export const armAudience = 'https://management.azure.com'

// Entra dates its tokens back, so that a resource with a slow clock takes them at once.
const backdateSeconds = 300

/** An application's service principal in one tenant. */
export type LabPrincipal = { tenantId: string; clientId: string; objectId: string }

/** What a token is for; the default is storage, and an assertion as proof. */
export type TokenUse = {
  audience?: string
  /** Permissions of Graph, which go into a token for Graph only. */
  graphPermissions?: readonly string[]
  isBySecret?: boolean
}

/** Signs access tokens; `keys` is the public half. */
export type TokenSigner = {
  keys: { keys: JWK[] }
  lifetimeSeconds: number
  sign: (principal: LabPrincipal, traceId: string, use?: TokenUse) => Promise<string>
}

/** Makes a signer with a fresh RSA key. */
export async function createTokenSigner(
  { now }: { now: Clock },
  { lifetimeSeconds }: { lifetimeSeconds: number },
): Promise<TokenSigner> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  return {
    keys: { keys: [{ ...jwk, kid, use: 'sig', alg: 'RS256' }] },
    lifetimeSeconds,
    sign(principal, traceId, use = {}) {
      const issuedAt = toNumericDate(now())
      return new SignJWT({ ...identityClaims(principal, use), uti: toUti(traceId), ver: '1.0' })
        .setProtectedHeader({ typ: 'JWT', alg: 'RS256', x5t: kid, kid })
        .setIssuedAt(issuedAt - backdateSeconds)
        .setNotBefore(issuedAt - backdateSeconds)
        .setExpirationTime(issuedAt + lifetimeSeconds)
        .sign(privateKey)
    },
  }
}

/** The v1 issuer of a tenant. */
export function issuerOf(tenantId: string): string {
  return `https://sts.windows.net/${tenantId}/`
}

/** A fresh request id, a GUID; `toUti` gives the form in which the token carries it. */
export function newTraceId(): string {
  return randomUUID()
}

/** A GUID as the 22 base64url characters of `uti`; the sign-in log shows the GUID. */
export function toUti(guid: string): string {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  // .NET stores the first three fields of a GUID little-endian.
  bytes.subarray(0, 4).reverse()
  bytes.subarray(4, 6).reverse()
  bytes.subarray(6, 8).reverse()
  return bytes.toString('base64url')
}

function identityClaims(
  { tenantId, clientId, objectId }: LabPrincipal,
  { audience = storageAudience, graphPermissions = [], isBySecret = false }: TokenUse,
): Record<string, unknown> {
  return {
    aud: audience,
    iss: issuerOf(tenantId),
    appid: clientId,
    appidacr: isBySecret ? '1' : '2', // 2: authenticated by a certificate or assertion
    idp: issuerOf(tenantId),
    idtyp: 'app',
    oid: objectId,
    sub: objectId,
    tid: tenantId,
    ...(audience === graphAudience && graphPermissions.length > 0 && { roles: graphPermissions }),
  }
}
