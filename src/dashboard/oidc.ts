// Sign-in by OpenID Connect (Core 1.0) with any provider: authorization code, PKCE, state and nonce, all
// checked by openid-client; and the role that a claim of the ID token gives.
import * as client from 'openid-client'

import { Fault, messageOf } from '../core/fault.ts'
import { roles, type Person, type Role } from '../core/role.ts'
import type { Secret } from '../core/secret.ts'

/** The provider, and what its claims mean here. */
export type OidcSettings = {
  issuer: string
  clientId: string
  clientSecret?: Secret
  scopes: readonly string[]
  /** Claim that names the person in pages and in the ledger. */
  nameClaim: string
  /** Claim whose value, or one of whose values, gives a role. */
  roleClaim: string
  /** Values of that claim for each role. */
  roles: Readonly<Record<Role, readonly string[]>>
}

/** What must be remembered until the person comes back. */
export type SignInSecrets = { state: string; nonce: string; verifier: string }

/** Sends people to the provider and takes them back. */
export type Oidc = {
  /** Where to send somebody; throws dashboard_provider_unavailable. */
  begin: (redirectUri: string) => Promise<{ url: string; secrets: SignInSecrets }>
  /** Who came back; throws dashboard_sign_in_failed, _role_missing or _provider_unavailable. */
  finish: (returnedTo: URL, secrets: SignInSecrets) => Promise<Person>
}

/** A client of this provider, whose documents are read when the first person signs in. */
export function createOidc({ fetch }: { fetch: client.CustomFetch }, settings: OidcSettings): Oidc {
  let found: Promise<client.Configuration> | undefined
  const discover = async () => {
    found ??= discovery(fetch, settings)
    try {
      return await found
    } catch (cause) {
      found = undefined
      const why = messageOf(cause)
      const sentence = `The documents of the sign-in provider ${settings.issuer} cannot be read: ${why}.`
      throw new Fault('dashboard_provider_unavailable', sentence, { cause })
    }
  }
  return {
    begin: async (redirectUri) => {
      const provider = await discover()
      const secrets = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
      }
      const url = client.buildAuthorizationUrl(provider, {
        redirect_uri: redirectUri,
        scope: settings.scopes.join(' '),
        state: secrets.state,
        nonce: secrets.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(secrets.verifier),
        code_challenge_method: 'S256',
      })
      return { url: url.href, secrets }
    },
    finish: async (returnedTo, { state, nonce, verifier }) => {
      const provider = await discover()
      const answer = await redeem(provider, returnedTo, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      })
      return toPerson(settings, answer.claims() ?? {})
    },
  }
}

function discovery(
  fetch: client.CustomFetch,
  { issuer, clientId, clientSecret }: OidcSettings,
): Promise<client.Configuration> {
  // Without a secret the client is public, and PKCE is what binds the code to us.
  const proof = clientSecret ? client.ClientSecretPost(clientSecret.reveal()) : client.None()
  return client.discovery(new URL(issuer), clientId, undefined, proof, {
    [client.customFetch]: fetch,
    timeout: 10,
  })
}

async function redeem(
  provider: client.Configuration,
  returnedTo: URL,
  checks: client.AuthorizationCodeGrantChecks,
) {
  try {
    return await client.authorizationCodeGrant(provider, returnedTo, checks)
  } catch (cause) {
    if (cause instanceof client.AuthorizationResponseError) {
      const why = cause.error_description ?? cause.error
      throw new Fault('dashboard_sign_in_failed', `The provider did not sign you in: ${why}`, {
        cause,
      })
    }
    // A refused code, a state, nonce or token that is not ours, or no answer at all.
    const why = messageOf(cause).replace(/\.$/, '')
    throw new Fault('dashboard_sign_in_failed', `The sign-in could not be finished: ${why}.`, {
      cause,
    })
  }
}

/** The person that claims tell of, with the highest role they give; throws dashboard_role_missing. */
export function toPerson(
  { nameClaim, roleClaim, roles: values }: Pick<OidcSettings, 'nameClaim' | 'roleClaim' | 'roles'>,
  claims: Readonly<Record<string, unknown>>,
): Person {
  const known = [claims[nameClaim], claims['sub']].find((each) => typeof each === 'string') ?? ''
  const name = known.toWellFormed().slice(0, 200)
  const given = [claims[roleClaim]].flat().filter((each) => typeof each === 'string')
  const role = roles.findLast((each) => values[each].some((value) => given.includes(value)))
  if (name !== '' && role !== undefined) return { name, role }
  throw new Fault(
    'dashboard_role_missing',
    `${name || 'Somebody without a name'} signed in, but the claim "${roleClaim}" gives no role here.`,
  )
}
