// The connections to one origin: the one used last is used first, those unused for long go away, and
// requests beyond the limit wait their turn.
import { type HttpAnswer, HttpError, type HttpRequest } from '../http.ts'
import type { Dial } from './dial.ts'
import { exchange, type ExchangeDeps } from './exchange.ts'
import { writeRequestHead } from './request-head.ts'
import type { Wire } from './wire.ts'

/** What a pool needs. */
export type PoolDeps = ExchangeDeps & { dial: Dial; maxConnections: number }

/** Sends requests to one origin. */
export type Pool = {
  send: (request: HttpRequest) => Promise<HttpAnswer>
  /** Begins to open the first connection. */
  warm: (signal: AbortSignal) => void
  /** Ends the resting connections, and the others after their use. */
  close: () => void
}

// Front ends of storage close after minutes; a connection is given up before that.
const restMs = 30_000

/** Makes the pool of one origin. */
export function createPool(deps: PoolDeps): Pool {
  const resting: Wire[] = []
  /** They get a connection, or undefined: the right to open one. */
  const waiting: ((wire: Wire | undefined) => void)[] = []
  /** The first connection while it is opened before anybody asked for it. */
  let warming: Promise<Wire> | undefined
  let held = 0
  let isClosed = false

  const release = (wire: Wire | undefined): void => {
    if (!wire?.isOpen) wire?.destroy()
    const next = waiting.shift()
    if (next) next(wire?.isOpen ? wire : undefined)
    else if (wire?.isOpen && !isClosed) {
      resting.push(wire)
      wire.onGone = () => {
        resting.splice(resting.indexOf(wire), 1)
        held--
      }
      wire.rest(restMs)
    } else {
      wire?.destroy()
      held--
    }
  }

  const take = async (signal: AbortSignal | undefined): Promise<Wire> => {
    const rested = resting.pop()
    if (rested) {
      rested.onGone = undefined
      return rested
    }
    const ahead = warming
    warming = undefined
    if (!ahead && held >= deps.maxConnections) {
      const given = await turn(waiting, signal)
      if (given) return given
    } else if (!ahead) held++
    try {
      return await (ahead ?? deps.dial(signal))
    } catch (error) {
      release(undefined)
      throw error
    }
  }

  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    const head = writeRequestHead(request)
    if (request.signal?.aborted) throw aborted()
    let wire = await take(request.signal)
    try {
      return await exchange(deps, wire, request, head)
    } catch (error) {
      if (!wire.isStale || request.signal?.aborted) throw error
      // The other side had given the connection up before it saw the request; a new one has not.
      wire = await deps.dial(request.signal)
      return { ...(await exchange(deps, wire, request, head)), wasRepeated: true }
    } finally {
      release(wire)
    }
  }

  const warm = (signal: AbortSignal): void => {
    if (held > 0) return
    held++
    const ahead = deps.dial(signal)
    warming = ahead
    const keep = (wire: Wire | undefined) => {
      if (warming !== ahead) return
      warming = undefined
      release(wire)
    }
    ahead.then(keep, () => keep(undefined))
  }

  const close = (): void => {
    isClosed = true
    for (const wire of resting.splice(0)) {
      wire.onGone = undefined
      held--
      wire.destroy()
    }
  }
  return { send, warm, close }
}

function turn(
  waiting: ((wire: Wire | undefined) => void)[],
  signal: AbortSignal | undefined,
): Promise<Wire | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Wire | undefined>()
  const take = (wire: Wire | undefined) => {
    signal?.removeEventListener('abort', abort)
    resolve(wire)
  }
  const abort = () => {
    waiting.splice(waiting.indexOf(take), 1)
    reject(aborted())
  }
  signal?.addEventListener('abort', abort, { once: true })
  waiting.push(take)
  return promise
}

function aborted(): HttpError {
  return new HttpError('the request was aborted', 'ABORT_ERR', false)
}
