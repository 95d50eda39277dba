// Follows the ledger into the read model while the service runs: once a second, and whenever somebody asks.
import { setImmediate as pause } from 'node:timers/promises'

import { messageOf } from '../src/core/fault.ts'
import type { Log } from '../src/core/log.ts'
import type { Store } from '../src/store/store.ts'
import type { TrailTables } from '../src/store/trail-tables.ts'
import { createFollower } from '../src/trail/follow.ts'

/** The read model as it is kept: brought up to now on demand, and let go at the end. */
export type KeptTrail = { catchUp: () => Promise<unknown>; close: () => Promise<void> }

const everyMs = 1000

/** Begins to follow; what goes wrong is logged once until it goes well again. */
export function keepTrail({ store, log }: { store: Store & TrailTables; log: Log }): KeptTrail {
  const catchUp = createFollower({ store, pause: () => pause() })
  let isClosed = false
  let isFailing = false
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> = Promise.resolve()
  const tick = async () => {
    try {
      await catchUp()
      isFailing = false
    } catch (error) {
      if (!isFailing) log.warn({ error: messageOf(error) }, 'the read model does not follow')
      isFailing = true
    }
    if (!isClosed) timer = setTimeout(begin, everyMs)
  }
  const begin = () => {
    round = tick()
  }
  begin()
  return {
    catchUp,
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await round
    },
  }
}
