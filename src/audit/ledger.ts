// Writes events into the chain, durably, before the thing they permit happens. When that cannot be
// done the caller must refuse: audit_unavailable.
import { Fault, messageOf } from '../core/fault.ts'
import { genesisHash, type LedgerRow, type Store } from '../store/store.ts'
import { seal, verifyChain } from './chain.ts'
import type { LedgerEvent, LedgerRecord } from './event.ts'

/** The ledger as the issuer sees it. */
export type Ledger = {
  /** Resolves when the record is on disk; rejects with audit_unavailable. */
  append(event: LedgerEvent): Promise<LedgerRecord>
}

/** A ledger over the store, written in the name of one node. */
export function createLedger(
  { store, now }: { store: Pick<Store, 'appendLedger'>; now: () => Date },
  node: string,
): Ledger {
  return {
    append: async (event) => {
      let record: LedgerRecord | undefined
      try {
        await store.appendLedger((head) => {
          const place = { seq: head.seq + 1, prev: head.hash, node, ts: now().toISOString() }
          record = seal(place, event)
          return { seq: record.seq, hash: record.hash, record: JSON.stringify(record) }
        })
      } catch (cause) {
        throw new Fault('audit_unavailable', `The ledger cannot be written: ${messageOf(cause)}`, {
          cause,
        })
      }
      return record as LedgerRecord
    },
  }
}

const pageSize = 1000

/** Reads and checks the whole chain; the number of records and the last hash, or audit_chain_broken. */
export async function verifyLedger(
  store: Pick<Store, 'readLedger'>,
): Promise<{ count: number; head: string }> {
  let head = genesisHash
  let count = 0
  for (;;) {
    const rows = await store.readLedger(count + 1, pageSize)
    head = verifyChain(
      head,
      rows.map((row) => readRow(row)),
      count + 1,
    )
    count += rows.length
    if (rows.length < pageSize) return { count, head }
  }
}

// The columns are what the next record continues, so they are held to the record's own words.
// Anything else is no record at all, and the chain says in which place.
function readRow({ seq, hash, record }: LedgerRow): LedgerRecord | undefined {
  try {
    const read = JSON.parse(record) as LedgerRecord
    // Written again it must be the same text: of a doubled key another reader may see the other value.
    const isOurs = read.seq === seq && read.hash === hash && JSON.stringify(read) === record
    return isOurs ? read : undefined
  } catch {
    return undefined
  }
}
