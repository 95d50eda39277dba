// What the ledger can say: one denormalised event per arrow of a build's way, so that no audit query
// needs a join (facts/guardrails.md §2d). Tokens appear as SHA-256 only.
import type { Build } from '../ci/build.ts'
import { sha256Hex } from '../core/digest.ts'
import type { LedgerChain } from '../store/store.ts'

/** Kinds of ledger records. */
export type EventType =
  | 'service.started'
  | 'policy.loaded'
  | 'policy.changed'
  | 'policy.rejected'
  | 'key.created'
  | 'key.published'
  | 'key.activated'
  | 'key.retired'
  | 'key.removed'
  | 'key.revoked'
  | 'token.requested'
  | 'token.issued'
  | 'token.denied'
  | 'token.revoked'
  | 'admin.denied'
  | 'key.ordered'
  | 'trial.begun'
  | 'trial.ended'
  | 'trial.denied'
  | 'trust.reviewed'
  | 'ledger.checkpoint'

/** A build as the ledger names it. */
export type BuildReference = {
  instance: string
  repo: string
  repo_id: string
  id: number
  number: number
  event: string
  ref: string
  sha: string
  source_repo: string
  sender: string
  trigger: string
  status: string
  class?: string
}

/** One event before it is sealed into the chain. */
export type LedgerEvent = {
  type: EventType
  decision: 'allow' | 'deny' | 'info'
  /** Name of the policy entry that decided. */
  rule?: string
  /** Fault codes that explain a no. */
  reasons?: readonly string[]
  /** One sentence for people. */
  detail?: string
  /** 32 hex digits shared by all records of one build. */
  trace?: string
  build?: BuildReference
  principal?: { sub: string }
  token?: {
    kind: 'request' | 'refusal' | 'id'
    sha256?: string
    jti?: string
    aud?: string
    exp?: number
  }
  azure?: { tenant: string; client_id: string }
  /** Who asked: the door, the runner when one signed, and the person at the admin door. */
  caller?: {
    door: 'secret' | 'environ' | 'webhook' | 'id-token' | 'admin'
    runner?: string
    admin?: string
  }
  /** A try of a subject without a build, by the CI server it was for, and what became of it. */
  trial?: { instance: string; verdict?: string }
  /** What `trust review` found, and when; `policy_sha256` says of which policy. */
  review?: {
    at: string
    tenant: string
    report_sha256: string
    errors: number
    warnings: number
    notes: number
  }
  /** The ends of the other nodes' chains as this node saw them. */
  heads?: readonly LedgerChain[]
  policy_sha256?: string
  /** The signing key an event is about. */
  key?: { kid: string }
}

/** An event in the chain; `hash` covers `prev` and everything else. */
export type LedgerRecord = LedgerEvent & {
  v: 1
  node: string
  seq: number
  ts: string
  prev: string
  hash: string
}

/** The ledger's words for a build. */
export function referenceTo(build: Build, trustClass?: string): BuildReference {
  return {
    instance: build.instance,
    repo: build.repository.slug,
    repo_id: build.repository.uid,
    id: build.id,
    number: build.number,
    event: build.event,
    ref: build.ref,
    sha: build.sha,
    source_repo: build.sourceRepository,
    sender: build.sender,
    trigger: build.trigger,
    status: build.status,
    ...(trustClass === undefined ? {} : { class: trustClass }),
  }
}

/** The trace id of a build: the same in every record, and computable by anyone who knows the build. */
export function traceOf(build: Pick<Build, 'instance' | 'id'>): string {
  return sha256Hex(`${build.instance}/${build.id}`).slice(0, 32)
}
