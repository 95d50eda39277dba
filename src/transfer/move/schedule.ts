// Runs many transfers at once: small ones one after the other as slots become free, big ones, the
// biggest first, as many side by side as keep their parts on the wire.
import { Fault } from '../../core/fault.ts'
import { type Halt, Halted } from './halt.ts'
import type { Release, Slots } from './slots.ts'

/** One file that failed by itself. */
export type Failure = { name: string; fault: Fault }

/** What a run of many items came to; `notDone` were not begun or not finished because another failed. */
export type RunResult = { done: number; failures: Failure[]; notDone: number }

/** How one kind of item is transferred. */
export type Work<Item> = {
  nameOf: (item: Item) => string
  /** What an item needs: one slot of these bytes, or slots that it takes itself for so many parts. */
  needOf: (item: Item) => Need
  transfer: (item: Item) => Promise<void>
}

/** Memory and wire bytes of one request, or the number of requests of a big item. */
export type Need = { memoryBytes: number; wireBytes: number } | { parts: number }

// Parts of files that are open at once: enough to hide the end of one file behind the start of others.
const openParts = 96
const openPartsOfOne = 32

/** Transfers all items; the first failure starts nothing more. A defect (no Fault) is thrown. */
export async function runAll<Item>(
  { slots, halt }: { slots: Slots; halt: Halt },
  items: readonly Item[],
  work: Work<Item>,
): Promise<RunResult> {
  const result: RunResult = { done: 0, failures: [], notDone: 0 }
  const defects: unknown[] = []
  const attempt = async (item: Item) => {
    try {
      await work.transfer(item)
      result.done += 1
    } catch (error) {
      if (error instanceof Fault) result.failures.push({ name: work.nameOf(item), fault: error })
      else if (!(error instanceof Halted)) defects.push(error)
      halt.stop()
    }
  }
  const big: { item: Item; parts: number }[] = []
  for (const item of items) {
    const need = work.needOf(item)
    if ('parts' in need) big.push({ item, parts: need.parts })
  }
  big.sort((a, b) => b.parts - a.parts)
  await Promise.all([
    big.length > 0 && runBig(halt, big, attempt),
    big.length < items.length && runSmall({ slots, halt }, items, work, attempt),
  ])
  if (defects.length > 0) throw defects[0]
  result.notDone = items.length - result.done - result.failures.length
  return result
}

async function runBig<Item>(
  halt: Halt,
  items: readonly { item: Item; parts: number }[],
  attempt: (item: Item) => Promise<void>,
): Promise<void> {
  const underway: Promise<void>[] = []
  let open = 0
  let wake: () => void = () => undefined
  const isRoomFor = (share: number) => open === 0 || open + share <= openParts
  const run = async (item: Item, share: number) => {
    await attempt(item)
    open -= share
    wake()
  }
  for (const { item, parts } of items) {
    const share = Math.min(parts, openPartsOfOne)
    if (!isRoomFor(share)) {
      await new Promise<void>((resolve) => {
        wake = () => {
          if (isRoomFor(share)) resolve()
        }
      })
    }
    if (halt.stopping.aborted) break
    open += share
    underway.push(run(item, share))
  }
  await Promise.all(underway)
}

async function runSmall<Item>(
  { slots, halt }: { slots: Slots; halt: Halt },
  items: readonly Item[],
  work: Work<Item>,
  attempt: (item: Item) => Promise<void>,
): Promise<void> {
  let underway = 0
  const ended = Promise.withResolvers<void>()
  let isAllBegun = false
  // `attempt` never fails, so neither does this.
  const run = async (item: Item, release: Release) => {
    await attempt(item)
    release()
    underway -= 1
    if (isAllBegun && underway === 0) ended.resolve()
  }
  for (const item of items) {
    const need = work.needOf(item)
    if ('parts' in need) continue
    const release = await slots.take(need.memoryBytes, need.wireBytes)
    if (halt.stopping.aborted) {
      release()
      break
    }
    underway += 1
    void run(item, release)
  }
  isAllBegun = true
  if (underway > 0) await ended.promise
}
