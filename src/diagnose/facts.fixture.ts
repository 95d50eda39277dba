// Facts of a build that everything works for, and ways to break them, for tests of the verdict.
import { Fault, type FaultCode } from '../core/fault.ts'
import {
  type AccessClaims,
  type Attempt,
  type Facts,
  type FaultFact,
  type IdClaims,
  toFact,
} from './facts.ts'

/** What the ID token of these tests says. */
export const claims: IdClaims = {
  issuer: 'https://oidc.example/main',
  subject: 'repo:octo/hello@4711:ref:refs/heads/main',
  audience: 'api://AzureADTokenExchange',
  keyId: 'kid-1',
  algorithm: 'RS256',
  notBeforeMs: Date.parse('2026-01-01T00:00:00Z'),
  expiresAtMs: Date.parse('2026-01-01T00:10:00Z'),
}

/** A credential that fits them. */
export const fitting = {
  name: 'octo-hello-main',
  issuer: claims.issuer,
  subject: claims.subject,
  audience: claims.audience,
}

/** Facts with nothing wrong in them, but for the changes. */
export function healthy(changes: Partial<Facts> = {}): Facts {
  return {
    token: { serviceUrl: 'https://trust.example/', isPinned: false },
    idToken: { claims, who: { name: 'artifacts', tenantId: 'home', clientId: 'app-1' } },
    issuer: {
      issuer: claims.issuer,
      problems: [],
      isKeyPublished: true,
      isSignatureRight: true,
      isPrivate: false,
      needsOwnCa: false,
    },
    exchanges: [{ atMs: 0 }, { atMs: 10 }, { atMs: 20 }],
    access: healthyAccess(),
    account: {
      host: 'acmeart.blob.core.windows.net',
      service: 'blob',
      container: 'artifacts',
      prefix: 'octo/hello/',
      tenantId: 'home',
    },
    properties: { atMs: 0 },
    reads: [{ atMs: 0 }, { atMs: 10 }, { atMs: 20 }],
    clocks: [],
    waitSeconds: 0,
    ...changes,
  }
}

/** A fault as a fact. */
export function faultOf(code: FaultCode, sentence = `It is ${code}.`): FaultFact {
  return toFact(new Fault(code, sentence))
}

/** The same failure at every try. */
export function always(fault: FaultFact): Attempt[] {
  return [0, 10, 20].map((atMs) => ({ atMs, fault }))
}

/** What the access token of these tests says. */
export function healthyAccess(): AccessClaims {
  return {
    tenantId: 'home',
    audience: 'https://storage.azure.com',
    objectId: 'oid-1',
    clientId: 'app-1',
    issuedAtMs: 0,
    expiresAtMs: 3_600_000,
  }
}
