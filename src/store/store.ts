// What the service remembers: request tokens (by hash), the builds its witnesses told of, and the
// ledger's records. SQLite and PostgreSQL answer to this one interface and one contract suite.

/** A handed-out token, grant or refusal; the token itself is never stored. */
export type RequestTokenRow = {
  /** SHA-256 of the whole token, lower-case hex. */
  tokenHash: string
  instance: string
  buildId: number
  /** What the issuer wants back at exchange, as JSON. */
  payload: string
  issuedAt: Date
  expiresAt: Date
}

/** The newest word of the CI server on one build. */
export type BuildRow = {
  instance: string
  buildId: number
  version: number
  /** Whether no step of it can run any more; once true it stays true. */
  isFinal: boolean
  /** The build as JSON. */
  payload: string
  seenAt: Date
}

/** One record of the ledger as stored. */
export type LedgerRow = { seq: number; hash: string; record: string }

/** End of the chain: what the next record continues. */
export type LedgerHead = { seq: number; hash: string }

/** Storage of the trust service; every method rejects with store_unavailable when it cannot do its work. */
export type Store = {
  /** Keeps a token; false when the same one is there already. */
  addRequestToken(row: RequestTokenRow): Promise<boolean>
  findRequestToken(tokenHash: string): Promise<RequestTokenRow | undefined>
  countRequestTokens(instance: string, buildId: number): Promise<number>
  /** Keeps the newer word on a build; false when it is older than what is known, or the build has ended. */
  observeBuild(row: BuildRow): Promise<boolean>
  findBuild(instance: string, buildId: number): Promise<BuildRow | undefined>
  /** Appends the records that `seal` makes from the chain's end, durably, all or none. */
  appendLedger(seal: (head: LedgerHead) => readonly LedgerRow[]): Promise<void>
  readLedger(fromSeq: number, limit: number): Promise<LedgerRow[]>
  /** Forgets tokens that expired, and builds without one last heard of, before this moment. */
  prune(before: Date): Promise<void>
  close(): Promise<void>
}

/** Hash that the first record of a ledger continues. */
export const genesisHash = '0'.repeat(64)
