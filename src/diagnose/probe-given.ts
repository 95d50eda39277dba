// The links of sources other than the request token: an ID token that is simply there, or an access token
// that somebody else gets.
import type { AccessToken } from '../azure/entra.ts'
import type { Secret } from '../core/secret.ts'
import { type Credential, isExchanged } from '../plugin/credential.ts'
import { type IdentityDeps, openAccess } from '../plugin/identity.ts'
import { readGivenAssertion } from '../plugin/sources/given-assertion.ts'
import { findFault, type Patience, tryOften } from './attempts.ts'
import type { Attempt, Facts } from './facts.ts'
import { readIdClaims } from './probe-token.ts'

/** Whether the source hands out assertions by itself, without the trust service. */
export function givesAssertions(credential: Credential): boolean {
  return isExchanged(credential) && credential.source !== 'request token'
}

/** Reads the assertion as a step would; the token itself is only for the next link. */
export async function probeAssertion(
  deps: { now: () => Date },
  credential: Credential,
): Promise<{ fact: NonNullable<Facts['idToken']>; value?: Secret }> {
  let value: Secret | undefined
  let who: NonNullable<Facts['idToken']>['who']
  const fault = await findFault(async () => {
    const given = await readGivenAssertion(deps, credential)
    value = given.value
    who = { name: given.name, ...given.who }
  })
  if (!value || !who) return { fact: fault ? { fault } : {} }
  return { fact: { claims: readIdClaims(value), who }, value }
}

/** Asks for access tokens where the source gives some without an exchange. */
export async function probeAccess(
  deps: Omit<IdentityDeps, 'send' | 'userAgent' | 'log'>,
  credential: Credential,
  patience: Patience,
): Promise<{ exchanges: readonly Attempt[]; access?: AccessToken }> {
  let access: AccessToken | undefined
  const ask = await openAccess({ ...deps, log: () => undefined }, credential)
  const exchanges = await tryOften(deps, patience, async () => {
    access = await ask?.()
  })
  return { exchanges, ...(access && { access }) }
}
