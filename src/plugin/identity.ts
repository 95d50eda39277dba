// Becomes the build's identity: ID token from the trust service, access token from Entra, both
// fetched anew whenever the access token nears its end.
import { readAssertion } from '../azure/assertion.ts'
import { storageScope } from '../azure/clouds.ts'
import { type AccessToken, exchange } from '../azure/entra.ts'
import type { RetryDeps } from '../azure/retry.ts'
import { createTokenSource, type TokenSource } from '../azure/token-source.ts'
import type { Clock } from '../core/time.ts'
import type { HttpClient, HttpOptions, Send } from '../http/http.ts'
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
}

/** A source of storage tokens for the identity this build may have; says in the log who it is. */
export function becomeIdentity(deps: IdentityDeps, settings: Settings): TokenSource {
  const token = parseRequestToken(settings.token)
  const askDeps = { ...deps, send: sendToService(deps, token) }
  const acquire = async () => {
    const idToken = await requestIdToken(askDeps, token, settings.cloud.federationAudience)
    const who = chooseIdentity(settings, idToken)
    const access = await exchange(deps, {
      ...who,
      authorityHost: settings.authorityHost,
      assertion: idToken.value,
      scope: storageScope,
      clientRequestId: deps.newId(),
    })
    deps.log(identityLine(idToken, who.clientId, access))
    return access
  }
  return createTokenSource({ acquire, now: deps.now })
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

function identityLine({ value, identity }: IdToken, clientId: string, access: AccessToken): string {
  const { subject } = readAssertion(value)
  const until = access.expiresAt.toISOString().slice(0, 19)
  return (
    `identity ${identity.name || '(unnamed)'} (client ${clientId}) as ${subject}, ` +
    `storage token until ${until}Z, correlation id ${access.correlationId}`
  )
}
