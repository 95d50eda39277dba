import { parseRetryAfterMs, retry, type Sleep, storageDelaysMs } from '../../azure/retry.ts'
import { isTransientStatus, storageFault, storageUnreachable } from '../../azure/storage-faults.ts'
import type { TokenSource } from '../../azure/token-source.ts'
import type { Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'
import type { Clock } from '../../core/time.ts'
// One call to Blob Storage with everything every call needs: the token (renewed once when storage
// refuses it), version and trace headers, retries, and faults that say what was being done.
import { type HttpAnswer, HttpError, type HttpRequest, type Send } from '../../http/http.ts'
import { type Halt, Halted } from '../halt.ts'
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
}

/** The part of a request that differs from call to call. */
export type CallRequest = Pick<HttpRequest, 'method' | 'path' | 'headers' | 'body' | 'onBody'>

/** A call: what it does in words, its request (made anew for every try), and answers that are fine. */
export type Call = {
  doing: string
  request: (tryNumber: number) => CallRequest
  /** Statuses besides 2xx that the caller wants to see instead of a Fault. */
  accepts?: readonly number[]
}

/** An answer, and whether an earlier try of the same call may have been carried out unseen. */
export type CallAnswer = HttpAnswer & { mayRepeat: boolean }

const apiVersion = '2026-02-06'

/** Makes one call with up to six tries; throws a Fault, or `Halted` when the transfer ends. */
export async function callStorage(
  deps: CallDeps,
  address: ContainerAddress,
  call: Call,
): Promise<CallAnswer> {
  const about = { doing: call.doing, container: address.container, host: address.origin.host }
  let mayRepeat = false
  let isRenewed = false

  const attempt = async (tryNumber: number): Promise<CallAnswer> => {
    let token = await deps.tokens.get()
    for (;;) {
      const answer = await sendOnce(deps, address, call.request(tryNumber), token)
      if (isFine(answer.status, call)) return { ...answer, mayRepeat }
      if (answer.status === 401 && !isRenewed) {
        isRenewed = true
        token = await deps.tokens.refresh(token)
        continue
      }
      // A server that failed may have done the work first.
      mayRepeat ||= answer.status >= 500
      throw new Refusal(answer, storageFault(answer, about))
    }
  }
  try {
    return await retry(
      { ...deps, signal: deps.halt.stopping },
      storageDelaysMs,
      attempt,
      (error, tryNumber) => {
        if (error instanceof HttpError) {
          mayRepeat ||= error.maybeReceived
          const isHopeless = error.isTrust || (error.isNobodyThere && tryNumber >= 2)
          return { again: !isHopeless }
        }
        if (!(error instanceof Refusal)) return { again: false }
        const afterMs = parseRetryAfterMs(error.answer.headers['retry-after'], deps.now())
        const again = isTransientStatus(error.answer.status)
        return afterMs === undefined ? { again } : { again, afterMs }
      },
    )
  } catch (error) {
    if (error instanceof Refusal) throw error.fault
    if (error instanceof HttpError) {
      if (deps.halt.aborting.aborted) throw new Halted()
      throw storageUnreachable(error, about)
    }
    throw error
  }
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
    ...request,
    origin,
    signal: halt.aborting,
    headers: {
      ...request.headers,
      authorization: `Bearer ${token.reveal()}`,
      'x-ms-version': apiVersion,
      'x-ms-client-request-id': newId(),
      'user-agent': userAgent,
    },
  })
}
