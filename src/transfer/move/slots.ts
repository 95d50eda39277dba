// The right to use the wire: so many connections and so many bytes of memory at once, for everything a
// step transfers. Waiting is first come, first served; small requests and parts of big files each
// have their own pace, so neither keeps the other from the wire.
import type { Sleep } from '../../azure/retry.ts'
import type { Clock } from '../../core/time.ts'
import { createPace, type Pace } from './pace.ts'

/** The right to one connection and some bytes of memory; calling it gives both back. */
export type Release = () => void

/** Hands out connections and bytes. */
export type Slots = {
  /** Waits for a connection and `memoryBytes`; `wireBytes` is what will go over it. */
  take: (memoryBytes: number, wireBytes?: number) => Promise<Release>
  /** The service asked to slow down: half as many requests, and none for `afterMs`. */
  throttled: (afterMs?: number) => void
}

/** What slots need; after `stopping` nobody waits for a quiet period any more. */
export type SlotsDeps = {
  now: Clock
  sleep: Sleep
  stopping?: AbortSignal
  /** Whether this process had no time to spare since it was asked last; never when absent. */
  isBusy?: (() => boolean) | undefined
}

/** How much may be used at once. */
export type SlotLimits = {
  /** Connections busy with small requests. */
  connections: number
  /** Connections busy with parts of big files. */
  partConnections?: number
  /** Memory for buffers; one request alone may need more. */
  bytes: number
}

// Requests longer than this take their time from bandwidth, not from round trips.
const partFromBytes = 1024 * 1024
// Only requests of about one length say something about the service when they become slower.
const comparable = {
  small: { from: 0, to: 256 * 1024 },
  part: { from: 4 * 1024 * 1024, to: Number.POSITIVE_INFINITY },
}
const quietMs = 100
const startConnections = 16

type Kind = 'small' | 'part'
type Waiter = { cost: number; kind: Kind; wireBytes: number; start: (release: Release) => void }

/** Slots within `limits`; the number of connections follows what the service bears. */
export function createSlots(deps: SlotsDeps, limits: SlotLimits): Slots {
  const waiting: Waiter[] = []
  const paces: Record<Kind, Pace> = {
    small: createPace({
      start: startConnections,
      ceiling: limits.connections,
      isBusy: deps.isBusy,
    }),
    part: createPace({
      start: startConnections,
      ceiling: Math.min(limits.connections, limits.partConnections ?? 32),
    }),
  }
  const busy = { small: 0, part: 0 }
  let bytes = limits.bytes
  let quietUntilMs = 0
  let isTimed = false

  const nowMs = () => deps.now().getTime()
  const isFree = (kind: Kind) =>
    busy[kind] < paces[kind].limit() && busy.small + busy.part < limits.connections

  const serve = () => {
    if (isQuiet()) return
    for (let index = 0; index < waiting.length;) {
      const next = waiting[index]
      if (next === undefined) return
      if (!isFree(next.kind)) {
        index += 1
        continue
      }
      // Nobody may overtake one that waits for memory, or a long request would wait for ever.
      if (bytes < next.cost) return
      waiting.splice(index, 1)
      next.start(grant(next))
    }
  }
  const isQuiet = (): boolean => {
    if (quietUntilMs === 0 || deps.stopping?.aborted) return false
    const leftMs = quietUntilMs - nowMs()
    if (leftMs <= 0) {
      quietUntilMs = 0
      return false
    }
    if (!isTimed && waiting.length > 0) {
      isTimed = true
      void serveAfter(leftMs)
    }
    return true
  }
  const serveAfter = async (ms: number) => {
    await deps.sleep(ms, deps.stopping)
    isTimed = false
    serve()
  }
  const grant = ({ cost, kind, wireBytes }: Waiter): Release => {
    busy[kind] += 1
    bytes -= cost
    const startedAtMs = nowMs()
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      busy[kind] -= 1
      bytes += cost
      const at = nowMs()
      const { from, to } = comparable[kind]
      // What ends in a quiet time was refused, or waited for that.
      if (at >= quietUntilMs && wireBytes >= from && wireBytes <= to) {
        paces[kind].ended(at - startedAtMs, waiting.length > 0)
      }
      serve()
    }
  }
  return {
    take: (memoryBytes, wireBytes = memoryBytes) => {
      const kind = wireBytes > partFromBytes ? 'part' : 'small'
      const cost = Math.min(memoryBytes, limits.bytes)
      return new Promise((start) => {
        waiting.push({ cost, kind, wireBytes, start })
        serve()
      })
    },
    throttled: (afterMs = quietMs) => {
      const at = nowMs()
      // Requests that were on the wire together are refused together: that is one sign, not many.
      if (at >= quietUntilMs) {
        paces.small.halve()
        paces.part.halve()
      }
      quietUntilMs = Math.max(quietUntilMs, at + Math.max(afterMs, quietMs))
    },
  }
}
