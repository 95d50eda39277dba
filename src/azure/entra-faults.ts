// What Entra's AADSTS numbers mean for a person (facts/federation.md §2): expired, not propagated
// yet, refused, blocked and flaky are told apart. Microsoft asks not to branch on texts, and only
// the numbers tell these cases apart, so an unknown number is shown as it came.
import { Fault, type FaultCode } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import type { HttpAnswer } from '../http/http.ts'
import { parseRecord, readAssertion } from './assertion.ts'
import { toPlainLine } from './plain-line.ts'

/** Why an exchange failed, in the one word a person acts on. */
export type EntraTrouble = 'expired' | 'propagating' | 'refused' | 'blocked' | 'flaky'

type Cause = { code: FaultCode; trouble: EntraTrouble; says: string; numbers: readonly number[] }

const causes: readonly Cause[] = [
  {
    code: 'azure_entra_credential_absent',
    trouble: 'propagating',
    says: 'the application has no federated credential that matches this ID token',
    numbers: [70021, 70025],
  },
  {
    code: 'azure_entra_issuer_unknown',
    trouble: 'propagating',
    says: 'the application has no federated credential with this issuer',
    numbers: [700211],
  },
  {
    code: 'azure_entra_audience_unknown',
    trouble: 'refused',
    says: 'the federated credential asks for another audience than the ID token has',
    numbers: [700212],
  },
  {
    code: 'azure_entra_subject_unknown',
    trouble: 'propagating',
    says: 'the application has no federated credential with this subject',
    numbers: [700213, 7002137],
  },
  {
    code: 'azure_entra_subject_case',
    trouble: 'refused',
    says: 'the subject of the federated credential differs in upper and lower case only',
    numbers: [7002138],
  },
  {
    code: 'azure_entra_key_unknown',
    trouble: 'propagating',
    says: 'Entra does not know the key that signed the ID token (not published, or not seen yet)',
    numbers: [7000272, 500276],
  },
  {
    code: 'azure_entra_signature_invalid',
    trouble: 'refused',
    says: 'the signature of the ID token does not fit the published key',
    numbers: [700027, 50012, 900384],
  },
  {
    code: 'azure_entra_assertion_expired',
    trouble: 'expired',
    says: 'the ID token is expired or not valid yet by the clock of Entra',
    numbers: [700024, 500133, 50013],
  },
  {
    code: 'azure_entra_assertion_malformed',
    trouble: 'refused',
    says: 'the ID token is not one Entra can read',
    numbers: [50027, 5002727, 5002723, 5002738, 90014],
  },
  {
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: 'Entra could not read the discovery document or the keys at the issuer URL',
    numbers: [90061, 501661],
  },
  {
    code: 'azure_entra_app_unknown',
    trouble: 'refused',
    says: 'the application does not exist in this tenant',
    numbers: [700016, 700021],
  },
  {
    code: 'azure_entra_app_disabled',
    trouble: 'refused',
    says: 'the application or its service principal is disabled',
    numbers: [7000112, 70001],
  },
  {
    code: 'azure_entra_tenant_unknown',
    trouble: 'refused',
    says: 'the tenant does not exist in this cloud, or is blocked',
    numbers: [90002, 900023, 5000224, 900382, 900432],
  },
  {
    code: 'azure_entra_not_federated',
    trouble: 'refused',
    says: 'a client secret or certificate was looked at instead of the ID token',
    numbers: [7000215, 7000218, 7000222, 1000502, 7000214, 7000274, 7000277],
  },
  {
    code: 'azure_entra_scope_invalid',
    trouble: 'refused',
    says: 'the scope or resource asked for does not exist',
    numbers: [1002012, 70011, 700022, 500011],
  },
  {
    code: 'azure_entra_policy_blocked',
    trouble: 'blocked',
    says: 'a policy of the tenant blocks this exchange',
    numbers: [53003, 700222, 700223, 700229, 700238, 70052],
  },
  {
    code: 'azure_entra_throttled',
    trouble: 'flaky',
    says: 'Entra is busy for the moment',
    numbers: [90006, 90012, 90024, 90033, 90055, 90090],
  },
]

const causeByNumber = new Map(
  causes.flatMap((cause) => cause.numbers.map((number) => [number, cause] as const)),
)

/** What was presented to Entra when it refused. */
export type Presented = {
  authorityHost: string
  clientId: string
  tenantId: string
  assertion: Secret
}

/** The fault for an answer of Entra's token endpoint that is not a token. */
export function entraFault(answer: HttpAnswer, presented: Presented): Fault {
  const body = parseRecord(answer.body.toString('utf8'))
  const number = firstNumber(body)
  const cause = number === undefined ? undefined : causeByNumber.get(number)
  if (number === undefined && !isTokenError(body)) return foreignAnswer(answer, presented)
  if (cause ? cause.trouble === 'flaky' : isTransient(answer, body)) return busy(answer, number)
  const ids = {
    traceId: idOf(body, 'trace_id', answer.headers['x-ms-request-id']),
    correlationId: idOf(body, 'correlation_id', answer.headers['client-request-id']),
  }
  const { code, trouble, says } = cause ?? unknownCause(body)
  // The times Entra names in its own words tell how far a clock is off.
  const words = trouble === 'expired' ? ` (“${firstSentence(body)}”)` : ''
  return new Fault(
    code,
    `Entra refused the exchange: ${says}${words}. ${presentedText(presented)} ` +
      `[${nameOf(number)}, trace id ${ids.traceId}, correlation id ${ids.correlationId}]`,
    { details: { ...ids, trouble, aadsts: number ?? 0 } },
  )
}

function unknownCause(body: Record<string, unknown>): Cause {
  const says = firstSentence(body) || textOf(body, 'error')
  return { code: 'azure_entra_refused', trouble: 'refused', says, numbers: [] }
}

function nameOf(number: number | undefined): string {
  return number === undefined ? 'no AADSTS number' : `AADSTS${number}`
}

function presentedText({ assertion, clientId, tenantId }: Presented): string {
  const { issuer, subject, audience } = readAssertion(assertion)
  const show = (text: string) => `“${toPlainLine(text, 600)}”`
  return (
    `Presented to application ${clientId} in tenant ${tenantId}: issuer ${show(issuer)}, ` +
    `subject ${show(subject)}, audience ${show(audience)}.`
  )
}

function foreignAnswer(answer: HttpAnswer, { authorityHost, tenantId }: Presented): Fault {
  if (answer.status >= 500 || answer.status === 429) return busy(answer, undefined)
  return new Fault(
    'azure_entra_unreachable',
    `${authorityHost} answered ${answer.status} with something other than an Entra token answer ` +
      `for tenant ${tenantId}: a proxy page, or a wrong authority host.`,
    { details: { httpStatus: answer.status, trouble: 'blocked' } },
  )
}

function busy(answer: HttpAnswer, number: number | undefined): Fault {
  return new Fault(
    'azure_entra_throttled',
    `Entra is busy for the moment: it answered ${answer.status} (${nameOf(number)}).`,
    { details: { httpStatus: answer.status, trouble: 'flaky' } },
  )
}

function isTransient(answer: HttpAnswer, body: Record<string, unknown>): boolean {
  const isBusy = answer.status === 429 || answer.status >= 500
  return isBusy || textOf(body, 'error') === 'temporarily_unavailable'
}

function isTokenError(body: Record<string, unknown>): boolean {
  return textOf(body, 'error') !== ''
}

function firstNumber(body: Record<string, unknown>): number | undefined {
  const listed: unknown = Array.isArray(body['error_codes']) ? body['error_codes'][0] : undefined
  if (typeof listed === 'number') return listed
  const named = /AADSTS(\d{4,9})/.exec(textOf(body, 'error_description'))
  return named ? Number(named[1]) : undefined
}

function idOf(body: Record<string, unknown>, name: string, fallback = 'unknown'): string {
  return toPlainLine(textOf(body, name) || fallback, 64)
}

function firstSentence(body: Record<string, unknown>): string {
  const line = textOf(body, 'error_description').split(/\r?\n/, 1)[0] ?? ''
  return toPlainLine(line.replace(/^AADSTS\d+:\s*/, ''))
}

function textOf(body: Record<string, unknown>, name: string): string {
  const value = body[name]
  return typeof value === 'string' ? value : ''
}
