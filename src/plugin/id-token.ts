// Asks the trust service for an ID token (`GET <url>/v1/id-token`, GitHub's protocol with an
// `identity` beside the value) and passes its refusals on in its own words.
import { parseRecord } from '../azure/assertion.ts'
import { toPlainLine } from '../azure/plain-line.ts'
import { parseRetryAfterMs, retry, type RetryDeps, tokenDelaysMs } from '../azure/retry.ts'
import { Fault, isFaultCode, messageOf } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import type { Clock } from '../core/time.ts'
import { type HttpAnswer, HttpError, type Send } from '../http/http.ts'
import type { RequestToken } from './request-token.ts'

/** An ID token, and the identity the policy lets this build become; its ids may be absent. */
export type IdToken = {
  value: Secret
  identity: { name: string; tenantId?: string; clientId?: string }
}

/** What asking needs; `send` must trust what the token pins. */
export type IdTokenDeps = RetryDeps & { send: Send; now: Clock; userAgent: string }

/** A fresh ID token for one audience; up to three tries, then a Fault of ours or of the service. */
export async function requestIdToken(
  deps: IdTokenDeps,
  token: RequestToken,
  audience: string,
): Promise<IdToken> {
  return retry(
    deps,
    tokenDelaysMs,
    async () => readIdToken(await ask(deps, token, audience), token.serviceUrl, deps.now()),
    (error) => {
      if (!(error instanceof Fault) || error.code === 'issuer_pin_mismatch') return { again: false }
      const afterMs = error.details['retryAfterMs']
      return { again: error.isRetryable, ...(typeof afterMs === 'number' && { afterMs }) }
    },
  )
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
  return {
    value: new Secret(value),
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
