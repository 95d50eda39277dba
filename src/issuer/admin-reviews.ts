// Reviews of trust: recorded in the ledger, by whichever replica, and nowhere else, and asked for when the last one is over
// thirty days old, because trust that nobody looks at is trust that drifts.
import type { LedgerRecord } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import type { Log } from '../core/log.ts'
import type { Store } from '../store/store.ts'
import type { RecordedReview, Review } from '../trust/admin-api.ts'

/** Days after which another review is due. */
export const reviewEveryDays = 30

/** The reviews of this installation. */
export type Reviews = {
  /** The newest one, and undefined when there was none; throws store_unavailable. */
  last: () => Promise<RecordedReview | undefined>
  /** Writes one down; throws audit_unavailable. */
  record: (review: Review, admin: string) => Promise<RecordedReview>
  /** Seconds since the newest one as far as the ledger was read, or since the ledger began. */
  ageSeconds: () => number
  /** One sentence when another review is due. */
  notes: () => readonly string[]
}

const pageSize = 1000
const secondsOfDay = 24 * 3600

/** Reads the ledger once and then only what is new in it. */
export async function openReviews(deps: {
  now: () => Date
  store: Reading
  ledger: Ledger
}): Promise<Reviews> {
  const { now, store, ledger } = deps
  const state: State = { readTo: new Map(), since: now(), newest: undefined }
  await readOn(store, state)
  const ageSeconds = () => Math.max(0, (now().getTime() - state.since.getTime()) / 1000)
  return {
    last: async () => {
      await readOn(store, state)
      return state.newest?.review
    },
    record: async (review, admin) => {
      const { at, tenantId, policySha256, reportSha256, ...counts } = review
      await ledger.append({
        type: 'trust.reviewed',
        decision: 'info',
        policy_sha256: policySha256,
        review: { at, tenant: tenantId, report_sha256: reportSha256, ...counts },
        caller: { door: 'admin', admin },
      })
      await readOn(store, state)
      return { ...review, by: admin }
    },
    ageSeconds,
    notes: () => {
      const days = Math.floor(ageSeconds() / secondsOfDay)
      if (days < reviewEveryDays) return []
      const what = state.newest ? `was ${days} days ago` : `has been due for ${days} days`
      return [`The last review of trust ${what}: run \`azure-storage-drone trust review\`.`]
    },
  }
}

/** Says in the log that a review is due, if it is; to be called once a day. Never rejects. */
export async function remindOfReview({
  log,
  reviews,
}: {
  log: Log
  reviews: Reviews
}): Promise<void> {
  try {
    await reviews.last()
  } catch (error) {
    log.error({ error: String(error) }, 'the last review could not be looked up')
  }
  for (const note of reviews.notes()) log.warn({ code: 'trust_review_due' }, note)
}

type Reading = Pick<Store, 'readLedger' | 'listChains'>

type State = {
  /** Last record that was read, by chain. */
  readTo: Map<string, number>
  since: Date
  /** The newest review and when it was recorded, in milliseconds. */
  newest: { review: RecordedReview; recordedAt: number } | undefined
}

async function readOn(store: Reading, state: State): Promise<void> {
  for (const { node } of await store.listChains()) await readChain(store, state, node)
}

async function readChain(store: Reading, state: State, node: string): Promise<void> {
  for (;;) {
    const readTo = state.readTo.get(node) ?? 0
    const rows = await store.readLedger(node, readTo + 1, pageSize)
    for (const { seq, record } of rows) {
      // Two readers at once see the same rows; what is behind is behind.
      if (seq <= (state.readTo.get(node) ?? 0)) continue
      state.readTo.set(node, seq)
      if (seq > 1 && !record.includes('"trust.reviewed"')) continue
      take(state, JSON.parse(record) as LedgerRecord)
    }
    if (rows.length < pageSize) return
  }
}

function take(state: State, { seq, ts, type, review, caller, ...record }: LedgerRecord): void {
  const recordedAt = Date.parse(ts)
  // The ledger began with the oldest chain.
  if (seq === 1 && !state.newest) state.since = earlier(state.since, recordedAt)
  if (type !== 'trust.reviewed' || !review) return
  if (state.newest && state.newest.recordedAt > recordedAt) return
  const { at, tenant, report_sha256: reportSha256, ...counts } = review
  state.newest = {
    recordedAt,
    review: {
      at,
      tenantId: tenant,
      policySha256: record.policy_sha256 ?? '',
      reportSha256,
      ...counts,
      by: caller?.admin ?? '',
    },
  }
  // Whoever recorded it may have done so later, and not earlier.
  state.since = earlier(new Date(at), recordedAt)
}

function earlier(one: Date, other: number): Date {
  return new Date(Math.min(one.getTime(), other))
}
