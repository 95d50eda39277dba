// Becomes an Azure identity: the ID token of the trust service for an access token of Microsoft
// Entra ID (client credentials with a JWT assertion, RFC 7523 §2.2; facts/federation.md §1.4).
import { Fault, messageOf } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import type { Clock } from '../core/time.ts'
import { type HttpAnswer, HttpError, type Send } from '../http/http.ts'
import { parseRecord } from './assertion.ts'
import { entraFault } from './entra-faults.ts'
import { parseRetryAfterMs, retry, type RetryDeps, tokenDelaysMs, type Verdict } from './retry.ts'

/** An access token, when it ends, and the id under which Entra logged the sign-in. */
export type AccessToken = { token: Secret; expiresAt: Date; correlationId: string }

/** Which identity to become, with what proof, for what. */
export type ExchangeRequest = {
  /** `https://host` of the cloud's authority. */
  authorityHost: string
  tenantId: string
  clientId: string
  assertion: Secret
  scope: string
  /** A GUID of our own; it becomes the correlation id in Entra's sign-in log. */
  clientRequestId: string
}

/** What the exchange needs from outside. */
export type ExchangeDeps = RetryDeps & { send: Send; now: Clock }

/** Exchanges the assertion for an access token; up to three tries, then a Fault `azure_entra_*`. */
export async function exchange(deps: ExchangeDeps, request: ExchangeRequest): Promise<AccessToken> {
  return retry(
    deps,
    tokenDelaysMs,
    () => exchangeOnce(deps, request),
    (error): Verdict => {
      if (!(error instanceof Fault)) return { again: false }
      const afterMs = error.details['retryAfterMs']
      const again =
        error.code === 'azure_entra_throttled' || error.details['trouble'] === 'connection'
      return typeof afterMs === 'number' ? { again, afterMs } : { again }
    },
  )
}

async function exchangeOnce(
  { send, now, signal }: ExchangeDeps,
  request: ExchangeRequest,
): Promise<AccessToken> {
  const form = new URLSearchParams({
    client_id: request.clientId,
    scope: request.scope,
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: request.assertion.reveal(),
  })
  const askedAt = now()
  let answer: HttpAnswer
  try {
    answer = await send({
      method: 'POST',
      origin: new URL(request.authorityHost),
      path:
        `/${encodeURIComponent(request.tenantId)}/oauth2/v2.0/token` +
        `?client-request-id=${encodeURIComponent(request.clientRequestId)}`,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        'client-request-id': request.clientRequestId,
      },
      body: Buffer.from(form.toString()),
      ...(signal && { signal }),
    })
  } catch (error) {
    throw unreachable(error, request.authorityHost)
  }
  return readToken(answer, request, askedAt)
}

function readToken(answer: HttpAnswer, request: ExchangeRequest, askedAt: Date): AccessToken {
  if (answer.status !== 200) throw withRetryAfter(entraFault(answer, request), answer, askedAt)
  const body = parseRecord(answer.body.toString('utf8'))
  const { access_token: token, expires_in: lifetimeSeconds } = body
  const seconds = Number(lifetimeSeconds)
  if (typeof token !== 'string' || token === '' || !(seconds > 0)) {
    throw new Fault(
      'azure_entra_unreachable',
      `${request.authorityHost} answered 200 without an access token: it is not Entra.`,
    )
  }
  return {
    token: new Secret(token),
    // Counted from before the call, so that the token never looks younger than it is.
    expiresAt: new Date(askedAt.getTime() + seconds * 1000),
    correlationId: answer.headers['client-request-id'] ?? request.clientRequestId,
  }
}

function withRetryAfter(fault: Fault, answer: HttpAnswer, now: Date): Fault {
  const retryAfterMs = parseRetryAfterMs(answer.headers['retry-after'], now)
  if (retryAfterMs === undefined) return fault
  return new Fault(fault.code, fault.message, {
    hint: fault.hint,
    details: { ...fault.details, retryAfterMs },
  })
}

function unreachable(error: unknown, authorityHost: string): unknown {
  if (!(error instanceof HttpError)) return error
  if (error.isTrust) {
    return new Fault(
      'azure_entra_unreachable',
      `The certificate of ${authorityHost} is not trusted: ${messageOf(error)}.`,
      {
        cause: error,
        hint: 'If a proxy or a lab with its own CA stands there, give its certificate as `ca_file`.',
      },
    )
  }
  return new Fault(
    'azure_entra_unreachable',
    `Entra at ${authorityHost} could not be reached: ${messageOf(error)}.`,
    { cause: error, details: { trouble: 'connection' } },
  )
}
