// Where pages have what they show from, and the few things that people can do there.
import type { Ledger } from '../audit/ledger.ts'
import type { Log } from '../core/log.ts'
import type { Clock } from '../core/time.ts'
import type { Policy } from '../policy/schema.ts'
import type { LedgerChain, Store } from '../store/store.ts'
import type { Trail } from '../trail/trail.ts'
import type { KeysAnswer, RecordedReview, TrialAnswer, TrialRequest } from '../trust/admin-api.ts'
import type { PolicyFacts } from './policy-facts.ts'

/** The state of the service in words. */
export type Health = {
  version: string
  /** Why nothing can be issued, or what it issues may be refused. */
  reasons: readonly string[]
  /** What a person should see to. */
  notes: readonly string[]
  policy: { sha256: string; loadedAt: Date; entries: number; problem: string | undefined }
}

/** The newest verification of the ledger that this process made. */
export type Verification = {
  at: Date
  chains: readonly LedgerChain[]
  /** What is wrong, if anything. */
  trouble?: string
}

/** What the pages read. */
export type Sources = {
  now: Clock
  log: Log
  ledger: Ledger
  trail: Trail
  store: Pick<Store, 'readLedger' | 'listChains'>
  policy: () => Policy
  /** What follows from the policy in force; made once for each. */
  facts: () => PolicyFacts
  health: () => Promise<Health>
  keys: () => KeysAnswer['keys']
  lastReview: () => Promise<RecordedReview | undefined>
  verification: { last: () => Verification | undefined; run: () => Promise<Verification> }
  orders: Orders
}

/** What admins can do here; each is on the ledger by itself, and throws the faults of its room. */
export type Orders = {
  rotate: (how: { isEmergency: boolean }, admin: string) => Promise<void>
  holdTrial: (request: TrialRequest, admin: string) => Promise<TrialAnswer>
}

/** What a page was asked for. */
export type Ask = {
  /** A parameter of the address without blanks around it; undefined when empty, over 500 signs or no text. */
  query: (name: string) => string | undefined
  /** A part of the path. */
  param: (name: string) => string
}
