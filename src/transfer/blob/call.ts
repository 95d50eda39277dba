// One call to Blob or File Storage with everything every call needs: the token (renewed once when
// storage refuses it), version and trace headers, retries, and faults that say what was being done.
import {
  parseRetryAfterMs,
  retry,
  type RetryDelays,
  type Sleep,
  storageDelaysMs,
} from '../../azure/retry.ts'
import {
  isTransientStatus,
  type StorageCall,
  storageFault,
  storageUnreachable,
} from '../../azure/storage-faults.ts'
import type { TokenSource } from '../../azure/token-source.ts'
import type { Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'
import type { Clock } from '../../core/time.ts'
import { type HttpAnswer, HttpError, type HttpRequest, type Send } from '../../http/http.ts'
import { type Halt, Halted } from '../move/halt.ts'
import type { ContainerAddress } from './names.ts'

/** What a storage call needs from outside. */
export type CallDeps = {
  send: Send
  tokens: TokenSource
  now: Clock
  sleep: Sleep
  random: () => number
  newId: () => string
  userAgent: string
  halt: Halt
  /** How often a call is tried in all; six times when absent. */
  tries?: number
  /** After so long without a byte a read goes on over another connection; 10 s when absent. */
  stallMs?: number
  /** Is told when the account asks to slow down, with the wait it named. */
  onThrottle?: (afterMs: number | undefined) => void
}

/** The part of a request that differs from call to call; a `signal` here must follow `halt.aborting`. */
export type CallRequest = Pick<
  HttpRequest,
  'method' | 'path' | 'headers' | 'body' | 'onBody' | 'signal'
>

/** A call: what it does in words, its request (made anew for every try), and answers that are fine. */
export type Call = {
  doing: string
  request: (tryNumber: number) => CallRequest
  /** Statuses besides 2xx that the caller wants to see instead of a Fault. */
  accepts?: readonly number[]
  /** Whether the caller cut the call itself and does not want it tried again. */
  isGivenUp?: () => boolean
}

/** An answer, and whether an earlier try of the same call may have been carried out unseen. */
export type CallAnswer = HttpAnswer & { mayRepeat: boolean }

/** The version of the storage services' API that every call names. */
export const apiVersion = '2026-02-06'

/** Makes one call, several times if need be; throws a Fault, or `Halted` when the transfer ends. */
export async function callStorage(
  deps: CallDeps,
  address: ContainerAddress,
  call: Call,
): Promise<CallAnswer> {
  let mayRepeat = false
  let isRenewed = false

  const attempt = async (tryNumber: number): Promise<CallAnswer> => {
    let token = await deps.tokens.get()
    for (;;) {
      const answer = await sendOnce(deps, address, call.request(tryNumber), token)
      mayRepeat ||= answer.wasRepeated === true
      if (isFine(answer.status, call)) return { ...answer, mayRepeat }
      if (answer.status === 401 && !isRenewed) {
        isRenewed = true
        token = await deps.tokens.refresh(token)
        continue
      }
      // A server that failed may have done the work first.
      mayRepeat ||= answer.status >= 500
      throw new Refusal(answer, storageFault(answer, aboutCall(address, call.doing)))
    }
  }
  try {
    const { sleep, random, halt } = deps
    return await retry(
      { sleep, random, signal: halt.stopping },
      delaysFor(deps.tries),
      attempt,
      (error, tryNumber) => {
        if (error instanceof HttpError) {
          mayRepeat ||= error.maybeReceived
          const isHopeless = error.isTrust || (error.isNobodyThere && tryNumber >= 2)
          return { again: !isHopeless && !call.isGivenUp?.() }
        }
        if (!(error instanceof Refusal)) return { again: false }
        return judgeRefusal(deps, error.answer)
      },
    )
  } catch (error) {
    if (error instanceof Refusal) throw error.fault
    if (error instanceof HttpError) {
      if (deps.halt.aborting.aborted) throw new Halted()
      throw storageUnreachable(error, aboutCall(address, call.doing))
    }
    throw error
  }
}

/** What a fault says about a call: the action in words, and where it went. */
export function aboutCall(address: ContainerAddress, doing: string): StorageCall {
  const { container, origin, place } = address
  return { doing, container, host: origin.host, ...(place && { place }) }
}

class Refusal extends Error {
  readonly answer: HttpAnswer
  readonly fault: Fault

  constructor(answer: HttpAnswer, fault: Fault) {
    super(fault.message)
    this.answer = answer
    this.fault = fault
  }
}

function judgeRefusal(
  { now, onThrottle }: CallDeps,
  { status, headers }: HttpAnswer,
): { again: boolean; afterMs?: number } {
  const afterMs = parseRetryAfterMs(headers['retry-after'], now())
  const isTimeout = status === 500 && headers['x-ms-error-code'] === 'OperationTimedOut'
  if (status === 429 || status === 503 || isTimeout) onThrottle?.(afterMs)
  const again = isTransientStatus(status)
  return afterMs === undefined ? { again } : { again, afterMs }
}

// Beyond the usual waits the last one is doubled.
function delaysFor(tries = storageDelaysMs.length + 1): RetryDelays {
  if (tries === storageDelaysMs.length + 1) return storageDelaysMs
  return Array.from({ length: Math.max(0, tries - 1) }, (_, at) => storageDelaysMs[at] ?? 20_000)
}

function isFine(status: number, { accepts }: Call): boolean {
  return (status >= 200 && status < 300) || (accepts?.includes(status) ?? false)
}

function sendOnce(
  { send, newId, userAgent, halt }: CallDeps,
  { origin }: ContainerAddress,
  request: CallRequest,
  token: Secret,
): Promise<HttpAnswer> {
  return send({
    signal: halt.aborting,
    ...request,
    origin,
    headers: {
      ...request.headers,
      authorization: `Bearer ${token.reveal()}`,
      'x-ms-version': apiVersion,
      'x-ms-client-request-id': newId(),
      'user-agent': userAgent,
    },
  })
}
