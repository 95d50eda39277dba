// One scheduler for everything on the wire: so many connections and so many bytes in memory at once.
// Waiting is first come, first served, so small files and the blocks of big ones take turns.
import { Fault } from '../core/fault.ts'
import { type Halt, Halted } from './halt.ts'

/** The right to one connection and some bytes of memory; calling it gives both back. */
export type Release = () => void

/** Hands out connections and bytes. */
export type Slots = { take: (sizeBytes: number) => Promise<Release> }

/** What a run of many files came to. */
export type Outcome = {
  files: number
  bytes: number
  failures: { name: string; fault: Fault }[]
  /** Files that were not begun or not finished because another one failed. */
  notDone: number
}

/** How one kind of item is transferred. */
export type Work<Item> = {
  nameOf: (item: Item) => string
  /** Memory the item holds while it runs; undefined for a big one that takes its slots itself. */
  costOf: (item: Item) => number | undefined
  /** Moves one item and gives the bytes moved. */
  transfer: (item: Item) => Promise<number>
}

// Big files open at once: enough to hide the end of one behind the start of the next.
const bigAtOnce = 3

/** Slots for `connections` at a time that hold at most `bytes`; one alone may be longer. */
export function createSlots(limits: { connections: number; bytes: number }): Slots {
  const waiting: { cost: number; start: (release: Release) => void }[] = []
  let connections = limits.connections
  let bytes = limits.bytes

  const serve = () => {
    for (let first = waiting[0]; first; first = waiting[0]) {
      if (connections < 1 || bytes < first.cost) return
      waiting.shift()
      connections -= 1
      bytes -= first.cost
      first.start(releaseOf(first.cost))
    }
  }
  const releaseOf = (cost: number) => {
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      connections += 1
      bytes += cost
      serve()
    }
  }
  return {
    take: (sizeBytes) => {
      const { promise, resolve } = Promise.withResolvers<Release>()
      waiting.push({ cost: Math.min(sizeBytes, limits.bytes), start: resolve })
      serve()
      return promise
    },
  }
}

/** Transfers all items; the first failure starts nothing more. A defect (no Fault) is thrown. */
export async function runAll<Item>(
  { slots, halt }: { slots: Slots; halt: Halt },
  items: readonly Item[],
  work: Work<Item>,
): Promise<Outcome> {
  const outcome: Outcome = { files: 0, bytes: 0, failures: [], notDone: 0 }
  const defects: unknown[] = []
  const attempt = async (item: Item) => {
    try {
      const bytes = await work.transfer(item)
      outcome.bytes += bytes
      outcome.files += 1
    } catch (error) {
      if (error instanceof Fault) outcome.failures.push({ name: work.nameOf(item), fault: error })
      else if (!(error instanceof Halted)) defects.push(error)
      halt.stop()
    }
  }
  // The lanes share one iterator, so each big file is taken once.
  const big = items.filter((item) => work.costOf(item) === undefined).values()
  const lanes = Array.from({ length: bigAtOnce }, () => runBig(halt, big, attempt))
  await Promise.all([runSmall({ slots, halt }, items, work, attempt), ...lanes])
  if (defects.length > 0) throw defects[0]
  outcome.notDone = items.length - outcome.files - outcome.failures.length
  return outcome
}

async function runBig<Item>(
  halt: Halt,
  items: Iterable<Item>,
  attempt: (item: Item) => Promise<void>,
): Promise<void> {
  for (const item of items) {
    if (halt.stopping.aborted) return
    await attempt(item)
  }
}

async function runSmall<Item>(
  { slots, halt }: { slots: Slots; halt: Halt },
  items: readonly Item[],
  work: Work<Item>,
  attempt: (item: Item) => Promise<void>,
): Promise<void> {
  const underway = new Set<Promise<void>>()
  for (const item of items) {
    const cost = work.costOf(item)
    if (cost === undefined) continue
    const release = await slots.take(cost)
    if (halt.stopping.aborted) {
      release()
      break
    }
    const task = attempt(item).finally(() => {
      release()
      underway.delete(task)
    })
    underway.add(task)
  }
  await Promise.all(underway)
}
