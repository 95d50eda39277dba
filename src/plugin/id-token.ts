// Asks the trust service for an ID token (`GET <url>/v1/id-token`, GitHub's protocol with an
// `identity` beside the value) and passes its refusals on in its own words.
import { parseRecord } from '../azure/assertion.ts'
import { toPlainLine } from '../azure/plain-line.ts'
import {
  parseRetryAfterMs,
  retry,
  type RetryDelays,
  type RetryDeps,
  tokenDelaysMs,
} from '../azure/retry.ts'
import { Fault, isFaultCode, messageOf } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import type { Clock } from '../core/time.ts'
import { type HttpAnswer, HttpError, type Send } from '../http/http.ts'
import type { RequestToken } from './request-token.ts'

/** An ID token, and the identity the policy lets this build become; its ids may be absent. */
export type IdToken = {
  value: Secret
  identity: { name: string; tenantId?: string; clientId?: string }
  /** What the service's records of this build have in common. */
  trace?: string
}

/** What asking needs; `send` must trust what the token pins. */
export type IdTokenDeps = RetryDeps & { send: Send; now: Clock; userAgent: string }

// Half a minute: a restarted service is back by then, and so is a pod that moved to another machine. Short
// waits, because it is there at once when it is there.
const restartDelaysMs: RetryDelays = [...tokenDelaysMs, ...Array<number>(18).fill(1_500)]

/**
 * A fresh ID token for one audience; up to three tries, and for half a minute while the service is being
 * restarted, then a Fault of ours or of the service.
 */
export async function requestIdToken(
  deps: IdTokenDeps,
  token: RequestToken,
  audience: string,
): Promise<IdToken> {
  return retry(
    deps,
    restartDelaysMs,
    async () => readIdToken(await ask(deps, token, audience), token.serviceUrl, deps.now()),
    (error, tryNumber) => {
      if (!(error instanceof Fault) || error.code === 'issuer_pin_mismatch') return { again: false }
      const afterMs = error.details['retryAfterMs']
      const isWorthIt = tryNumber < tokenDelaysMs.length || isRestart(error)
      return {
        again: error.isRetryable && isWorthIt,
        ...(typeof afterMs === 'number' && { afterMs }),
      }
    },
  )
}

// Nobody listens, the connection broke off, or a proxy before the service says that it is not there. A name
// that does not resolve, a certificate or an answer that is not ours are mistakes, which stay.
function isRestart({ code, cause, details }: Fault): boolean {
  if (code === 'issuer_unreachable') {
    const { code: system } = toRecord(cause)
    return typeof system === 'string' && /^(ECONNREFUSED|ECONNRESET|EPIPE)$/.test(system)
  }
  return [502, 503, 504].includes(Number(details['httpStatus']))
}

async function ask(
  { send, userAgent, signal }: IdTokenDeps,
  { bearer, serviceUrl }: RequestToken,
  audience: string,
): Promise<HttpAnswer> {
  const base = serviceUrl.pathname.replace(/\/+$/, '')
  try {
    return await send({
      method: 'GET',
      origin: serviceUrl,
      path: `${base}/v1/id-token?v=1&audience=${encodeURIComponent(audience)}`,
      headers: {
        authorization: `Bearer ${bearer.reveal()}`,
        accept: 'application/json',
        'user-agent': userAgent,
      },
      ...(signal && { signal }),
    })
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    throw new Fault(
      'issuer_unreachable',
      `The trust service at ${serviceUrl.origin} could not be reached: ${messageOf(error)}.`,
      {
        cause: error,
        ...(error.isTrust && {
          hint: 'Its certificate is not trusted: let the service pin its CA in the request token, or give the CA as `ca_file`.',
        }),
      },
    )
  }
}

function readIdToken(answer: HttpAnswer, serviceUrl: URL, now: Date): IdToken {
  const body = parseRecord(answer.body.toString('utf8'))
  if (answer.status !== 200) throw refusal(answer, body, serviceUrl, now)
  const { value } = body
  // GitHub's own service answers with a value only; ours also names the identity.
  const identity = toRecord(body['identity'])
  if (typeof value !== 'string' || value.split('.').length !== 3) {
    throw invalid(answer, serviceUrl, 'without an ID token')
  }
  const { name, tenant_id: tenantId, client_id: clientId } = identity
  const { trace } = body
  return {
    value: new Secret(value),
    ...(typeof trace === 'string' && /^[0-9a-f]{32}$/.test(trace) && { trace }),
    identity: {
      name: typeof name === 'string' ? name : '',
      ...(typeof tenantId === 'string' && tenantId !== '' && { tenantId }),
      ...(typeof clientId === 'string' && clientId !== '' && { clientId }),
    },
  }
}

function refusal(
  answer: HttpAnswer,
  problem: Record<string, unknown>,
  serviceUrl: URL,
  now: Date,
): Fault {
  const { code, detail, hint, title } = problem
  const sentence = [detail, title].find((text) => typeof text === 'string' && text !== '')
  if (typeof code !== 'string' || typeof sentence !== 'string') {
    return invalid(answer, serviceUrl, 'with something other than a problem document')
  }
  const retryAfterMs = parseRetryAfterMs(answer.headers['retry-after'], now)
  return new Fault(isFaultCode(code) ? code : 'issuer_refused', toPlainLine(sentence, 1000), {
    ...(typeof hint === 'string' && hint !== '' && { hint: toPlainLine(hint, 1000) }),
    details: {
      httpStatus: answer.status,
      ...(!isFaultCode(code) && { serviceCode: toPlainLine(code, 64) }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  })
}

function invalid(answer: HttpAnswer, serviceUrl: URL, how: string): Fault {
  return new Fault(
    'issuer_answer_invalid',
    `${serviceUrl.origin} answered ${answer.status} ${how}: it is not the trust service, or a proxy answered for it.`,
    { details: { httpStatus: answer.status } },
  )
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
