// How the storage front proves a caller: the access token's signature against Entra's keys, then
// issuer, audience and lifetime, refused in Azure Storage's words (facts/federation.md §2.1).
import { compactVerify, type CompactVerifyGetKey, decodeJwt, type JWTPayload } from 'jose'

import { type Clock, toNumericDate } from '../core/time.ts'
import { issuerOf, storageAudience } from './entra-tokens.ts'
import { StorageRefusal } from './storage-errors.ts'

// Azure ignores bearer tokens on older versions of its API, so a client must send a newer one.
const firstBearerVersion = '2017-11-09'

/** Who a proven token says is calling. */
export type StorageCaller = { tenantId: string; objectId: string; appId: string }

type TokenDeps = { now: Clock; findKey: CompactVerifyGetKey; tenantId: string }

/** The bearer token of an Authorization header; undefined when there is no header at all. */
export function readBearer(authorization: string, apiVersion: string): string | undefined {
  if (authorization === '') return undefined
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  if (token === undefined) {
    const message =
      'Authentication information is not given in the correct format. Check the value of Authorization header.'
    throw new StorageRefusal('InvalidAuthenticationInfo', { status: 400, message })
  }
  if (apiVersion < firstBearerVersion) {
    throw refuseToken('Authentication scheme Bearer is not supported in this version.', 403)
  }
  return token
}

/** The caller a token proves; throws a StorageRefusal with status 401. */
export async function verifyAccessToken(
  { now, findKey, tenantId }: TokenDeps,
  token: string,
): Promise<StorageCaller> {
  await checkSignature(findKey, token)
  const claims = decodeJwt(token)
  if (claims.iss !== issuerOf(tenantId)) {
    throw refuseToken('Issuer validation failed. Issuer did not match.')
  }
  if (claims.aud !== storageAudience && claims.aud !== `${storageAudience}/`) {
    throw refuseToken('Audience validation failed. Audience did not match.')
  }
  checkLifetime(toNumericDate(now()), claims)
  return { tenantId, objectId: String(claims['oid']), appId: String(claims['appid']) }
}

async function checkSignature(findKey: CompactVerifyGetKey, token: string): Promise<void> {
  try {
    await compactVerify(token, findKey, { algorithms: ['RS256'] })
    decodeJwt(token)
  } catch {
    throw refuseToken('Signature validation failed. Signature did not match.')
  }
}

function checkLifetime(seconds: number, { nbf, exp }: JWTPayload): void {
  if (nbf === undefined || exp === undefined) {
    throw refuseToken('Lifetime validation failed. The token is missing an expiration time.')
  }
  if (seconds < nbf) throw refuseToken('Lifetime validation failed. The token is not yet valid.')
  if (seconds >= exp) throw refuseToken('Lifetime validation failed. The token is expired.')
}

function refuseToken(detail: string, status: 401 | 403 = 401): StorageRefusal {
  const code = status === 401 ? 'InvalidAuthenticationInfo' : 'AuthenticationFailed'
  return new StorageRefusal(code, { detail })
}
