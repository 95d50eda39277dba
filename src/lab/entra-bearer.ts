// How a lab API proves its caller: an access token of the lab's Entra, with signature, issuer,
// audience and lifetime (RFC 6750; Microsoft identity platform, "Access tokens").
import { compactVerify, createLocalJWKSet, decodeJwt, type JWTPayload } from 'jose'

import { type Clock, toNumericDate } from '../core/time.ts'
import { issuerOf } from './entra-tokens.ts'
import type { LabEntra } from './entra.ts'

/** Who a proven token says is calling, and which permissions of Graph it carries. */
export type LabCaller = { objectId: string; appId: string; permissions: readonly string[] }

/** Why a token was not taken. */
export type BearerProblem =
  | 'missing'
  | 'malformed'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'expired'

/** A caller that could not be proven. */
export class BearerError extends Error {
  readonly problem: BearerProblem

  constructor(problem: BearerProblem) {
    super(`the access token: ${problem}`)
    this.problem = problem
  }
}

/** Checks an Authorization header against one audience; throws a BearerError. */
export async function verifyBearer(
  { now, entra, audience }: { now: Clock; entra: LabEntra; audience: string },
  authorization: string | undefined,
): Promise<LabCaller> {
  if (!authorization) throw new BearerError('missing')
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  if (token === undefined) throw new BearerError('malformed')
  const claims = await readClaims(entra, token)
  if (claims.iss !== issuerOf(entra.tenantId)) throw new BearerError('issuer')
  if (claims.aud !== audience) throw new BearerError('audience')
  const seconds = toNumericDate(now())
  if (!((claims.nbf ?? Infinity) <= seconds && seconds < (claims.exp ?? 0))) {
    throw new BearerError('expired')
  }
  const roles = claims['roles']
  return {
    objectId: String(claims['oid']),
    appId: String(claims['appid']),
    permissions: Array.isArray(roles) ? roles.map(String) : [],
  }
}

async function readClaims(entra: LabEntra, token: string): Promise<JWTPayload> {
  try {
    await compactVerify(token, createLocalJWKSet(entra.jwks()), { algorithms: ['RS256'] })
    return decodeJwt(token)
  } catch {
    throw new BearerError('signature')
  }
}
