// Moves closed segments that are old enough from the store to the archive: verified, written, read again,
// and only then removed, in the transaction that puts the removal on record.
import type { Store } from '../store/store.ts'
import { writeSegment } from './archive.ts'
import { createChainVerifier } from './chain-verifier.ts'
import { readRecord } from './chain.ts'
import type { LedgerRecord } from './event.ts'
import type { OpenLedger } from './ledger.ts'
import { findBeginning, type KeysOf } from './verify.ts'

/** What is archived: a node's segments that were closed so many days ago. */
export type Retention = { node: string; folder: string; keepDays: number }

/** A segment that was moved. */
export type Archived = { first: number; last: number; file: string }

type Deps = {
  store: Pick<Store, 'readLedger' | 'withLock'>
  ledger: Pick<OpenLedger, 'append'>
  now: () => Date
  keysOf: KeysOf
}

const dayMs = 24 * 3600 * 1000
const pageSize = 1000

/** Archives what is due; resolves to it. Rejects with audit_chain_broken, audit_archive_failed or store_*. */
export async function archiveSegments(deps: Deps, retention: Retention): Promise<Archived[]> {
  return deps.store.withLock('ledger-archive', async () => {
    const archived: Archived[] = []
    for (;;) {
      const done = await archiveOldest(deps, retention)
      if (!done) return archived
      archived.push(done)
    }
  })
}

async function archiveOldest(
  { store, ledger, now, keysOf }: Deps,
  { node, folder, keepDays }: Retention,
): Promise<Archived | undefined> {
  const before = new Date(now().getTime() - keepDays * dayMs).toISOString()
  const [first] = await store.readLedger(node, 1, 1)
  if (!first || (readRecord(first)?.ts ?? before) >= before) return undefined
  const keys = keysOf(node)
  const beginning = await findBeginning(store, node, keys)
  const verifier = createChainVerifier(node, keys, beginning)
  const readAt = async (seq: number) => (await store.readLedger(node, seq, 1))[0]
  const rows = []
  for (let from = first.seq; ;) {
    const page = await store.readLedger(node, from, pageSize)
    await verifier.take(page, readAt)
    rows.push(...page)
    for (const row of page) {
      const closing = readClosing(row, first.seq)
      if (!closing?.segment || !closing.checkpoint) continue
      if (closing.ts >= before) return undefined
      const { last } = closing.segment
      const segment = { node, first: first.seq, last }
      const file = await writeSegment(folder, {
        segment,
        ...(beginning.last && { begin: beginning.last.reference }),
        end: closing.checkpoint,
        rows: rows.filter(({ seq }) => seq <= last),
      })
      const event = { type: 'ledger.archived', decision: 'info' } as const
      await ledger.append({ ...event, segment: { ...segment, file } }, { node, through: last })
      return { first: first.seq, last, file }
    }
    if (page.length < pageSize) return undefined
    from += page.length
  }
}

function readClosing(row: { record: string }, first: number): LedgerRecord | undefined {
  if (!row.record.includes('"type":"ledger.closed"')) return undefined
  const record = readRecord(row)
  return record?.segment && record.segment.last >= first ? record : undefined
}
