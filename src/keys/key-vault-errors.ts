// What goes wrong at Key Vault, in our words: each failure of the SDK as one Fault, and a 429 as what the
// queue rests for (Key Vault, "REST API error codes" and "throttling guidance").
import * as z from 'zod'

import { Fault, messageOf } from '../core/fault.ts'
import { Throttled } from './queue.ts'

const answered = z.object({
  name: z.literal('RestError'),
  statusCode: z.number(),
  details: z
    .object({
      error: z
        .object({
          code: z.string().optional(),
          message: z.string().optional(),
          innerError: z.object({ code: z.string().optional() }).nullish(),
        })
        .nullish(),
    })
    .nullish()
    .catch(undefined),
  response: z
    .object({ headers: z.custom<Headers>(isHeaders) })
    .optional()
    .catch(undefined),
})

// As one object, for `get` needs its own.
type Headers = { get: (name: string) => string | undefined }

function isHeaders(value: unknown): value is Headers {
  return typeof value === 'object' && value !== null && 'get' in value
}

// The classes of @azure/identity, which is not loaded here.
const signInErrors = new Set([
  'AggregateAuthenticationError',
  'AuthenticationError',
  'AuthenticationRequiredError',
  'CredentialUnavailableError',
])

/** The Fault for what a call to Key Vault threw about a key, given by its id; a `Throttled` for a 429. */
export function toVaultFailure(error: unknown, keyId: string): Fault | Throttled {
  if (error instanceof Fault || error instanceof Throttled) return error
  if (error instanceof Error && signInErrors.has(error.name)) {
    return fault('keys_vault_sign_in', `The service could not sign in to use ${keyId}`, error)
  }
  const answer = readAnswer(error)
  if (!answer)
    return fault('keys_vault_unreachable', `Key Vault cannot be reached for ${keyId}`, error)
  const { status, code, cause } = answer
  if (status === 429) return new Throttled(answer.retryAfterMs)
  if (code === 'KeyDisabled') {
    return fault('keys_vault_disabled', `${keyId} is disabled in the vault`, cause)
  }
  if (status === 401 || status === 403) {
    return fault('keys_vault_denied', `Key Vault refuses the service the use of ${keyId}`, cause)
  }
  if (status === 404) return fault('keys_vault_gone', `${keyId} is not in the vault`, cause)
  const sentence = `Key Vault answered ${status} when asked for ${keyId}`
  return fault('keys_vault_unreachable', sentence, cause)
}

type Answer = {
  status: number
  /** The code inside the error, which says more than the outer one. */
  code: string | undefined
  retryAfterMs: number | undefined
  cause: Error
}

function readAnswer(error: unknown): Answer | undefined {
  const parsed = answered.safeParse(error)
  if (!parsed.success) return undefined
  const { statusCode, details, response } = parsed.data
  const said = details?.error
  return {
    status: statusCode,
    code: said?.innerError?.code,
    retryAfterMs: readRetryAfterMs(response?.headers.get('retry-after')),
    cause: new Error(said?.message ?? messageOf(error), { cause: error }),
  }
}

/** The Fault for a call that nobody repeats, of a 429 as well. */
export function toVaultFault(error: unknown, keyId: string): Fault {
  const failure = toVaultFailure(error, keyId)
  if (failure instanceof Fault) return failure
  const retryAfterSeconds = Math.ceil((failure.afterMs ?? 10_000) / 1000)
  const sentence = `Key Vault is asked too often at the moment to make or change ${keyId}.`
  return new Fault('keys_busy', sentence, { details: { retryAfterSeconds } })
}

/** The fault of a signature that is none of the published key. */
export function wrongSignature(keyId: string): Fault {
  const sentence = `Key Vault gave a signature that is not of the published key of ${keyId}.`
  return new Fault('keys_vault_wrong', sentence)
}

function readRetryAfterMs(written: string | undefined): number | undefined {
  const seconds = written ? Number(written) : NaN
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}

function fault(
  code:
    | 'keys_vault_sign_in'
    | 'keys_vault_denied'
    | 'keys_vault_gone'
    | 'keys_vault_disabled'
    | 'keys_vault_unreachable',
  sentence: string,
  cause: unknown,
): Fault {
  // The first line says it; more of them are advice for programmers.
  const why = messageOf(cause).split(/\r?\n/, 1).join('').slice(0, 300).replace(/\.+$/, '')
  return new Fault(code, `${sentence}: ${why}.`, { cause })
}
