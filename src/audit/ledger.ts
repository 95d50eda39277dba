// Writes events into the chain, durably, before the thing they permit happens. When that cannot be
// done the caller must refuse: audit_unavailable.
import { Fault, messageOf } from '../core/fault.ts'
import { genesisHash, type LedgerHead, type LedgerRow, type Store } from '../store/store.ts'
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
  let waiting: Waiting[] = []
  let isScheduled = false
  let isBusy = false

  // Group commit: waiting for the disk is most of the price of a record. A lone record is written in
  // this turn of the event loop; when the one before it was not alone, company is waited for.
  const schedule = () => {
    isScheduled = true
    if (isBusy) setTimeout(() => void flush(), lingerMs)
    else setImmediate(() => void flush())
  }
  const flush = async () => {
    const batch = waiting
    waiting = []
    await write(batch)
    isBusy = batch.length > 1 || waiting.length > 0
    isScheduled = false
    if (waiting.length > 0) schedule()
  }
  const write = async (batch: readonly Waiting[]) => {
    let sealed: { waiting: Waiting; record: LedgerRecord }[] = []
    try {
      await store.appendLedger((head) => {
        sealed = sealAll(head, batch, { node, ts: now().toISOString() })
        return sealed.map(({ record }) => toRow(record))
      })
    } catch (cause) {
      for (const each of batch) each.reject(unavailable(cause))
      return
    }
    for (const { waiting: each, record } of sealed) each.resolve(record)
  }
  return {
    append: (event) =>
      new Promise((resolve, reject) => {
        waiting.push({ event, resolve, reject })
        if (!isScheduled) schedule()
      }),
  }
}

// Longest wait for company, in milliseconds: little beside the signature it permits.
const lingerMs = 1

type Waiting = {
  event: LedgerEvent
  resolve: (record: LedgerRecord) => void
  reject: (error: Fault) => void
}

// An event that cannot be sealed is refused alone; the others of its batch must not suffer.
function sealAll(
  head: LedgerHead,
  batch: readonly Waiting[],
  { node, ts }: { node: string; ts: string },
): { waiting: Waiting; record: LedgerRecord }[] {
  const sealed: { waiting: Waiting; record: LedgerRecord }[] = []
  let { seq, hash: prev } = head
  for (const waiting of batch) {
    try {
      const record = seal({ seq: seq + 1, prev, node, ts }, waiting.event)
      sealed.push({ waiting, record })
      seq = record.seq
      prev = record.hash
    } catch (cause) {
      waiting.reject(unavailable(cause))
    }
  }
  return sealed
}

function toRow(record: LedgerRecord): LedgerRow {
  return { seq: record.seq, hash: record.hash, record: JSON.stringify(record) }
}

function unavailable(cause: unknown): Fault {
  const sentence = `The ledger cannot be written: ${messageOf(cause)}`
  return new Fault('audit_unavailable', sentence, { cause })
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
