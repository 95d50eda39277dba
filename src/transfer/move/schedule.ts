// Runs many transfers at once: small ones one after the other as slots become free, big ones, the
// biggest first, as many side by side as keep their parts on the wire.
import { Fault } from '../../core/fault.ts'
import { type Halt, Halted } from './halt.ts'
import type { Slots } from './slots.ts'

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
  // Never fails.
  const attempt = async (item: Item, after: () => void) => {
    try {
      await work.transfer(item)
      result.done += 1
    } catch (error) {
      if (error instanceof Fault) result.failures.push({ name: work.nameOf(item), fault: error })
      else if (!(error instanceof Halted)) defects.push(error)
      halt.stop()
    }
    after()
  }
  const big: Big<Item>[] = []
  for (const item of items) {
    const need = work.needOf(item)
    if ('parts' in need) big.push({ item, parts: need.parts })
  }
  big.sort((a, b) => b.parts - a.parts)
  await Promise.all([runBig(halt, big, attempt), runSmall({ slots, halt }, items, work, attempt)])
  if (defects.length > 0) throw defects[0]
  result.notDone = items.length - result.done - result.failures.length
  return result
}

type Attempt<Item> = (item: Item, after: () => void) => Promise<void>
type Big<Item> = { item: Item; parts: number }

async function runBig<Item>(
  halt: Halt,
  items: readonly Big<Item>[],
  attempt: Attempt<Item>,
): Promise<void> {
  const underway: Promise<void>[] = []
  let open = 0
  let wake: () => void = () => undefined
  const isRoomFor = (share: number) => open === 0 || open + share <= openParts
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
    const end = () => {
      open -= share
      wake()
    }
    underway.push(attempt(item, end))
  }
  await Promise.all(underway)
}

async function runSmall<Item>(
  { slots, halt }: { slots: Slots; halt: Halt },
  items: readonly Item[],
  { needOf }: Work<Item>,
  attempt: Attempt<Item>,
): Promise<void> {
  let underway = 0
  const ended = Promise.withResolvers<void>()
  let isAllBegun = false
  for (const item of items) {
    const need = needOf(item)
    if ('parts' in need) continue
    const release = await slots.take(need.memoryBytes, need.wireBytes)
    if (halt.stopping.aborted) {
      release()
      break
    }
    underway += 1
    void attempt(item, () => {
      release()
      underway -= 1
      if (isAllBegun && underway === 0) ended.resolve()
    })
  }
  isAllBegun = true
  if (underway > 0) await ended.promise
}
