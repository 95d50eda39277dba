// How many requests may be on the wire at once: doubled while somebody waits and that makes more of
// them end, halved when the service asks to slow down (facts/transfer.md §8 "Pool").

/** Where a pace begins and where it ends, in connections. */
export type PaceLimits = {
  start: number
  ceiling: number
  /** Whether this process had no time to spare since it was asked last; never when absent. */
  isBusy?: (() => boolean) | undefined
}

/** A limit that follows what the service bears. */
export type Pace = {
  /** Connections that may be busy now. */
  limit: () => number
  /** A request of the usual length ended after `tookMs`; `isQueued` says that others waited. */
  ended: (tookMs: number, isQueued: boolean) => void
  /** The service asked to slow down. */
  halve: () => void
}

// Below this the clock's own step decides what is measured.
const floorMs = 1
// Twice as many requests that each take twice as long bring nothing; this is a quarter more of them.
const worthwhile = 1.6
// From here on a service that was slowed down has enough.
const tooSlow = 2
const roundAtLeast = 8
// Rounds after which a level that brought nothing is tried again, at first and doubled each time.
const firstPatience = 4

/** A pace that begins at `start` and never passes `ceiling`. */
export function createPace({ start, ceiling, isBusy = () => false }: PaceLimits): Pace {
  let limit = Math.max(1, Math.min(start, ceiling))
  let mode: 'doubling' | 'holding' | 'recovering' = 'doubling'
  let lastMs = Number.POSITIVE_INFINITY
  let bestMs = Number.POSITIVE_INFINITY
  let tookMs: number[] = []
  let wasQueued = false
  let highest = limit
  // The first requests of new connections say more about handshakes than about the service.
  let toIgnore = 2 * limit
  let patience = firstPatience
  let roundsHeld = 0
  let isDoubted = false

  const double = (medianMs: number) => {
    lastMs = medianMs
    limit = Math.min(ceiling, limit * 2)
    isDoubted = false
    mode = 'doubling'
    toIgnore = limit > highest ? 2 * limit : limit
    highest = Math.max(highest, limit)
  }
  const hold = () => {
    mode = 'holding'
    roundsHeld = 0
  }
  const endRound = (medianMs: number) => {
    // More connections than this process can feed would cost handshakes and bring nothing.
    const hasNoTime = isBusy()
    if (mode === 'recovering') {
      if (medianMs < tooSlow * bestMs) limit = Math.min(ceiling, limit + 1)
    } else if (mode === 'holding') {
      roundsHeld += 1
      if (limit < ceiling && roundsHeld >= patience && !hasNoTime) double(medianMs)
    } else if (medianMs >= worthwhile * lastMs && !isDoubted) {
      // Handshakes of new connections slow the old ones down too, so one round alone says nothing.
      isDoubted = true
    } else if (medianMs >= worthwhile * lastMs) {
      limit = Math.max(1, limit >> 1)
      // Something else may have slowed this one down, so it is tried again, each time later.
      patience *= 2
      hold()
    } else if (limit === ceiling || hasNoTime) hold()
    else double(medianMs)
  }
  return {
    limit: () => limit,
    ended: (ms, isQueued) => {
      if (toIgnore > 0) {
        toIgnore -= 1
        // What came before the round does not count.
        if (toIgnore === 0) isBusy()
        return
      }
      wasQueued ||= isQueued
      tookMs.push(ms)
      if (tookMs.length < Math.max(roundAtLeast, limit)) return
      const medianMs = Math.max(floorMs, toMedian(tookMs))
      bestMs = Math.min(bestMs, medianMs)
      if (wasQueued) endRound(medianMs)
      tookMs = []
      wasQueued = false
    },
    halve: () => {
      limit = Math.max(1, limit >> 1)
      mode = 'recovering'
      tookMs = []
      toIgnore = 0
    },
  }
}

function toMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
