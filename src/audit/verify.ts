// Verifies the whole ledger: every chain from its first record, and that each chain still has what
// the checkpoints of the others say they saw of it. So a tail that was cut off one is found in another.
import { genesisHash, type LedgerChain, type LedgerRow, type Store } from '../store/store.ts'
import { brokenAt, verifyChain } from './chain.ts'
import type { LedgerRecord } from './event.ts'

/** What verifying read: all records, and where each chain ended. */
export type Verified = { count: number; chains: LedgerChain[] }

type Reading = Pick<Store, 'readLedger' | 'listChains'>

const pageSize = 1000

/** Reads and checks all chains, also while they grow; throws audit_chain_broken. */
export async function verifyLedger(store: Reading): Promise<Verified> {
  const seen = new Map<string, Sighting>()
  const chains: LedgerChain[] = []
  const listed = await store.listChains()
  for (const { node } of listed) chains.push(await verifyOne(store, node, seen))
  for (const sighting of seen.values()) await checkSighting(store, sighting)
  return { count: chains.reduce((sum, { seq }) => sum + seq, 0), chains }
}

// What one node saw of another's chain.
type Sighting = LedgerChain & { by: string; at: string }

async function verifyOne(
  store: Reading,
  node: string,
  seen: Map<string, Sighting>,
): Promise<LedgerChain> {
  const name = `The ledger of ${node}`
  let hash = genesisHash
  let seq = 0
  let isOwn = false
  for (;;) {
    const rows = await store.readLedger(node, seq + 1, pageSize)
    const records = rows.map((row) => readRow(row))
    hash = verifyChain(hash, records, seq + 1, name)
    for (const record of records) {
      if (!record) continue
      // Before there was a chain for each node, a renamed node went on with the one there was.
      if (isOwn && record.node !== node) {
        throw brokenAt(name, record.seq, `it was written by ${record.node}`)
      }
      isOwn ||= record.node === node
      collectSightings(record, seen)
    }
    seq += rows.length
    if (rows.length < pageSize) break
  }
  if (seq > 0 && !isOwn) throw brokenAt(name, seq, `no record of it was written by ${node}`)
  return { node, seq, hash }
}

function collectSightings(record: LedgerRecord, seen: Map<string, Sighting>): void {
  if (record.type !== 'ledger.checkpoint') return
  for (const head of record.heads ?? []) {
    // Two that saw different things at one place are both kept; one of them will be wrong.
    const key = `${head.node} ${head.seq} ${head.hash}`
    if (!seen.has(key)) seen.set(key, { ...head, by: record.node, at: record.ts })
  }
}

async function checkSighting(store: Reading, { node, seq, hash, by, at }: Sighting): Promise<void> {
  const [row] = await store.readLedger(node, seq, 1)
  if (row?.seq === seq && row.hash === hash) return
  const what = row?.seq === seq ? 'another one there' : 'it'
  throw brokenAt(`The ledger of ${node}`, seq, `${by} saw ${what} at ${at}, and it is gone`)
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
