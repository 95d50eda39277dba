// A signed history of one node, small enough to be tampered with a thousand times, and readers over rows
// in memory as an intruder left them.
import { openSqliteStore } from '../store/sqlite.ts'
import type { LedgerRow } from '../store/store.ts'
import { createChainVerifier, wholeChain } from './chain-verifier.ts'
import { createCheckpoints, type WriteCheckpoint } from './checkpoint.ts'
import type { LedgerEvent } from './event.ts'
import { openKeyring, type Keyring } from './keyring.ts'
import { createLedger, type OpenLedger } from './ledger.ts'
import type { LedgerSource } from './verify.ts'

/** A ledger under way. */
export type Stage = {
  store: ReturnType<typeof openSqliteStore>
  ledger: OpenLedger
  keyring: Keyring
  checkpoint: WriteCheckpoint
  /** Notes as they were anchored. */
  notes: string[]
  lines: string[]
}

/** A key place in memory. */
export function memoryPlace() {
  let kept: { version: string; text: string } | undefined
  return {
    name: 'in memory',
    read: async () => kept,
    write: async (_: string, text: string) => {
      kept = { version: `${Number(kept?.version ?? 0) + 1}`, text }
    },
    locked: <Value>(work: () => Promise<Value>) => work(),
  }
}

/** A ledger with its key and its checkpoints. */
export async function createStage({
  node = 'node-1',
  segmentRecords = 1_000_000,
  now = () => new Date('2026-11-23T12:00:00.123Z'),
}: {
  node?: string
  segmentRecords?: number
  now?: () => Date
} = {}): Promise<Stage> {
  const store = openSqliteStore(':memory:')
  const ledger = createLedger({ store, now }, node)
  const keyring = await openKeyring({ now, place: memoryPlace() }, node)
  const notes: string[] = []
  const lines: string[] = []
  const say = (fields: Record<string, unknown>) => void lines.push(JSON.stringify(fields))
  const verifier = createChainVerifier(node, keyring.keys(), wholeChain)
  const anchor = async (note: string) => void notes.push(note)
  const signing = { now, verifier, keyring, anchor, segmentRecords }
  const log = { info: say, warn: say, error: say }
  const checkpoint = createCheckpoints({ store, ledger, log, signing }, node)
  return { store, ledger, keyring, checkpoint, notes, lines }
}

/** An event of some build. */
export function someEvent(index: number): LedgerEvent {
  return {
    type: index % 3 === 0 ? 'token.denied' : 'token.issued',
    decision: index % 3 === 0 ? 'deny' : 'allow',
    rule: 'artifacts',
    detail: `record é ${index}`,
    trace: String(index % 7).padStart(32, '0'),
    token: { kind: 'id', jti: `jti-${index}`, exp: 1_795_000_000 + index },
  }
}

/** Rows in memory as a source of one chain. */
export function sourceOf(rows: readonly LedgerRow[], node = 'node-1'): LedgerSource {
  const sorted = rows.toSorted((one, other) => one.seq - other.seq)
  const end = sorted.at(-1)
  return {
    listChains: async () => (end ? [{ node, seq: end.seq, hash: end.hash }] : []),
    readLedger: async (name, fromSeq, limit) => {
      if (name !== node) return []
      const first = sorted.findIndex(({ seq }) => seq >= fromSeq)
      return first < 0 ? [] : sorted.slice(first, first + limit)
    },
  }
}
