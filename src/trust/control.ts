// Calls to Microsoft Graph and Azure Resource Manager: JSON, pages, and patience (Microsoft REST API
// Guidelines §7.10, §9.8; azure-docs, resource-manager/request-limits-and-throttling.md). The dozen calls
// made here are plain enough that a client library each would only hide what is sent.
import * as z from 'zod'

import { parseRetryAfterMs, retry, type RetryDeps, type Verdict } from '../azure/retry.ts'
import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import type { Clock } from '../core/time.ts'
import { type HttpAnswer, HttpError, type HttpRequest, type Send } from '../http/http.ts'

/** One of the two APIs: where it is, and a token for it that is good now. */
export type ControlApi = {
  name: 'Microsoft Graph' | 'Azure Resource Manager'
  origin: URL
  token: () => Promise<Secret>
}

/** What reading and changing Azure needs. */
export type ControlDeps = {
  send: Send
  graph: ControlApi
  arm: ControlApi
  retry: RetryDeps
  now: Clock
}

/** One call; the path has its query, and 2xx alone counts as done unless more is said. */
export type ControlCall = {
  method?: HttpRequest['method']
  path: string
  body?: unknown
  headers?: Record<string, string>
  /** Statuses that are an answer too, such as 404 of something that may not be there. */
  accept?: readonly number[]
  /** Codes of refusals that pass by themselves, because something was made a moment ago. */
  passing?: readonly string[]
}

/** A JSON answer; undefined when it had no body. */
export type ControlAnswer = { status: number; body: unknown }

// Half a minute and more in all: time enough for one directory server to hear of another's news.
const delaysMs = [500, 1_000, 2_000, 4_000, 8_000, 16_000]
const callTimeoutMs = 60_000
const pageLimit = 1_000

const errorForm = z.object({ error: z.object({ code: z.string(), message: z.string() }) })
const pageForm = z.object({ value: z.array(z.unknown()) })
const nextForm = z.object({
  nextLink: z.string().nullish(),
  '@odata.nextLink': z.string().nullish(),
})

/** A refusal in the API's own words; `again` says whether it may pass. */
class Refusal extends Error {
  readonly answer: HttpAnswer
  readonly code: string
  constructor(answer: HttpAnswer, code: string, message: string) {
    super(message)
    this.answer = answer
    this.code = code
  }
}

/** Calls one API, again where it says later; throws trust_unavailable, trust_denied or trust_refused. */
export async function callControl(
  deps: ControlDeps,
  api: ControlApi,
  call: ControlCall,
): Promise<ControlAnswer> {
  const { passing = [] } = call
  try {
    return await retry(
      deps.retry,
      delaysMs,
      () => callOnce(deps, api, call),
      (error) => judge(error, passing, deps.now()),
    )
  } catch (error) {
    throw toFault(api, call, error)
  }
}

/** Every object of a list, all its pages; a next page anywhere else than at the API is refused. */
export async function listControl(
  deps: ControlDeps,
  api: ControlApi,
  path: string,
): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const page of pageControl(deps, api, path)) found.push(...page)
  return found
}

/** A list page by page, for whoever may have seen enough before its end. */
export async function* pageControl(
  deps: ControlDeps,
  api: ControlApi,
  path: string,
): AsyncGenerator<unknown[], void> {
  let next: string | undefined = path
  for (let pages = 0; next !== undefined; pages++) {
    if (pages === pageLimit) throw unreadable(api, `a list without an end at ${path}`)
    const { body }: ControlAnswer = await callControl(deps, api, { path: next })
    yield readForm(api, pageForm, body).value
    const links = readForm(api, nextForm, body)
    next = toPath(api, links.nextLink ?? links['@odata.nextLink'] ?? undefined)
  }
}

/** A query with blanks as %20, which every server reads as blanks. */
export function writeQuery(parameters: Record<string, string>): string {
  return new URLSearchParams(parameters).toString().replaceAll('+', '%20')
}

/** An answer in the form it has to have; throws trust_unavailable for anything else. */
export function readForm<Form extends z.ZodType>(
  api: ControlApi,
  form: Form,
  body: unknown,
): z.output<Form> {
  const checked = form.safeParse(body)
  if (checked.success) return checked.data
  throw unreadable(api, z.prettifyError(checked.error))
}

async function callOnce(
  { send, retry: { signal } }: ControlDeps,
  { origin, token }: ControlApi,
  { method = 'GET', path, body, headers = {}, accept = [] }: ControlCall,
): Promise<ControlAnswer> {
  const bearer = await token()
  const timeout = AbortSignal.timeout(callTimeoutMs)
  const answer = await send({
    method,
    origin,
    path,
    headers: {
      accept: 'application/json',
      authorization: `Bearer ${bearer.reveal()}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  })
  const json = parseJson(answer.body)
  const isDone = answer.status >= 200 && answer.status < 300
  if (isDone || accept.includes(answer.status)) return { status: answer.status, body: json }
  const error = errorForm.safeParse(json)
  const { code, message } = error.data?.error ?? { code: '', message: '' }
  throw new Refusal(answer, code, message)
}

function judge(error: unknown, passing: readonly string[], now: Date): Verdict {
  if (error instanceof HttpError) return { again: !error.isTrust && !error.isNobodyThere }
  if (!(error instanceof Refusal)) return { again: false }
  const { status, headers } = error.answer
  const isBusy = status === 429 || status >= 500
  // Two writers of one managed identity: the other one is done in a moment.
  const isConcurrent = status === 409 && /^Concurrent|AnotherOperationInProgress/.test(error.code)
  const afterMs = parseRetryAfterMs(headers['retry-after'], now)
  return {
    again: isBusy || isConcurrent || passing.includes(error.code),
    ...(afterMs !== undefined && { afterMs }),
  }
}

function toFault(api: ControlApi, { method = 'GET', path }: ControlCall, cause: unknown): unknown {
  const what = `${method} ${path.split('?', 1)[0]}`
  if (cause instanceof HttpError) {
    const sentence = `${api.name} at ${api.origin.host} gave no answer to ${what}: ${cause.message}.`
    return new Fault('trust_unavailable', sentence, { cause })
  }
  if (!(cause instanceof Refusal)) return cause
  const { status } = cause.answer
  const said = `${cause.code} ${cause.message}`.trim().replaceAll(/\s+/g, ' ').slice(0, 600)
  const sentence = `${api.name} answered ${status} to ${what}${said && `: ${said}`}`
  const details = { status, azureCode: cause.code }
  if (status === 401 || status === 403)
    return new Fault('trust_denied', sentence, { cause, details })
  const isBusy = status === 429 || status >= 500
  return new Fault(isBusy ? 'trust_unavailable' : 'trust_refused', sentence, { cause, details })
}

function toPath({ origin, name }: ControlApi, link: string | undefined): string | undefined {
  if (link === undefined || link === '') return undefined
  const url = URL.parse(link)
  if (url?.origin === origin.origin) return url.pathname + url.search
  // The token would go wherever it leads.
  throw new Fault(
    'trust_unavailable',
    `${name} continues a list at another place: ${link.slice(0, 200)}.`,
  )
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function unreadable({ name }: ControlApi, why: string): Fault {
  return new Fault('trust_unavailable', `${name} gave an answer that cannot be read: ${why}`)
}
