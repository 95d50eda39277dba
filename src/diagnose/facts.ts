// What the probes of `doctor` found out, as plain values: the verdict is made of these and nothing else.
import type { Fault, FaultCode } from '../core/fault.ts'
import type { SeenSource } from '../plugin/credential.ts'

/** A Fault as a value. */
export type FaultFact = {
  code: FaultCode
  sentence: string
  hint: string
  details: Readonly<Record<string, string | number>>
}

/** One try of something that is tried several times; `atMs` counts from the first. */
export type Attempt = { atMs: number; fault?: FaultFact }

/** Whose clock was read. */
export type Party = 'trust service' | 'issuer' | 'Entra' | 'storage'

/** How far a party's clock is before the one of this machine; negative when it is behind. */
export type ClockFact = { who: Party; aheadMs: number }

/** What an ID token says; times in milliseconds since 1970, texts empty when absent. */
export type IdClaims = {
  issuer: string
  subject: string
  audience: string
  keyId: string
  algorithm: string
  notBeforeMs: number
  expiresAtMs: number
}

/** What an access token says. */
export type AccessClaims = {
  tenantId: string
  audience: string
  objectId: string
  clientId: string
  issuedAtMs: number
  expiresAtMs: number
}

/** Something wrong with the public documents of the issuer, and what to do about it. */
export type IssuerProblem = {
  kind: 'unreachable' | 'malformed' | 'issuer' | 'algorithm' | 'key absent' | 'key differs'
  sentence: string
  fix: string
}

/** The issuer as the world sees it. */
export type IssuerFacts = {
  issuer: string
  /** In the order in which a reader would meet them. */
  problems: readonly IssuerProblem[]
  /** The signing key is published, and the signature fits it; undefined when that could not be seen. */
  isKeyPublished?: boolean
  isSignatureRight?: boolean
  /** Every address of its host is one that Entra cannot route to. */
  isPrivate: boolean
  /** Its certificate is trusted because of `ca_file` only. */
  needsOwnCa: boolean
}

/** A federated credential as `az ad app federated-credential list` shows it. */
export type ListedCredential = { name: string; issuer: string; subject: string; audience: string }

/** Who the build is to become. */
export type Who = { name: string; tenantId: string; clientId: string }

/** Where it is to go. */
export type AccountFacts = {
  host: string
  service: 'blob' | 'files'
  container: string
  prefix: string
  /** No answer came at all. */
  fault?: FaultFact
  /** The account's own tenant, by its answer to a call without a token. */
  tenantId?: string
}

/** Everything that was found out; what is absent could not be, or was not asked for. */
export type Facts = {
  settings?: FaultFact
  /** Every source of an identity in the order of the chain. */
  sources?: readonly SeenSource[]
  /** Empty when the identity comes from another source. */
  token: { fault?: FaultFact; serviceUrl?: string; isPinned?: boolean }
  idToken?: { fault?: FaultFact; claims?: IdClaims; who?: Who }
  issuer?: IssuerFacts
  exchanges: readonly Attempt[]
  access?: AccessClaims
  account?: AccountFacts
  /** Reading the properties of the container or share, which no path condition forbids. */
  properties?: Attempt
  /** Listing one name below the target. */
  reads: readonly Attempt[]
  /** Making and removing a probe below the target. */
  create?: Attempt
  remove?: Attempt
  clocks: readonly ClockFact[]
  credentials?: readonly ListedCredential[]
  /** How long refusals were tried again. */
  waitSeconds: number
}

/** A Fault as a fact. */
export function toFact({ code, message, hint, details }: Fault): FaultFact {
  return { code, sentence: message, hint, details }
}
