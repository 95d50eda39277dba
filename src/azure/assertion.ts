// Reads the claims of our own ID token for messages: issuer, subject and audience are not secret,
// and a refusal is only understood when they are shown. Nothing here is verified or trusted.
import type { Secret } from '../core/secret.ts'

/** What an ID token says about itself; empty texts when it cannot be read. */
export type AssertionClaims = { issuer: string; subject: string; audience: string }

/** The claims of a JWT for display; never throws. */
export function readAssertion(assertion: Secret): AssertionClaims {
  const payload = assertion.reveal().split('.')[1] ?? ''
  const claims = parseRecord(Buffer.from(payload, 'base64url').toString('utf8'))
  const text = (name: string) => {
    const value = claims[name]
    return typeof value === 'string' ? value : ''
  }
  return { issuer: text('iss'), subject: text('sub'), audience: text('aud') }
}

/** A JSON object as a record; an empty one for anything else. */
export function parseRecord(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {}
  } catch {
    return {}
  }
}
