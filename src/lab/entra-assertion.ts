// The checks of a client assertion (RFC 7523 §3) in the order and with the codes of Entra:
// shape, federated credential, signature, lifetime (facts/federation.md §1, §2).
import {
  compactVerify,
  decodeJwt,
  decodeProtectedHeader,
  importJWK,
  type JWK,
  type JWTPayload,
  type ProtectedHeaderParameters,
} from 'jose'

import { toNumericDate } from '../core/time.ts'
import type { StoredCredential } from './entra-credentials.ts'
import type { LabApp } from './entra-directory.ts'
import { EntraRefusal } from './entra-errors.ts'
import { spellKeyId } from './entra-issuers.ts'

const algorithms = new Set(['RS256', 'RS384', 'RS512'])
const types = new Set(['JWT', 'http://openid.net/specs/jwt/1.0'])
const maxNumericDate = 253_402_300_799 // the end of the year 9999

/** A well-formed assertion, nothing of it proved yet; times are seconds since 1970. */
export type LabAssertion = {
  token: string
  algorithm: string
  keyId: string
  issuer: string
  subject: string
  audiences: readonly string[]
  notBefore: number
  expiresAt: number
  jti: string
}

/** Takes a compact JWT apart; refuses a broken one, a wrong header and missing claims. */
export function readAssertion(token: string): LabAssertion {
  const { header, claims } = decode(token)
  if (!types.has(String(header.typ))) throw new EntraRefusal(5002727)
  if (typeof header.kid !== 'string' || header.kid === '') throw new EntraRefusal(5002723)
  if (!algorithms.has(String(header.alg))) {
    throw new EntraRefusal(5002738, { algorithm: String(header.alg) })
  }
  for (const claim of ['iss', 'sub', 'aud', 'exp']) {
    if (claims[claim] === undefined || claims[claim] === '')
      throw new EntraRefusal(90014, { claim })
  }
  return {
    token,
    algorithm: String(header.alg),
    keyId: header.kid,
    issuer: asText(claims['iss']),
    subject: asText(claims['sub']),
    audiences: [claims['aud']].flat().map((audience) => asText(audience)),
    notBefore: asNumericDate(claims['nbf'] ?? 0),
    expiresAt: asNumericDate(claims['exp']),
    jti: typeof claims['jti'] === 'string' ? claims['jti'] : '',
  }
}

/** The credential with exactly this issuer, subject and audience; refuses naming the first that differs. */
export function matchCredential(
  app: LabApp,
  credentials: readonly StoredCredential[],
  assertion: LabAssertion,
): StoredCredential {
  const { issuer, subject, audiences } = assertion
  if (credentials.length === 0) {
    throw new EntraRefusal(70025, { clientId: app.clientId, displayName: app.displayName })
  }
  const ofIssuer = credentials.filter((each) => each.issuer === issuer)
  if (ofIssuer.length === 0) throw new EntraRefusal(700211, { issuer })
  const ofSubject = ofIssuer.filter((each) => each.subject === subject)
  if (ofSubject.length === 0) {
    const folded = subject.toLowerCase()
    const differsInCase = ofIssuer.some((each) => each.subject.toLowerCase() === folded)
    throw new EntraRefusal(differsInCase ? 7002138 : 700213, { subject })
  }
  const credential = ofSubject.find((each) => audiences.includes(each.audience))
  if (!credential) throw new EntraRefusal(700212, { audience: audiences.join(', ') })
  return credential
}

/** Proves that the published key made the signature. */
export async function verifySignature(assertion: LabAssertion, key: JWK): Promise<void> {
  const { token, algorithm, keyId } = assertion
  try {
    await compactVerify(token, await importJWK(key, algorithm), { algorithms: [algorithm] })
  } catch {
    throw new EntraRefusal(700027, { keyId: spellKeyId(keyId) })
  }
}

/** Refuses an assertion outside `nbf`..`exp`; no allowance for clocks, so that tests see each second. */
export function checkLifetime({ now }: { now: Date }, assertion: LabAssertion): void {
  const seconds = toNumericDate(now)
  if (assertion.notBefore <= seconds && seconds < assertion.expiresAt) return
  throw new EntraRefusal(700024, {
    now: spellTime(now),
    from: spellTime(new Date(assertion.notBefore * 1000)),
    to: spellTime(new Date(assertion.expiresAt * 1000)),
  })
}

function decode(token: string): { header: ProtectedHeaderParameters; claims: JWTPayload } {
  try {
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw new EntraRefusal(50027)
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) }
  } catch {
    throw new EntraRefusal(50027)
  }
}

function asText(claim: unknown): string {
  if (typeof claim !== 'string') throw new EntraRefusal(50027)
  return claim
}

function asNumericDate(claim: unknown): number {
  const isDate = typeof claim === 'number' && claim >= 0 && claim <= maxNumericDate
  if (!isDate) throw new EntraRefusal(50027)
  return claim
}

// .NET's round-trip form, which has seven decimals.
function spellTime(date: Date): string {
  return date.toISOString().replace('Z', '0000Z')
}
