// Notices when nothing moves any more: single reads are known to hang for minutes while a fresh
// connection is served at once (facts/transfer.md §7). One timer watches all reads of a place, and what
// watched one read watches the next, for a small file is read in less time than all of that takes to set up.
import type { CallDeps } from './call.ts'

// After so long without a byte the rest is asked for over another connection, so many times.
const defaultStallMs = 10_000
const maxReopens = 5
// How finely that time is told; a little more of it passes before a read is cut.
const ticks = 8

/** A watch over one request. */
export type StallWatch = {
  /** Aborts when nothing has moved for too long, or when the transfer is cut. */
  signal: AbortSignal
  isStalled: () => boolean
  /** Bytes have come. */
  moved: () => void
  /** We are the slow side for a while: the clock stands until `moved`. */
  hold: () => void
}

/** Makes a call under a watch, and again over a fresh connection when it stalled. */
export type Reopening = <Answer>(call: (watch: StallWatch) => Promise<Answer>) => Promise<Answer>

type Watch = StallWatch & { tick: () => void; cut: () => void }

/** Watches over the reads of one place until its transfer ends. */
export function createReopening({
  stallMs = defaultStallMs,
  halt,
}: Pick<CallDeps, 'stallMs' | 'halt'>): Reopening {
  const busy = new Set<Watch>()
  const idle: Watch[] = []
  let timer: NodeJS.Timeout | undefined
  const tick = () => {
    for (const watch of busy) watch.tick()
  }
  const cutAll = () => {
    for (const watch of busy) watch.cut()
  }
  halt.aborting.addEventListener('abort', cutAll, { once: true })

  const begin = (): Watch => {
    timer ??= setInterval(tick, stallMs / ticks)
    const watch = idle.pop() ?? createWatch()
    busy.add(watch)
    watch.moved()
    if (halt.aborting.aborted) watch.cut()
    return watch
  }
  const end = (watch: Watch): void => {
    busy.delete(watch)
    if (!watch.signal.aborted) idle.push(watch)
    if (busy.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
  return async (call) => {
    for (let reopened = 0; ; reopened++) {
      const watch = begin()
      try {
        return await call(watch)
      } catch (error) {
        if (!watch.isStalled() || reopened >= maxReopens || halt.stopping.aborted) throw error
      } finally {
        end(watch)
      }
    }
  }
}

function createWatch(): Watch {
  const cutter = new AbortController()
  let silentTicks = 0
  let isHeld = false
  let isStalled = false
  return {
    signal: cutter.signal,
    isStalled: () => isStalled,
    moved: () => {
      silentTicks = 0
      isHeld = false
    },
    hold: () => {
      isHeld = true
    },
    tick: () => {
      if (isHeld || ++silentTicks <= ticks) return
      isStalled = true
      cutter.abort()
    },
    cut: () => cutter.abort(),
  }
}
