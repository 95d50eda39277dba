// Writes events into the chain, durably, before the thing they permit happens. When that cannot be
// done the caller must refuse: audit_unavailable.
import { Fault, messageOf } from '../core/fault.ts'
import type { LedgerDrop, LedgerHead, LedgerRow, Store } from '../store/store.ts'
import { sealRow } from './chain.ts'
import type { LedgerEvent, LedgerRecord } from './event.ts'

/** The ledger as the issuer sees it. */
export type Ledger = {
  /** Resolves when the record is on disk; rejects with audit_unavailable. */
  append(event: LedgerEvent): Promise<LedgerRecord>
}

/** A ledger that can tell whether it could be written. */
export type OpenLedger = {
  /** As a `Ledger`; with `drop`, a node's oldest records go in the same transaction, and the event says so. */
  append(event: LedgerEvent, drop?: LedgerDrop): Promise<LedgerRecord>
  /** Does all that writing a record takes, and writes none; rejects with audit_unavailable. */
  check(): Promise<void>
}

/** A ledger over the store, written in the name of one node and in its chain. */
export function createLedger(
  { store, now }: { store: Pick<Store, 'appendLedger'>; now: () => Date },
  node: string,
): OpenLedger {
  const ends = createEndGuard(node)
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
    let sealed: Sealed[] = []
    try {
      await store.appendLedger(
        node,
        (head) => {
          ends.check(head)
          sealed = sealAll(head, batch, { node, ts: now().toISOString() })
          ends.expect(sealed.at(-1)?.record ?? head)
          return sealed.map(({ row }) => row)
        },
        batch.find(({ drop }) => drop)?.drop,
      )
      const last = sealed.at(-1)
      if (last) ends.know(last.record)
    } catch (cause) {
      for (const each of batch) each.reject(unavailable(cause))
      return
    }
    for (const { waiting: each, record } of sealed) each.resolve(record)
  }
  return {
    append: (event, drop) =>
      new Promise((resolve, reject) => {
        waiting.push({ event, drop, resolve, reject })
        if (!isScheduled) schedule()
      }),
    check: async () => {
      try {
        await store.appendLedger(node, (head) => {
          ends.check(head)
          return []
        })
      } catch (cause) {
        throw unavailable(cause)
      }
    },
  }
}

// A chain has one writer. Where it ends is known from the first record on; an end that nobody here
// made is another process of the same name, or a chain that was cut, and neither may be continued. Of
// a record whose writing failed it is not known whether it is there.
function createEndGuard(node: string) {
  let possible: Set<string> | undefined
  return {
    check: ({ seq, hash }: LedgerHead) => {
      if (possible && !possible.has(hash)) {
        throw new Error(
          `the chain of ${node} ends at record ${seq}, which this process did not write. Does another replica have the same \`node\`? After that was corrected, restart this one`,
        )
      }
    },
    expect: ({ hash }: Pick<LedgerHead, 'hash'>) => possible?.add(hash),
    know: ({ hash }: Pick<LedgerHead, 'hash'>) => {
      possible = new Set([hash])
    },
  }
}

// Longest wait for company, in milliseconds: little beside the signature it permits.
const lingerMs = 1

type Sealed = { waiting: Waiting; record: LedgerRecord; row: LedgerRow }

type Waiting = {
  event: LedgerEvent
  drop: LedgerDrop | undefined
  resolve: (record: LedgerRecord) => void
  reject: (error: Fault) => void
}

// An event that cannot be sealed is refused alone; the others of its batch must not suffer.
function sealAll(
  head: LedgerHead,
  batch: readonly Waiting[],
  { node, ts }: { node: string; ts: string },
): Sealed[] {
  const sealed: Sealed[] = []
  let { seq, hash: prev } = head
  for (const waiting of batch) {
    try {
      const { record, row } = sealRow({ seq: seq + 1, prev, node, ts }, waiting.event)
      sealed.push({ waiting, record, row })
      seq = record.seq
      prev = record.hash
    } catch (cause) {
      waiting.reject(unavailable(cause))
    }
  }
  return sealed
}

function unavailable(cause: unknown): Fault {
  const sentence = `The ledger cannot be written: ${messageOf(cause)}`
  return new Fault('audit_unavailable', sentence, { cause })
}
