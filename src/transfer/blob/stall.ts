// Notices when nothing moves any more: single reads are known to hang for minutes while a fresh
// connection is served at once (facts/transfer.md §7).

import type { CallDeps } from './call.ts'

// After so long without a byte the rest is asked for over another connection, so many times.
const defaultStallMs = 10_000
const maxReopens = 5

/** A watch over one request. */
export type StallWatch = {
  /** Aborts when nothing has moved for too long, or when `outer` aborts. */
  signal: AbortSignal
  isStalled: () => boolean
  /** Bytes have come. */
  moved: () => void
  /** We are the slow side for a while: the clock stands until `moved`. */
  hold: () => void
  end: () => void
}

/** Starts a watch of `stallMs` milliseconds. */
export function watchStall(stallMs: number, outer: AbortSignal): StallWatch {
  const cutter = new AbortController()
  let isStalled = false
  const cut = (): void => {
    isStalled = true
    cutter.abort()
  }
  let timer = setTimeout(cut, stallMs)
  const follow = (): void => cutter.abort()
  if (outer.aborted) cutter.abort()
  else outer.addEventListener('abort', follow, { once: true })
  let isHeld = false
  return {
    signal: cutter.signal,
    isStalled: () => isStalled,
    moved: () => {
      if (isHeld) timer = setTimeout(cut, stallMs)
      else timer.refresh()
      isHeld = false
    },
    hold: () => {
      clearTimeout(timer)
      isHeld = true
    },
    end: () => {
      clearTimeout(timer)
      outer.removeEventListener('abort', follow)
    },
  }
}

/** Makes a call under a watch, and again over a fresh connection when it stalled. */
export async function reopening<Answer>(
  { stallMs = defaultStallMs, halt }: Pick<CallDeps, 'stallMs' | 'halt'>,
  call: (watch: StallWatch) => Promise<Answer>,
): Promise<Answer> {
  for (let reopened = 0; ; reopened++) {
    const watch = watchStall(stallMs, halt.aborting)
    try {
      return await call(watch)
    } catch (error) {
      if (!watch.isStalled() || reopened >= maxReopens || halt.stopping.aborted) throw error
    } finally {
      watch.end()
    }
  }
}
