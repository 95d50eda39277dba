// The client of the trust service's admin door (docs/service.md): trials, keys and reviews. Answers are
// read by the schemas the service itself writes with, and its refusals (RFC 9457) come through in its words.
import * as z from 'zod'

import { Fault, isFaultCode } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { type HttpAnswer, HttpError, type HttpRequest, type Send } from '../http/http.ts'
import {
  adminPaths,
  keysAnswerSchema,
  problemSchema,
  recordedReviewSchema,
  trialAnswerSchema,
  type KeysAnswer,
  type RecordedReview,
  type Review,
  type RotateRequest,
  type TrialAnswer,
  type TrialRequest,
} from './admin-api.ts'

/** How to reach the admin door, and the token of whoever asks. */
export type ServiceDeps = {
  send: Send
  /** Scheme, host and port; a path in it goes before every path of the API. */
  origin: URL
  token: Secret
}

/** The admin door as calls; each throws trust_service_denied, trust_service_unavailable or a fault of the service. */
export type TrustService = {
  /** One trial of one subject; a subject the service does not know is trust_trial_unknown. */
  trial: (trial: TrialRequest) => Promise<TrialAnswer>
  keys: () => Promise<KeysAnswer>
  /** Rotates like `issuer rotate`, with the same refusals. */
  rotateKeys: (how?: RotateRequest) => Promise<KeysAnswer>
  /** The review that was recorded last; undefined when there was none. */
  lastReview: () => Promise<RecordedReview | undefined>
  recordReview: (review: Review) => Promise<void>
  /** What the door answers to a GET, as JSON. */
  read: (path: string) => Promise<unknown>
}

// A trial makes several calls of Azure, each with patience of its own.
const callTimeoutMs = 120_000

/** Opens the door; nothing is sent before the first call. */
export function openService(deps: ServiceDeps): TrustService {
  return {
    async trial(body) {
      return readAnswer(deps, trialAnswerSchema, await post(deps, adminPaths.trials, body))
    },
    async keys() {
      return readAnswer(deps, keysAnswerSchema, await send(deps, { path: adminPaths.keys }))
    },
    async rotateKeys(body = {}) {
      return readAnswer(deps, keysAnswerSchema, await post(deps, adminPaths.rotateKeys, body))
    },
    async lastReview() {
      const answer = await send(deps, { path: adminPaths.lastReview })
      // Another server's 404 is no word on reviews.
      const problem = problemSchema.safeParse(parseJson(answer.body)).data
      return answer.status === 404 && problem?.code === 'issuer_review_absent'
        ? undefined
        : readAnswer(deps, recordedReviewSchema, answer)
    },
    async recordReview(body) {
      readAnswer(deps, z.unknown(), await post(deps, adminPaths.reviews, body))
    },
    async read(path) {
      return readAnswer(deps, z.unknown(), await send(deps, { path }))
    },
  }
}

function post(deps: ServiceDeps, path: string, body: unknown): Promise<HttpAnswer> {
  return send(deps, { method: 'POST', path, body })
}

type Call = { method?: HttpRequest['method']; path: string; body?: unknown }

async function send(
  { send: sendRequest, origin, token }: ServiceDeps,
  { method = 'GET', path, body }: Call,
): Promise<HttpAnswer> {
  try {
    return await sendRequest({
      method,
      origin,
      path: origin.pathname.replace(/\/+$/, '') + path,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token.reveal()}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
      signal: AbortSignal.timeout(callTimeoutMs),
    })
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause
    const sentence = `The trust service at ${origin.host} gave no answer to ${method} ${path}: ${cause.message}.`
    throw new Fault('trust_service_unavailable', sentence, {
      cause,
      ...(cause.isTrust && {
        hint: 'Its certificate is not trusted here: name its CA with --ca-file.',
      }),
    })
  }
}

function readAnswer<Form extends z.ZodType>(
  deps: ServiceDeps,
  form: Form,
  answer: HttpAnswer,
): z.output<Form> {
  const body = parseJson(answer.body)
  if (answer.status >= 300) throw toFault(deps, answer.status, body)
  const checked = form.safeParse(body)
  if (checked.success) return checked.data
  throw unreadable(deps, answer.status, z.prettifyError(checked.error))
}

function toFault(deps: ServiceDeps, status: number, body: unknown): Fault {
  const problem = problemSchema.safeParse(body)
  if (!problem.success) {
    return unreadable(deps, status, 'that is no problem document, so a proxy may have answered')
  }
  const { code = '', detail, hint } = problem.data
  const details = { status, serviceCode: toLine(code) }
  if (status === 401) {
    const sentence = `The trust service at ${deps.origin.host} does not know this admin token: ${toLine(detail)}`
    return new Fault('trust_service_denied', sentence, { details })
  }
  return new Fault(isFaultCode(code) ? code : 'trust_service_unavailable', toLine(detail), {
    details,
    ...(hint !== undefined && { hint: toLine(hint) }),
  })
}

// What another program says goes to a terminal: one line, and no control characters.
function toLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Z}]+/gu, ' ')
    .trim()
    .slice(0, 1000)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function unreadable({ origin }: ServiceDeps, status: number, why: string): Fault {
  return new Fault(
    'trust_service_unavailable',
    `${origin.host} answered ${status} with something that cannot be read: ${toLine(why)}.`,
    { hint: 'Check that --service is the address of the admin door (`listen.admin`).' },
  )
}
