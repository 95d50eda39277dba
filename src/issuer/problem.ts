// Faults on the wire as problem details (RFC 9457), with our code and what to do.
import type { Context } from 'hono'

import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'

/** An error handler: a Fault becomes its problem document, anything else a 500 that tells nothing. */
export function problemHandler(log: Log): (error: unknown, context: Context) => Response {
  return (error, context) => {
    const { method, path } = context.req
    if (error instanceof Fault) {
      const level = error.status >= 500 ? 'error' : 'warn'
      log[level]({ code: error.code, status: error.status, method, path }, error.message)
      return toProblem(error)
    }
    const requestId = crypto.randomUUID()
    const stack = error instanceof Error ? error.stack : String(error)
    log.error({ requestId, method, path, stack }, 'a defect of this service')
    return problemResponse({
      type: 'about:blank',
      title: 'defect',
      status: 500,
      detail: `This is a defect of the trust service; its log has the request id ${requestId}.`,
    })
  }
}

function toProblem(fault: Fault): Response {
  const { retryAfterSeconds } = fault.details
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  return problemResponse(
    {
      type: `urn:azure-storage-drone:fault:${fault.code}`,
      title: fault.code,
      status: fault.status,
      detail: fault.message,
      code: fault.code,
      hint: fault.hint,
    },
    headers,
  )
}

function problemResponse(
  problem: { status: number } & Record<string, unknown>,
  more: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...more },
  })
}
