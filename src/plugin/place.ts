// The remote place of a transfer: the client for its service, loaded when it is needed.
import { type CallDeps, countIds } from '../transfer/blob/call.ts'
import type { Slots } from '../transfer/move/slots.ts'
import type { Remote } from '../transfer/remote.ts'
import type { StepDeps } from './perform.ts'
import type { Place } from './settings/place.ts'

/** What a place needs: the step's means, the transfer's end, and room on the wire. */
export type PlaceDeps = StepDeps & { halt: CallDeps['halt']; slots: Slots }

/** What every storage call of a step needs. */
export function toCallDeps(step: PlaceDeps): CallDeps {
  const { http, tokens, now, sleep, random, newId, userAgent, halt, slots, settings } = step
  const { footprint, requestId } = step
  return {
    send: http.send,
    tokens,
    now,
    sleep,
    random,
    newId: requestId === undefined ? newId : countIds(requestId),
    userAgent,
    trace: footprint && (() => footprint.trace),
    halt,
    tries: settings.retries + 1,
    onThrottle: slots.throttled,
  }
}

/** Opens a container or share; nothing is sent. */
export async function openRemote(step: PlaceDeps, { service, address }: Place): Promise<Remote> {
  const deps = toCallDeps(step)
  if (service === 'files') {
    const { createFilesRemote } = await import('../transfer/files/remote.ts')
    return createFilesRemote(deps, address)
  }
  const { createBlobRemote } = await import('../transfer/blob/remote.ts')
  return createBlobRemote(deps, address)
}
