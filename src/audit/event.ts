// What the ledger can say: one denormalised event per arrow of a build's way, so that no audit query
// needs a join (facts/guardrails.md §2d). Tokens appear as SHA-256 only.
import type { Build } from '../ci/build.ts'
import { sha256Hex } from '../core/digest.ts'
import type { LedgerChain } from '../store/store.ts'

/** Kinds of ledger records. */
export type EventType =
  | 'service.started'
  | 'service.restored'
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
  | 'transfer.receipt'
  | 'admin.denied'
  | 'admin.signed_in'
  | 'admin.signed_out'
  | 'admin.acted'
  | 'key.ordered'
  | 'trial.begun'
  | 'trial.ended'
  | 'trial.denied'
  | 'trust.reviewed'
  | 'ledger.checkpoint'
  | 'ledger.closed'
  | 'ledger.archived'
  | 'ledger.key'

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

/** A transfer as the step tells of it; what has many files comes in pages, and only the first is counted. */
export type ReceiptReference = {
  page: number
  pages: number
  step?: string
  action: string
  outcome: 'done' | 'failed'
  account: string
  service: 'blob' | 'file'
  container: string
  prefix: string
  files: number
  bytes: number
  duration_ms: number
  /** SHA-256 of the storage access tokens, which storage logs as AuthenticationHash. */
  access_token_sha256: readonly string[]
  /** Correlation ids of the exchanges at Entra. */
  correlation_ids: readonly string[]
  /** What the x-ms-client-request-id of each call of the step begins with. */
  request_id?: string
  items: readonly { name: string; etag?: string; bytes: number }[]
  /** SHA-256 over all names and ETags, also of those that are on no page. */
  items_sha256?: string
}

/** A signed checkpoint; `frontier` are the peaks of the Merkle tree, from which it goes on. */
export type CheckpointReference = {
  note: string
  frontier: readonly string[]
  segment: { first: number; since: string }
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
    door: 'secret' | 'environ' | 'webhook' | 'id-token' | 'receipt' | 'admin'
    runner?: string
    admin?: string
  }
  /** What a step says it did: its own word, not ours. */
  receipt?: ReceiptReference
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
  /** The backup that the state was restored from; `heads` are the ends it had. */
  backup?: { taken_at: string; sha256: string }
  /** The ends of the other nodes' chains as this node saw them. */
  heads?: readonly LedgerChain[]
  /** What the chain was when it was signed, and which segment of it is open since when. */
  checkpoint?: CheckpointReference
  /** A segment that was closed here, or moved to the archive. */
  segment?: { node: string; first: number; last: number; file?: string }
  /** The key that signs checkpoints from here on, and the word of the one before it. */
  ledger_key?: { verifier: string; endorsement?: string }
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
