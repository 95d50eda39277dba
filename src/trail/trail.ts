// What happened, as people ask for it: builds, the story of one, who wrote where, how much and when.
// All of it is a read model of the ledger: it can be dropped and made again at any time.
import type { LedgerRecord } from '../audit/event.ts'

/** One page of a list; `next` is the cursor of the page after it, absent on the last. */
export type Page<Item> = { items: Item[]; next?: string }

/** Which page: at most `limit` items (50, 500 at most) after the cursor of the page before. */
export type PageQuery = { limit?: number; after?: string }

/** What became of a build's questions: `asked` is one that has no ID token and no refusal yet. */
export type BuildOutcome = 'asked' | 'allowed' | 'denied' | 'partly'

/** Which build: the name of the CI server and its id there. */
export type BuildKey = { instance: string; id: number }

/** One build and what is counted of it. */
export type TrailBuild = BuildKey & {
  repo: string
  number: number
  event: string
  ref: string
  sha: string
  sourceRepo: string
  sender: string
  trigger: string
  /** Trust class, where it was decided. */
  class?: string
  /** The CI server's newest word on it. */
  status: string
  trace: string
  outcome: BuildOutcome
  firstAt: Date
  lastAt: Date
  /** When its tokens died with it. */
  endedAt?: Date
  /** ID tokens issued. */
  tokens: number
  denials: number
  /** Receipts of its steps: how many, how many of them failed, and what they say they moved. */
  transfers: number
  failures: number
  files: number
  bytes: number
}

/** Which builds, newest first; every field narrows. */
export type BuildQuery = PageQuery & {
  repo?: string
  instance?: string
  outcome?: BuildOutcome
  event?: string
  since?: Date
  until?: Date
  /** Only builds that got a token of this client id. */
  clientId?: string
}

/** Where a record is: the chain of a node and the place in it. */
export type RecordPlace = { node: string; seq: number }

/** One line of the log of events; the record itself is in the ledger. */
export type TrailEvent = {
  record: RecordPlace
  at: Date
  type: string
  decision: 'allow' | 'deny' | 'info'
  /** One sentence for people. */
  sentence: string
  rule?: string
  /** First fault code of a no. */
  reason?: string
  build?: BuildKey & { repo: string; number: number }
}

/** Which events, newest first; every field narrows. */
export type EventQuery = PageQuery & {
  type?: string
  decision?: 'allow' | 'deny' | 'info'
  repo?: string
  rule?: string
  since?: Date
  until?: Date
}

/** A file as a receipt names it. */
export type ReceiptItem = { name: string; etag?: string; bytes: number }

/** What a step says it did; its own word, while tokens are the service's. */
export type TrailReceipt = {
  step?: string
  action: string
  outcome: 'done' | 'failed'
  place: Place & { prefix: string }
  files: number
  bytes: number
  durationMs: number
  /** SHA-256 of the storage access token, lower-case hex: Azure logs it as AuthenticationHash. */
  accessTokenSha256: string[]
  /** Correlation ids of the exchanges at Entra. */
  correlationIds: string[]
  /** What the x-ms-client-request-id of every call of the step begins with. */
  requestIdPrefix?: string
  items: ReceiptItem[]
  /** SHA-256 over all names and ETags, also of those that are not listed. */
  itemsSha256?: string
}

/** One station of a build's story. */
export type StoryItem = {
  at: Date
  /** The event type of the record, as `token.issued`. */
  what: string
  sentence: string
  decision: 'allow' | 'deny' | 'info'
  /** Whose word it is: ours, the CI server's, or the step's own. */
  saidBy: 'service' | 'ci' | 'step'
  record: RecordPlace
  rule?: string
  reasons?: readonly string[]
  runner?: string
  subject?: string
  token?: LedgerRecord['token']
  azure?: { tenant: string; clientId: string }
  receipt?: TrailReceipt
}

/** A build with all that happened to it, in the order of time. */
export type Story = { build: TrailBuild; items: StoryItem[] }

/** A container or share in a storage account. */
export type Place = { account: string; service: 'blob' | 'file'; container: string }

/** An Azure identity and what the ledger knows of its use. */
export type TrailIdentity = {
  tenant: string
  clientId: string
  /** Policy entries that handed it out, and when each did last. */
  rules: { rule: string; tokens: number; builds: number; lastAt: Date }[]
  firstAt: Date
  lastAt: Date
  tokens: number
  /** Builds that got a token; one under two entries counts for both. */
  builds: number
}

/** One transfer into or out of a place, with the build that did it. */
export type TrailTransfer = {
  record: RecordPlace
  at: Date
  build: BuildKey & { repo: string; number: number }
  rule?: string
  step?: string
  action: string
  outcome: 'done' | 'failed'
  place: Place & { prefix: string }
  files: number
  bytes: number
  durationMs: number
}

/** Which transfers: of a place and below a prefix, newest first; `isWriting` leaves out what only read. */
export type WriterQuery = PageQuery & Partial<Place> & { prefix?: string; isWriting?: boolean }

/** A line of a plot: one point for each bucket, also where nothing happened. */
export type Series = { at: Date; value: number }[]

/** Which line: `bucketMs` is a whole number of hours. */
export type SeriesQuery = {
  of: 'tokens' | 'transfers' | 'bytes' | 'denials' | 'builds'
  from: Date
  to: Date
  bucketMs: number
  repo?: string
}

/** How often an entry (or none) said no for a reason, in one bucket of time. */
export type DenialCount = { at: Date; rule: string; reason: string; count: number }

/** What a repository did in a span of time, counted by days (UTC). */
export type RepositoryUse = {
  repo: string
  builds: number
  tokens: number
  denials: number
  transfers: number
  bytes: number
  durationMs: number
}

/** How far the read model has followed a chain, and where the chain ends. */
export type Progress = { node: string; followedTo: number; head: number }

/** All that is counted. */
export type Counts = {
  builds: number
  tokens: number
  denials: number
  transfers: number
  bytes: number
  events: number
}

/** A file in storage that receipts tell of, newest first. */
export type BlobSighting = TrailTransfer & { item: ReceiptItem }

/** The read model; every method rejects with store_unavailable when the database does not answer. */
export type Trail = {
  builds(query: BuildQuery): Promise<Page<TrailBuild>>
  findBuild(
    which: BuildKey | { repo: string; number: number; instance?: string },
  ): Promise<TrailBuild | undefined>
  story(build: BuildKey): Promise<Story | undefined>
  events(query: EventQuery): Promise<Page<TrailEvent>>
  /** Every identity, the one used last first. */
  identities(): Promise<TrailIdentity[]>
  /** Places that receipts tell of. */
  places(): Promise<(Place & { transfers: number; bytes: number; lastAt: Date })[]>
  writersUnder(query: WriterQuery): Promise<Page<TrailTransfer>>
  series(query: SeriesQuery): Promise<Series>
  /** Denials by rule, reason and bucket; buckets without any are left out. */
  denials(query: { from: Date; to: Date; bucketMs: number }): Promise<DenialCount[]>
  /** Repositories by bytes moved, the busiest first. */
  repositories(query: { from: Date; to: Date; limit?: number }): Promise<RepositoryUse[]>
  counts(): Promise<Counts>
  /** Who wrote a file, by its full name in its container. */
  blob(place: Place & { name: string; etag?: string }): Promise<BlobSighting[]>
  /** The build that a token hash, jti, trace id, client request id or correlation id belongs to. */
  findByMark(mark: string): Promise<BuildKey | undefined>
  progress(): Promise<Progress[]>
}
