// Becomes the identity of a step, from the one source that is configured: an assertion (an ID token of the
// trust service, of Harness, of a cluster) that Entra exchanges, or an access token that somebody else
// gets. Everything is fetched anew whenever the access token nears its end.
import { readAssertion } from '../azure/assertion.ts'
import { storageScope } from '../azure/clouds.ts'
import { type AccessToken, exchange } from '../azure/entra.ts'
import type { RetryDeps } from '../azure/retry.ts'
import { createTokenSource, type TokenSource } from '../azure/token-source.ts'
import type { Secret } from '../core/secret.ts'
import type { Clock } from '../core/time.ts'
import type { HttpClient, HttpOptions, Send } from '../http/http.ts'
import type { Application, Credential } from './credential.ts'
import { type Footprint, noteAccess, noteIdToken } from './footprint.ts'
import { type IdToken, requestIdToken } from './id-token.ts'
import { fetchPinnedCertificate } from './pin.ts'
import type { Log } from './report.ts'
import { parseRequestToken, type RequestToken } from './request-token.ts'
import { invalid, type Settings } from './settings.ts'

/** What becoming somebody needs. */
export type IdentityDeps = RetryDeps & {
  /** For Entra, and for the trust service when its token pins nothing. */
  send: Send
  openHttp: (options: HttpOptions) => HttpClient
  now: Clock
  newId: () => string
  log: Log
  userAgent: string
  /** Where the trace of the build and the hashes of its tokens are noted. */
  footprint?: Footprint
}

/** An ID token for Entra, whom it is for, and what the policy calls that. */
export type Assertion = { value: Secret; who: Application; name: string }

/** Gives a fresh assertion at each call. */
export type AssertionSource = () => Promise<Assertion>

/** An access token that needs no exchange, and a line for the log on whose it is. */
export type GivenAccess = AccessToken & { says: string }

/** Gives a fresh access token at each call. */
export type AccessSource = () => Promise<GivenAccess>

/** A source of storage tokens for the identity this step may have; says in the log who it is. */
export function becomeIdentity(deps: IdentityDeps, settings: Settings): TokenSource {
  let acquire: Promise<() => Promise<AccessToken>> | undefined
  return createTokenSource({
    acquire: async () => {
      acquire ??= openAcquire(deps, settings)
      return (await acquire)()
    },
    now: deps.now,
  })
}

async function openAcquire(
  deps: IdentityDeps,
  settings: Settings,
): Promise<() => Promise<AccessToken>> {
  const { credential } = settings
  const giveAccess = await openAccess(deps, credential)
  if (giveAccess) {
    return async () => {
      const { says, ...access } = await giveAccess()
      deps.log(`${says}, storage token until ${showTime(access.expiresAt)}`)
      return access
    }
  }
  const giveAssertion = await openAssertions(deps, settings)
  return async () => {
    const assertion = await giveAssertion()
    const access = await exchange(deps, {
      ...assertion.who,
      authorityHost: settings.authorityHost,
      assertion: assertion.value,
      scope: storageScope,
      clientRequestId: deps.newId(),
    })
    if (deps.footprint) noteAccess(deps.footprint, access)
    deps.log(identityLine(assertion, access))
    return access
  }
}

/** Where access tokens come from without an exchange; undefined when there is one. */
export async function openAccess(
  deps: Omit<IdentityDeps, 'send' | 'userAgent'>,
  credential: Credential,
): Promise<AccessSource | undefined> {
  if (credential.source === 'managed identity') {
    const { askManagedIdentity, managedWarning } = await import('./sources/managed-identity.ts')
    deps.log(managedWarning)
    return () => askManagedIdentity(deps, credential)
  }
  if (credential.source === 'Azure CLI') {
    const { askAzureCli } = await import('./sources/azure-cli.ts')
    return () => askAzureCli(deps, credential)
  }
  return undefined
}

/** Where assertions come from, for the sources that have some. */
export async function openAssertions(
  deps: IdentityDeps,
  settings: Pick<Settings, 'credential' | 'cloud' | 'identity' | 'override'>,
): Promise<AssertionSource> {
  const { credential, cloud } = settings
  if (credential.source === 'request token') {
    const token = parseRequestToken(credential.token)
    const askDeps = { ...deps, send: sendToService(deps, token) }
    return async () => {
      const idToken = await requestIdToken(askDeps, token, cloud.federationAudience)
      const { value, identity } = idToken
      if (deps.footprint) noteIdToken(deps.footprint, idToken)
      return { value, who: chooseIdentity(settings, idToken), name: identity.name }
    }
  }
  const { readGivenAssertion } = await import('./sources/given-assertion.ts')
  return () => readGivenAssertion(deps, credential)
}

/** Sends to the trust service of a request token, and trusts what the token pins alone if it does. */
export function sendToService(
  deps: Pick<IdentityDeps, 'send' | 'openHttp'>,
  { serviceUrl, pin }: RequestToken,
): Send {
  if (pin === undefined) return deps.send
  let pinned: HttpClient | undefined
  return async (request) => {
    pinned ??= deps.openHttp({
      maxConnections: 1,
      ca: [await fetchPinnedCertificate(serviceUrl, pin)],
      // The pin may be on an intermediate; it ends the chain all the same.
      allowPartialTrustChain: true,
    })
    try {
      return await pinned.send(request)
    } finally {
      pinned.close()
      pinned = undefined
    }
  }
}

/** Who an ID token is for; throws `plugin_setting_invalid` when settings and policy do not fit. */
export function chooseIdentity(
  { identity, override }: Pick<Settings, 'identity' | 'override'>,
  { identity: given }: IdToken,
): { tenantId: string; clientId: string } {
  if (identity !== undefined && given.name !== identity) {
    throw invalid([
      `\`identity\` is “${identity}”, and the policy of the trust service gives this build “${given.name}”`,
    ])
  }
  const { tenantId, clientId } = override ?? given
  if (tenantId === undefined || clientId === undefined) {
    throw invalid([
      'the trust service names no tenant and client id for this identity: set `tenant_id` and `client_id`, or add them to its policy',
    ])
  }
  return { tenantId, clientId }
}

function identityLine({ value, name, who }: Assertion, access: AccessToken): string {
  const { subject } = readAssertion(value)
  return (
    `identity ${name || '(unnamed)'} (client ${who.clientId}) as ${subject}, ` +
    `storage token until ${showTime(access.expiresAt)}, correlation id ${access.correlationId}`
  )
}

function showTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`
}
