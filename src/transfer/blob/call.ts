// One call to Blob or File Storage with everything every call needs: the token (renewed once when
// storage refuses it), version and trace headers, retries, and faults that say what was being done.
import {
  parseRetryAfterMs,
  type RetryDelays,
  type Sleep,
  storageDelaysMs,
  type Verdict,
  waitToRetry,
} from '../../azure/retry.ts'
import {
  isTransientStatus,
  type StorageCall,
  storageFault,
  storageUnreachable,
} from '../../azure/storage-faults.ts'
import type { TokenSource } from '../../azure/token-source.ts'
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
  /** What the request ids of all calls begin with, once it is known; storage logs lead back to the build by it. */
  trace?: (() => string | undefined) | undefined
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

/** Unique ids that begin with `first` and go on with a number: a random one for each call costs too much. */
export function countIds(first: string): () => string {
  let count = 0
  return () => `${first}-${++count}`
}

/** Makes one call, several times if need be; throws a Fault, or `Halted` when the transfer ends. */
export async function callStorage(
  deps: CallDeps,
  address: ContainerAddress,
  call: Call,
): Promise<CallAnswer> {
  let mayRepeat = false
  let renewed: Secret | undefined
  // A loop of its own: for a small file every function that waits for another one counts.
  for (let tryNumber = 0; ;) {
    let failure: unknown
    try {
      const token = renewed ?? (await deps.tokens.get())
      const answer = await sendOnce(deps, address, call.request(tryNumber), token)
      mayRepeat ||= answer.wasRepeated === true
      const { status, headers, body } = answer
      if (isFine(status, call)) return { status, headers, body, mayRepeat }
      if (status === 401 && renewed === undefined) {
        renewed = await deps.tokens.refresh(token)
        continue
      }
      // A server that failed may have done the work first.
      mayRepeat ||= status >= 500
      failure = new Refusal(answer)
    } catch (error) {
      mayRepeat ||= error instanceof HttpError && error.maybeReceived
      failure = error
    }
    const verdict = judge(deps, call, failure, tryNumber)
    const waiting = { sleep: deps.sleep, random: deps.random, signal: deps.halt.stopping }
    if (!(await waitToRetry(waiting, delaysFor(deps.tries)[tryNumber], verdict))) {
      throw toFault(deps, aboutCall(address, call.doing), failure)
    }
    tryNumber += 1
  }
}

/** What a fault says about a call: the action in words, and where it went. */
export function aboutCall(address: ContainerAddress, doing: string): StorageCall {
  const { container, origin, place } = address
  return { doing, container, host: origin.host, ...(place && { place }) }
}

// An answer that is not what was wanted.
class Refusal {
  readonly answer: HttpAnswer

  constructor(answer: HttpAnswer) {
    this.answer = answer
  }
}

function judge(deps: CallDeps, call: Call, failure: unknown, tryNumber: number): Verdict {
  if (failure instanceof Refusal) return judgeRefusal(deps, failure.answer)
  if (!(failure instanceof HttpError)) return { again: false }
  const isHopeless = failure.isTrust || (failure.isNobodyThere && tryNumber >= 2)
  return { again: !isHopeless && !call.isGivenUp?.() }
}

function judgeRefusal({ now, onThrottle }: CallDeps, { status, headers }: HttpAnswer): Verdict {
  const afterMs = parseRetryAfterMs(headers['retry-after'], now())
  const isTimeout = status === 500 && headers['x-ms-error-code'] === 'OperationTimedOut'
  if (status === 429 || status === 503 || isTimeout) onThrottle?.(afterMs)
  const again = isTransientStatus(status)
  return afterMs === undefined ? { again } : { again, afterMs }
}

function toFault({ halt }: CallDeps, about: StorageCall, failure: unknown): unknown {
  if (failure instanceof Refusal) return storageFault(failure.answer, about)
  if (!(failure instanceof HttpError)) return failure
  return halt.aborting.aborted ? new Halted() : storageUnreachable(failure, about)
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
  { send, newId, trace, userAgent, halt }: CallDeps,
  { origin }: ContainerAddress,
  { method, path, headers, body, onBody, signal }: CallRequest,
  token: Secret,
): Promise<HttpAnswer> {
  const begin = trace?.()
  return send({
    method,
    origin,
    path,
    headers: {
      ...headers,
      authorization: `Bearer ${token.reveal()}`,
      'x-ms-version': apiVersion,
      'x-ms-client-request-id': begin === undefined ? newId() : `${begin}-${newId()}`,
      'user-agent': userAgent,
    },
    signal: signal ?? halt.aborting,
    ...(body && { body }),
    ...(onBody && { onBody }),
  })
}
