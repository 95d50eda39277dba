// Follows the chains of the ledger, batch by batch, into the tables of the read model. Each batch is one
// transaction with the place it ends at, so a record counts once, however often a process is killed and
// however many replicas follow.
import type { LedgerChain, Store } from '../store/store.ts'
import type { TrailTables } from '../store/trail-tables.ts'
import { project, trailForm } from './project.ts'
import type { Progress } from './trail.ts'

/** What following needs; `pause` lets others have the thread between two batches. */
export type FollowDeps = {
  store: Pick<Store, 'readLedger' | 'listChains'> & TrailTables
  pause: () => Promise<void>
}

// Records in a batch: few, so that nobody waits long for the thread; more where much is to be made up for,
// since pages that many records share are then written once.
const usualBatch = 200
const largeBatch = 1000
const farBehind = 5000

/** Brings the read model up to the ends of all chains; gives how many records were new. */
export async function follow(deps: FollowDeps, batchSize?: number): Promise<number> {
  const { store, pause } = deps
  // A newer release beside this one has made the tables its own.
  if (!(await store.openTrail(trailForm))) return 0
  let count = 0
  for (const { node, followedTo, head } of await readProgress(store)) {
    if (followedTo > head) {
      // A copy of yesterday was put in place: what is known of today is not so.
      await store.clearTrail()
      return count + (await follow(deps, batchSize))
    }
    let from = followedTo
    while (from < head) {
      const size = batchSize ?? (head - from > farBehind ? largeBatch : usualBatch)
      const rows = await store.readLedger(node, from + 1, size)
      const to = rows.at(-1)?.seq
      if (to === undefined) break
      const batch = { form: trailForm, node, from, to, parts: project(node, rows) }
      // Another replica was faster, and goes on.
      if (!(await store.writeTrail(batch))) break
      from = to
      count += rows.length
      await pause()
    }
  }
  return count
}

/** How far each chain was followed, and where it ends. */
export async function readProgress(
  store: Pick<Store, 'listChains'> & Pick<TrailTables, 'selectTrail'>,
): Promise<Progress[]> {
  // The cursors first: a chain that grows meanwhile is further than its cursor, not the other way round.
  const cursors = await store.selectTrail("SELECT node, seq FROM trail_cursor WHERE node <> ''")
  const followed = new Map(cursors.map((row) => [String(row['node']), Number(row['seq'])]))
  const chains: LedgerChain[] = await store.listChains()
  return chains.map(({ node, seq }) => ({ node, followedTo: followed.get(node) ?? 0, head: seq }))
}

/** Follows once at a time: who asks while it is done waits for the one after. */
export function createFollower(deps: FollowDeps): () => Promise<number> {
  let underway: Promise<number> | undefined
  let next: Promise<number> | undefined
  const start = (): Promise<number> => {
    underway = follow(deps).finally(() => {
      underway = undefined
    })
    return underway
  }
  return () => {
    if (!underway) return start()
    next ??= underway
      .catch(() => 0)
      .then(() => {
        next = undefined
        return start()
      })
    return next
  }
}
