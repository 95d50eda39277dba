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

/** End of a chain: what the next record continues. */
export type LedgerHead = { seq: number; hash: string }

/** The oldest records of a node's chain, through this number. */
export type LedgerDrop = { node: string; through: number }

/** A chain by the node that writes it, and its end. */
export type LedgerChain = LedgerHead & { node: string }

/** A text that several processes change, and the version that tells one state from the next. */
export type Document = { version: number; text: string }

/** A document with its name. */
export type DocumentRow = Document & { name: string }

/** What makes a step from an end of a chain; it may be asked again when another was faster. */
export type SealRows = (head: LedgerHead) => readonly LedgerRow[]

/** Storage of the trust service; every method rejects with store_unavailable when it cannot do its work. */
export type Store = {
  /** Keeps a token; false when the same one is there already. */
  addRequestToken(row: RequestTokenRow): Promise<boolean>
  findRequestToken(tokenHash: string): Promise<RequestTokenRow | undefined>
  countRequestTokens(instance: string, buildId: number): Promise<number>
  /** Keeps the newer word on a build; false when it is older than what is known, or the build has ended. */
  observeBuild(row: BuildRow): Promise<boolean>
  findBuild(instance: string, buildId: number): Promise<BuildRow | undefined>
  /**
   * Appends the records that `seal` makes from the end of a node's chain, durably, all or none; and
   * removes the oldest records of a chain in the same transaction, when they are named.
   */
  appendLedger(node: string, seal: SealRows, drop?: LedgerDrop): Promise<void>
  readLedger(node: string, fromSeq: number, limit: number): Promise<LedgerRow[]>
  /** Every chain that has a record, by name. */
  listChains(): Promise<LedgerChain[]>
  readDocument(name: string): Promise<Document | undefined>
  /** Writes a document whose version is `expectedVersion` (0: that is not there); false when it is another. */
  writeDocument(name: string, expectedVersion: number, text: string): Promise<boolean>
  /** Does some work while nobody else, in any process, holds the lock of this name; throws store_busy. */
  withLock<Value>(name: string, work: () => Promise<Value>): Promise<Value>
  /** Forgets tokens that expired, and builds without one last heard of, before this moment. */
  prune(before: Date): Promise<void>
  close(): Promise<void>
}

/** What a store can show of all it has, page by page, for moving it to another. */
export type StorePages = {
  /** Tokens in the order of their hashes, after this one. */
  readRequestTokens(afterHash: string, limit: number): Promise<RequestTokenRow[]>
  /** Builds in the order of instance and id, after this one. */
  readBuilds(after: Pick<BuildRow, 'instance' | 'buildId'>, limit: number): Promise<BuildRow[]>
  readDocuments(): Promise<DocumentRow[]>
}

/** Hash that the first record of a ledger continues. */
export const genesisHash = '0'.repeat(64)
