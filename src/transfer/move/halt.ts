// Two ways to stop a transfer: `stopping` starts nothing new and ends waiting, `aborting` also cuts
// what is on the wire. The first failed file stops; a signal to the step aborts.
import type { Sleep } from '../../azure/retry.ts'

/** The state of a transfer's end, shared by everything that takes part in it. */
export type Halt = {
  stopping: AbortSignal
  aborting: AbortSignal
  /** Lets requests on the wire end within a short grace. */
  stop: () => void
  /** Cuts everything at once; also to be called when the transfer is over. */
  abort: () => void
}

/** Work that ended because the transfer ends, not because of a failure of its own. */
export class Halted extends Error {
  constructor() {
    super('the transfer was stopped')
    this.name = 'Halted'
  }
}

// Requests on the wire get this long to end, so that every file that fails by itself is named.
const graceMs = 2_000

/** A halt that also follows `outer`, the signal of the whole step. */
export function createHalt({ sleep }: { sleep: Sleep }, outer: AbortSignal): Halt {
  const stopper = new AbortController()
  const aborter = new AbortController()
  const abort = () => {
    stopper.abort()
    aborter.abort()
  }
  if (outer.aborted) abort()
  else outer.addEventListener('abort', abort, { once: true })
  return {
    stopping: stopper.signal,
    aborting: aborter.signal,
    abort,
    stop: () => {
      if (stopper.signal.aborted) return
      stopper.abort()
      void sleep(graceMs, aborter.signal).then(() => aborter.abort())
    },
  }
}

/** Throws `Halted` once nothing new may start. */
export function assertRunning({ stopping }: Pick<Halt, 'stopping'>): void {
  if (stopping.aborted) throw new Halted()
}
