// Joins the chains: every node writes down, at its start and every minute there is news, where it saw
// the others' chains end. What it saw cannot be cut off any more without being missed.
import { messageOf } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import type { LedgerChain, Store } from '../store/store.ts'
import type { Ledger } from './ledger.ts'

/** Milliseconds between two looks at the other chains. */
export const checkpointEveryMs = 60_000

/** Looks at the other chains now; resolves when what is new of them is on record. */
export type WriteCheckpoint = () => Promise<void>

/** A writer of checkpoints for one node; what goes wrong is logged, and tried again the next time. */
export function createCheckpoints(
  deps: { store: Pick<Store, 'listChains' | 'readLedger'>; ledger: Ledger; log: Log },
  node: string,
): WriteCheckpoint {
  let last: ReadonlyMap<string, LedgerChain> = new Map()
  return async () => {
    try {
      const chains = await deps.store.listChains()
      const others = chains.filter((chain) => chain.node !== node)
      for (const { node: other, seq } of last.values()) {
        if (others.some((chain) => chain.node === other && chain.seq >= seq)) continue
        const about = { code: 'audit_chain_broken', node: other, seq }
        deps.log.error(about, `the ledger of ${other} had a record ${seq}, and it is gone`)
      }
      const news = await Promise.all(
        others.map((chain) => isNews(deps.store, last.get(chain.node)?.seq ?? 0, chain)),
      )
      const heads = others.filter((_, index) => news[index])
      if (heads.length === 0) return
      await deps.ledger.append({ type: 'ledger.checkpoint', decision: 'info', heads })
      last = new Map([...last, ...heads.map((head) => [head.node, head] as const)])
    } catch (error) {
      deps.log.error({ error: messageOf(error) }, 'the ledger checkpoint could not be written')
    }
  }
}

// Longest run of records that is looked through.
const glance = 16

// Checkpoints about checkpoints would go to and fro for ever while nothing happens.
async function isNews(
  store: Pick<Store, 'readLedger'>,
  knownSeq: number,
  { node, seq }: LedgerChain,
): Promise<boolean> {
  if (seq <= knownSeq) return false
  if (seq > knownSeq + glance) return true
  const rows = await store.readLedger(node, knownSeq + 1, glance)
  return rows.some(({ record }) => !record.includes('"type":"ledger.checkpoint"'))
}
