// The lab's Entra ID: serves tenant metadata and exchanges federated assertions for storage access
// tokens over https, with every check and refusal of the real one (facts/federation.md §1.4, §8).
import { randomUUID } from 'node:crypto'

import { getRequestListener } from '@hono/node-server'
import { Hono, type Context } from 'hono'
import type { JWK } from 'jose'

import { sha256Hex } from '../core/digest.ts'
import { messageOf } from '../core/fault.ts'
import type { Clock } from '../core/time.ts'
import type { LabAuthority } from './authority.ts'
import {
  createDirectory,
  type LabApp,
  type LabAppDetails,
  type LabAppSettings,
  type LabDirectory,
} from './entra-directory.ts'
import { describeRefusal, EntraRefusal, refusals } from './entra-errors.ts'
import { authenticate, checkTenant, type LabExchange } from './entra-exchange.ts'
import { createIssuerKeys, type IssuerKeys } from './entra-issuers.ts'
import {
  armAudience,
  createTokenSigner,
  graphAudience,
  type LabPrincipal,
  newTraceId,
  storageAudience,
  type TokenSigner,
  toUti,
} from './entra-tokens.ts'
import { listenTls } from './listen.ts'

/** A running Entra. */
export type LabEntra = {
  /** The authority host, https without a trailing slash. */
  url: string
  /** The tenant that exists from the start: the one of the storage accounts. */
  tenantId: string
  /** The principal that sets storage up. */
  owner: LabPrincipal
  /** The public keys of the access tokens. */
  jwks: () => { keys: JWK[] }
  /** What Graph and ARM show and change. */
  directory: LabDirectory
  registerApp: (settings: LabAppSettings, details?: LabAppDetails) => LabApp
  /** Takes the URL of a lab server for the resource it plays; SDKs derive scopes from endpoints. */
  addResource: (url: string, audience: string) => void
  /** The sign-in log, oldest first. */
  exchanges: readonly LabExchange[]
  /** Every access token given out, for searches for leaks. */
  issuedTokens: readonly string[]
  /** Every assertion that was presented, refused or not, for the same searches. */
  presentedAssertions: readonly string[]
  /** A storage token of the owner, without an exchange. */
  mintOwnerToken: () => Promise<string>
  /** A token of this identity without an exchange, as somebody signed in with Azure CLI has one. */
  mintToken: (app: LabApp, audience: string) => Promise<string>
  /** Drops the cached keys of token issuers, as time does at the real one. */
  forgetIssuers: () => void
  close: () => Promise<void>
}

/** What a lab Entra can be told; ids are GUIDs. */
export type LabEntraOptions = { tenantId?: string; accessTokenLifetimeSeconds?: number }

type EntraState = {
  now: Clock
  directory: LabDirectory
  issuers: IssuerKeys
  resources: Map<string, string>
  signer: TokenSigner
  exchanges: LabExchange[]
  issuedTokens: string[]
  presentedAssertions: string[]
}

/** Starts an Entra on a free port of the loopback interface; close it when done. */
export async function startEntra(
  { authority, now }: { authority: LabAuthority; now: Clock },
  options: LabEntraOptions = {},
): Promise<LabEntra> {
  const tenantId = options.tenantId ?? randomUUID()
  const lifetimeSeconds = options.accessTokenLifetimeSeconds ?? 3599
  const directory = createDirectory(tenantId)
  const issuers = createIssuerKeys({ authority })
  const signer = await createTokenSigner({ now }, { lifetimeSeconds })
  const resources = new Map([
    [storageAudience, storageAudience],
    [graphAudience, graphAudience],
    [armAudience, armAudience],
    ['https://management.core.windows.net', armAudience],
  ])
  const exchanges: LabExchange[] = []
  const issuedTokens: string[] = []
  const presentedAssertions: string[] = []
  const state = {
    now,
    directory,
    issuers,
    resources,
    signer,
    exchanges,
    issuedTokens,
    presentedAssertions,
  }
  const owner = { tenantId, clientId: randomUUID(), objectId: randomUUID() }
  const { url, close } = await listenTls(
    { authority },
    getRequestListener(createApp(state).fetch, { overrideGlobalObjects: false }),
  )
  return {
    url,
    tenantId,
    owner,
    jwks: () => signer.keys,
    directory,
    registerApp: (settings, details) => directory.registerApp(settings, details),
    addResource: (resource, audience) => void resources.set(resource, audience),
    exchanges,
    issuedTokens,
    presentedAssertions,
    async mintOwnerToken() {
      const token = await signer.sign(owner, newTraceId())
      issuedTokens.push(token)
      return token
    },
    async mintToken(app, audience) {
      const { graphPermissions } = app
      const token = await signer.sign(app, newTraceId(), { audience, graphPermissions })
      issuedTokens.push(token)
      return token
    },
    forgetIssuers: () => issuers.forget(),
    close,
  }
}

function createApp(state: EntraState): Hono {
  const app = new Hono()
  app.get('/common/discovery/instance', (c) => c.json(describeCloud(new URL(c.req.url))))
  app.get('/:tenant/v2.0/.well-known/openid-configuration', (c) => {
    const tenant = c.req.param('tenant')
    try {
      checkTenant(state.directory, tenant)
    } catch (error) {
      return refuse(state, c, error, { traceId: newTraceId(), correlationId: correlate(c) })
    }
    return c.json(describeTenant(new URL(c.req.url).origin, tenant))
  })
  app.get('/:tenant/discovery/v2.0/keys', (c) => c.json(state.signer.keys))
  app.post('/:tenant/oauth2/v2.0/token', (c) => exchange(state, c, c.req.param('tenant')))
  return app
}

async function exchange(state: EntraState, c: Context, tenantId: string): Promise<Response> {
  const form = await readForm(c)
  const record = openRecord(state.now(), tenantId, correlate(c, form))
  const assertion = form.get('client_assertion')
  if (assertion !== null) state.presentedAssertions.push(assertion)
  c.header('cache-control', 'no-store, no-cache')
  c.header('x-ms-request-id', record.traceId)
  c.header('client-request-id', record.correlationId)
  try {
    const { app, use } = await authenticate(state, { tenantId, form }, record)
    const token = await state.signer.sign(app, record.traceId, use)
    record.accessTokenSha256 = sha256Hex(token).toUpperCase()
    record.resultCode = 0
    state.issuedTokens.push(token)
    const { lifetimeSeconds } = state.signer
    return c.json({
      token_type: 'Bearer',
      expires_in: lifetimeSeconds,
      ext_expires_in: lifetimeSeconds,
      access_token: token,
    })
  } catch (error) {
    if (error instanceof EntraRefusal) {
      record.resultCode = error.code
      record.resultText = [error, error.cause].filter(Boolean).map(messageOf).join(' — ')
    }
    return refuse(state, c, error, record)
  } finally {
    state.exchanges.push(record)
  }
}

function refuse(
  { now }: EntraState,
  c: Context,
  error: unknown,
  ids: { traceId: string; correlationId: string },
): Response {
  if (!(error instanceof EntraRefusal)) throw error
  const body = describeRefusal(error, { ...ids, now: now() })
  return c.json(body, refusals[error.code].status)
}

function openRecord(time: Date, tenantId: string, correlationId: string): LabExchange {
  const traceId = newTraceId()
  return {
    time,
    tenantId,
    clientId: '',
    objectId: '',
    correlationId,
    traceId,
    uti: toUti(traceId),
    issuer: '',
    subject: '',
    audience: '',
    jti: '',
    federatedCredentialName: '',
    federatedCredentialId: '',
    resource: '',
    resultCode: -1, // stays only when the lab itself failed
    resultText: '',
    accessTokenSha256: '',
  }
}

async function readForm(c: Context): Promise<URLSearchParams> {
  const [type] = (c.req.header('content-type') ?? '').split(';')
  const isForm = type?.trim().toLowerCase() === 'application/x-www-form-urlencoded'
  return new URLSearchParams(isForm ? await c.req.text() : '')
}

function correlate(c: Context, form?: URLSearchParams): string {
  const offered =
    c.req.query('client-request-id') ??
    c.req.header('client-request-id') ??
    form?.get('client-request-id') ??
    ''
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(offered) ? offered : randomUUID()
}

function describeTenant(origin: string, tenant: string): Record<string, unknown> {
  return {
    issuer: `${origin}/${tenant}/v2.0`,
    authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
    token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
  }
}

// What MSAL asks to learn whether an authority host is one of Microsoft's clouds.
function describeCloud(url: URL): Record<string, unknown> {
  return {
    tenant_discovery_endpoint: `${url.origin}/common/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: url.host, preferred_cache: url.host, aliases: [url.host] }],
  }
}
