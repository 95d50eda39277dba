// The first links of the chain: the request token, the trust service it names, and the ID token for it.
import { parseRecord } from '../azure/assertion.ts'
import type { Secret } from '../core/secret.ts'
import type { Send } from '../http/http.ts'
import { type IdToken, type IdTokenDeps, requestIdToken } from '../plugin/id-token.ts'
import { chooseIdentity } from '../plugin/identity.ts'
import type { RequestToken } from '../plugin/request-token.ts'
import { findFault } from './attempts.ts'
import { readDateHeader } from './clocks.ts'
import type { AccessClaims, ClockFact, Facts, IdClaims, Party } from './facts.ts'
import type { DoctorSettings } from './settings.ts'

/** Notes the clock of whoever answers. */
export function watchClock(
  { now, clocks }: { now: () => Date; clocks: ClockFact[] },
  who: Party,
  send: Send,
): Send {
  return async (request) => {
    const sentAtMs = now().getTime()
    const answer = await send(request)
    const answeredAtMs = now().getTime()
    const aheadMs = readDateHeader(answer.headers['date'], { sentAtMs, answeredAtMs })
    if (aheadMs !== undefined) clocks.push({ who, aheadMs })
    return answer
  }
}

/** Asks for an ID token; the token itself is only for the next link. */
export async function probeIdToken(
  deps: IdTokenDeps,
  token: RequestToken,
  settings: Pick<DoctorSettings, 'cloud' | 'identity' | 'override'>,
): Promise<{ fact: NonNullable<Facts['idToken']>; value?: Secret }> {
  let given: IdToken | undefined
  const refusal = await findFault(async () => {
    given = await requestIdToken(deps, token, settings.cloud.federationAudience)
  })
  if (given === undefined) return { fact: refusal ? { fault: refusal } : {} }
  const { value, identity } = given
  const claims = readIdClaims(value)
  let who: { tenantId: string; clientId: string } | undefined
  const misfit = await findFault(async () => {
    who = chooseIdentity(settings, { value, identity })
  })
  return {
    fact: {
      claims,
      ...(misfit && { fault: misfit }),
      ...(who && { who: { name: identity.name, ...who } }),
    },
    value,
  }
}

/** What an ID token says; nothing is verified. */
export function readIdClaims(token: Secret): IdClaims {
  const [header = '', payload = ''] = token.reveal().split('.')
  const { kid, alg } = readPart(header)
  const { iss, sub, aud, nbf, exp } = readPart(payload)
  return {
    issuer: toText(iss),
    subject: toText(sub),
    audience: toText(aud),
    keyId: toText(kid),
    algorithm: toText(alg),
    notBeforeMs: Number(nbf ?? 0) * 1000,
    expiresAtMs: Number(exp ?? 0) * 1000,
  }
}

/** What an access token says; Microsoft calls it opaque, so this is for people only. */
export function readAccessClaims(token: Secret): AccessClaims {
  const { tid, aud, oid, appid, azp, iat, exp } = readPart(token.reveal().split('.')[1] ?? '')
  return {
    tenantId: toText(tid),
    audience: toText(aud),
    objectId: toText(oid),
    clientId: toText(appid) || toText(azp),
    issuedAtMs: Number(iat ?? 0) * 1000,
    expiresAtMs: Number(exp ?? 0) * 1000,
  }
}

function readPart(part: string): Record<string, unknown> {
  return parseRecord(Buffer.from(part, 'base64url').toString('utf8'))
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
