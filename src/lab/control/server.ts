// What the lab's Graph and ARM share: JSON over https, answers told to fail, and a log of calls.
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'

import { messageOf } from '../../core/fault.ts'
import type { LabAuthority } from '../authority.ts'
import { type LabListener, listenTls } from '../listen.ts'

const maxBodyBytes = 1024 * 1024

/** One call: its path as sent, decoded where it is read; the body is parsed JSON, undefined when empty. */
export type ControlCall = {
  method: string
  origin: string
  path: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: unknown
}

/** An answer; without a body it has none at all. */
export type ControlAnswer = {
  status: number
  headers?: Readonly<Record<string, string>>
  body?: unknown
}

/** What the next calls get instead of an answer; `method` and `path` (a part of it) narrow it. */
export type InjectedAnswer = {
  count: number
  status: number
  code: string
  retryAfterSeconds?: number
  method?: string
  path?: string
}

/** A row of the log of calls. */
export type ControlLogRow = { method: string; url: string; status: number }

/** A refusal with the code and the sentence that go into the body. */
export class ControlRefusal extends Error {
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** A running control plane server. */
export type ControlServer = LabListener & {
  failNext: (failure: InjectedAnswer) => void
  /** Oldest first; a call is in it before its answer is sent. */
  calls: readonly ControlLogRow[]
}

/** How one API answers, and how it words a refusal. */
export type ControlApi = {
  handle: (call: ControlCall) => Promise<ControlAnswer>
  describeRefusal: (refusal: ControlRefusal, requestId: string, call: ControlCall) => unknown
  requestIdHeader: string
}

/** Starts an API on a free port of the loopback interface. */
export async function startControlServer(
  { authority }: { authority: LabAuthority },
  api: ControlApi,
): Promise<ControlServer> {
  const calls: ControlLogRow[] = []
  const failures: InjectedAnswer[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '' } = request
    const requestId = randomUUID()
    const call = openCall(request)
    const answer = await answerCall(api, failures, { request, call, requestId })
    calls.push({ method, url, status: answer.status })
    const text = answer.body === undefined ? '' : JSON.stringify(answer.body)
    response.writeHead(answer.status, {
      [api.requestIdHeader]: requestId,
      'cache-control': 'no-cache',
      ...(text !== '' && { 'content-type': 'application/json; charset=utf-8' }),
      ...(answer.status !== 204 && { 'content-length': Buffer.byteLength(text) }),
      ...answer.headers,
    })
    response.end(text)
  }
  const listener = await listenTls({ authority }, (request, response) => {
    void serve(request, response)
  })
  return { ...listener, calls, failNext: (failure) => void failures.push({ ...failure }) }
}

/** The caller's JSON object; 400 for anything else. */
export function readObject({ body }: ControlCall): Record<string, unknown> {
  if (isObject(body)) return body
  throw new ControlRefusal(400, 'BadRequest', 'Unable to read JSON request payload.')
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text of a JSON object, or the other value when it is no text. */
export function textOf(value: unknown, otherwise = ''): string {
  return typeof value === 'string' ? value : otherwise
}

async function answerCall(
  api: ControlApi,
  failures: readonly InjectedAnswer[],
  { request, call, requestId }: { request: IncomingMessage; call: ControlCall; requestId: string },
): Promise<ControlAnswer> {
  try {
    call.body = await readBody(request)
    injectFailure(failures, call)
    return await api.handle(call)
  } catch (error) {
    const refusal =
      error instanceof ControlRefusal
        ? error
        : new ControlRefusal(500, 'InternalServerError', messageOf(error))
    const { status, headers } = refusal
    return { status, headers, body: api.describeRefusal(refusal, requestId, call) }
  }
}

function openCall({ method = '', url = '', headers }: IncomingMessage): ControlCall {
  const [path = '', query = ''] = url.split('?', 2)
  const origin = `https://${headers.host ?? ''}`
  return { method, origin, path, query: new URLSearchParams(query), headers, body: undefined }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = []
  let sizeBytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    sizeBytes += piece.length
    if (sizeBytes > maxBodyBytes) {
      throw new ControlRefusal(413, 'RequestEntityTooLarge', 'The request is too large.')
    }
    pieces.push(piece)
  }
  const text = Buffer.concat(pieces).toString('utf8')
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new ControlRefusal(400, 'BadRequest', 'Unable to read JSON request payload.')
  }
}

function injectFailure(failures: readonly InjectedAnswer[], call: ControlCall): void {
  const failure = failures.find(
    ({ count, method = call.method, path = '' }) =>
      count > 0 && method === call.method && call.path.includes(path),
  )
  if (!failure) return
  failure.count -= 1
  const { status, code, retryAfterSeconds } = failure
  const headers = retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }
  throw new ControlRefusal(status, code, `The lab was told to answer ${code}.`, { ...headers })
}
