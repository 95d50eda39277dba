// The request token the CI server hands to the step (DESIGN §5.2): it names the trust service, pins
// its private CA when it has one, and is itself the bearer.
import { parseRecord } from '../azure/assertion.ts'
import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'

/** A request token taken apart. */
export type RequestToken = {
  /** The whole token, for the Authorization header. */
  bearer: Secret
  serviceUrl: URL
  /** SHA-256 of the SubjectPublicKeyInfo (DER) of the private CA, base64url; absent for public trust. */
  pin?: string
}

/** Reads `asd1.<base64url JSON>.<secret>`; throws `plugin_token_malformed` for anything else. */
export function parseRequestToken(bearer: Secret): RequestToken {
  const parts = bearer.reveal().split('.')
  const [form, payload = '', secret = ''] = parts
  if (
    form !== 'asd1' ||
    parts.length !== 3 ||
    !/^[\w-]+$/.test(payload) ||
    !/^[\w-]+$/.test(secret)
  ) {
    throw malformed(describeForm(bearer.reveal()))
  }
  const { url, pin } = parseRecord(Buffer.from(payload, 'base64url').toString('utf8'))
  if (typeof url !== 'string' || !URL.canParse(url)) throw malformed('it names no trust service')
  const serviceUrl = new URL(url)
  if (serviceUrl.protocol !== 'https:' && serviceUrl.protocol !== 'http:') {
    throw malformed('the trust service it names is neither https nor http')
  }
  if (pin === undefined) return { bearer, serviceUrl }
  if (typeof pin !== 'string' || !/^[\w-]{43}$/.test(pin) || serviceUrl.protocol !== 'https:') {
    throw malformed('its pin is not a SHA-256 for an https service')
  }
  return { bearer, serviceUrl, pin }
}

function malformed(why: string): Fault {
  return new Fault(
    'plugin_token_malformed',
    `The setting \`token\` is not a request token: ${why}.`,
  )
}

// Says what came instead without showing any of it.
function describeForm(text: string): string {
  if (/^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) return 'it looks like a JWT'
  if (/^\*+$/.test(text)) return 'it is masked (only asterisks)'
  if (/\s/.test(text)) return 'it contains spaces or line breaks'
  if (/^["'].*["']$/.test(text)) return 'it is in quotes'
  return text.startsWith('asd1.') ? 'it is cut or altered' : 'it does not begin with `asd1.`'
}
