// A bounded queue before something that limits how often it may be asked: so many at a time, so many
// waiting, nobody longer than a while; and a rest for all when it says that it was asked too often.
import { Fault } from '../core/fault.ts'

/** How much is let through, and how much may wait. */
export type QueueLimits = {
  /** Jobs at a time. */
  concurrency: number
  /** Jobs that wait; the next one is refused. */
  longestQueue: number
  /** How long a job may wait for its turn, in milliseconds. */
  longestWaitMs: number
}

/** The clock and timers of a queue, in milliseconds; `wake` gives what takes the timer back. */
export type QueueClock = {
  nowMs: () => number
  wake: (afterMs: number, work: () => void) => () => void
}

/** What a job throws when it was asked too often; `afterMs` says for how long to rest, if that was said. */
export class Throttled extends Error {
  readonly afterMs: number | undefined

  constructor(afterMs: number | undefined) {
    super('asked too often')
    this.afterMs = afterMs
  }
}

/** Runs jobs in the order they come in. */
export type Queue = {
  /** What the job gives or throws; keys_busy (503, with `retryAfterSeconds`) when it got no turn in time. */
  run: <Value>(job: () => Promise<Value>) => Promise<Value>
}

type Waiting = { deadlineMs: number; start: () => Promise<void>; refuse: (error: Fault) => void }

type QueueState = {
  waiting: Waiting[]
  running: number
  restUntilMs: number
  /** Throttlings in a row: without a word on how long, the rest doubles. */
  throttlings: number
  cancelWake: (() => void) | undefined
}

const [firstRestMs, longestRestMs] = [1000, 16_000]

/** Makes an empty queue. */
export function createQueue(clock: QueueClock, limits: QueueLimits): Queue {
  const state: QueueState = {
    waiting: [],
    running: 0,
    restUntilMs: -Infinity,
    throttlings: 0,
    cancelWake: undefined,
  }
  const deps = { clock, limits, state }
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        const entry: Waiting = {
          deadlineMs: clock.nowMs() + limits.longestWaitMs,
          refuse: reject,
          async start() {
            try {
              const value = await job()
              state.throttlings = 0
              resolve(value)
            } catch (error) {
              if (!(error instanceof Throttled)) return reject(error)
              rest(deps, error)
              // It was the first, so it is again.
              state.waiting.unshift(entry)
            }
          },
        }
        if (mustWait(deps) && state.waiting.length >= limits.longestQueue) {
          reject(busy(deps, `${state.waiting.length} signatures wait for their turn already`))
          return
        }
        state.waiting.push(entry)
        advance(deps)
      }),
  }
}

type QueueDeps = { clock: QueueClock; limits: QueueLimits; state: QueueState }

function mustWait({ clock, limits, state }: QueueDeps): boolean {
  return state.running >= limits.concurrency || state.restUntilMs > clock.nowMs()
}

function rest({ clock, state }: QueueDeps, { afterMs }: Throttled): void {
  const doubled = Math.min(firstRestMs * 2 ** state.throttlings, longestRestMs)
  state.throttlings += 1
  state.restUntilMs = Math.max(state.restUntilMs, clock.nowMs() + (afterMs ?? doubled))
}

function advance(deps: QueueDeps): void {
  const { clock, state } = deps
  refuseLate(deps)
  while (state.waiting.length > 0 && !mustWait(deps)) {
    const entry = state.waiting.shift()
    state.running += 1
    void entry?.start().finally(() => {
      state.running -= 1
      advance(deps)
    })
  }
  state.cancelWake?.()
  state.cancelWake = undefined
  if (state.waiting.length === 0) return
  const moments = state.waiting.map(({ deadlineMs }) => deadlineMs)
  if (state.restUntilMs > clock.nowMs()) moments.push(state.restUntilMs)
  const nextMs = Math.max(Math.min(...moments) - clock.nowMs(), 0)
  state.cancelWake = clock.wake(nextMs, () => {
    state.cancelWake = undefined
    advance(deps)
  })
}

// Whoever's time ends before the rest does need not wait for that.
function refuseLate(deps: QueueDeps): void {
  const { clock, state } = deps
  const isLate = ({ deadlineMs }: Waiting) =>
    deadlineMs <= clock.nowMs() || deadlineMs < state.restUntilMs
  const late = state.waiting.filter((entry) => isLate(entry))
  state.waiting = state.waiting.filter((entry) => !isLate(entry))
  for (const entry of late) entry.refuse(busy(deps, 'its turn did not come in time'))
}

function busy({ clock, state }: QueueDeps, why: string): Fault {
  const restMs = Math.max(state.restUntilMs - clock.nowMs(), 0)
  const retryAfterSeconds = Math.max(Math.ceil(restMs / 1000), 1)
  const sentence = `The signing key is asked for more signatures than it gives: ${why}.`
  return new Fault('keys_busy', sentence, { details: { retryAfterSeconds } })
}
