// The dashboard on the admin door: the way to the sign-in provider, the keys that cookies are sealed with,
// and what its pages read.
import { checkArchived, verifyLedger, type Verified } from '../src/audit/verify.ts'
import type { ServiceConfig } from '../src/config/service-config.ts'
import { isLoopback } from '../src/config/sign-in.ts'
import { messageOf } from '../src/core/fault.ts'
import { version } from '../src/core/version.ts'
import { createDashboard } from '../src/dashboard/app.ts'
import { createOidc, type Oidc } from '../src/dashboard/oidc.ts'
import { createPolicyFacts } from '../src/dashboard/policy-facts.ts'
import { keepRecent } from '../src/dashboard/recently.ts'
import { createSeal } from '../src/dashboard/seal.ts'
import { createSessions } from '../src/dashboard/session.ts'
import { makeLink } from '../src/dashboard/sign-in.ts'
import type { Health, Orders, Verification } from '../src/dashboard/sources.ts'
import { createSpent } from '../src/dashboard/spent.ts'
import { createVerification } from '../src/dashboard/verification.ts'
import type { HttpClient, HttpRequest } from '../src/http/http.ts'
import { openHttp } from '../src/http/open.ts'
import { readProxy } from '../src/http/read-proxy.ts'
import type { AdminDeps } from '../src/issuer/admin-app.ts'
import { showKeys } from '../src/issuer/admin-keys.ts'
import type { PolicyState } from '../src/issuer/policy-source.ts'
import { createRateLimiter, strangerKey } from '../src/issuer/rate-limit.ts'
import type { Store } from '../src/store/store.ts'
import type { TrailTables } from '../src/store/trail-tables.ts'
import { openTrail } from '../src/trail/open.ts'
import { readLedgerKeys } from './service-ledger.ts'
import { readOrFault } from './service-listen.ts'

/** What the dashboard takes from the service. */
export type DashboardDoorDeps = Pick<
  AdminDeps,
  'now' | 'log' | 'ledger' | 'signer' | 'policy' | 'randomId' | 'reviews'
> & {
  store: Store & Pick<TrailTables, 'selectTrail'>
  /** Key of request tokens, which replicas share. */
  tokenKey: Uint8Array
  state: ServiceState
  orders: Orders
}

/** How the service is, as far as the dashboard tells. */
export type ServiceState = {
  policy: () => PolicyState
  /** Why what it issues might be refused. */
  reasons: () => readonly string[]
  /** Rejects when the ledger cannot be written. */
  checkLedger: () => Promise<void>
  /** What verifying at the start read. */
  verified?: Verification
}

/** The dashboard as an application, and what the API on the same door takes from it. */
export type DashboardDoor = Required<Pick<AdminDeps, 'findSession' | 'makeLink'>> & {
  fetch: (request: Request, env?: unknown) => Response | Promise<Response>
  close: () => void
}

// Counts over all builds need not be newer.
const keptSeconds = 15

/** Opens the dashboard of a configuration with `listen.admin`; throws config_invalid. */
export function openDashboard(deps: DashboardDoorDeps, config: ServiceConfig): DashboardDoor {
  const { listen, signIn, adminUrl, rateLimits } = config
  const { now, store, tokenKey, randomId, reviews } = deps
  const { admin } = listen
  const trail = openTrail(store)
  const isHttps = adminUrl === undefined ? admin?.tls !== undefined : adminUrl.startsWith('https:')
  const seal = createSeal(deps, tokenKey)
  const spent = createSpent(deps)
  const sessions = createSessions({ now, randomId, seal, spent, secretKey: tokenKey, isHttps })
  const provider = signIn && openProvider(signIn)
  const strangers = createRateLimiter(deps, rateLimits.stranger)
  const signInDeps = {
    ...deps,
    seal,
    spent,
    sessions,
    isHttps,
    ...(provider && { oidc: provider.oidc }),
    ...(adminUrl !== undefined && { origin: adminUrl }),
    hasLinks: admin !== undefined && isLoopback(admin.host),
    meetStranger: (env: unknown) => strangers.take(strangerKey(env)),
  }
  const app = createDashboard({
    ...signInDeps,
    elapsedMs: () => performance.now(),
    sources: {
      ...deps,
      trail: { ...trail, identities: keepRecent({ now }, () => trail.identities(), keptSeconds) },
      facts: createPolicyFacts(deps.policy),
      health: () => readHealth(deps),
      keys: () => showKeys(deps.signer).keys,
      lastReview: () => reviews.last(),
      verification: createVerification(
        { now, verify: () => verifyWhole(deps, config) },
        deps.state.verified,
      ),
    },
  })
  return {
    fetch: app.fetch,
    findSession: (cookies) => sessions.find(cookies),
    makeLink: (name) => makeLink(signInDeps, name),
    close: () => provider?.http.close(),
  }
}

// Every record, and every signature by the keys of this installation.
async function verifyWhole(deps: DashboardDoorDeps, config: ServiceConfig): Promise<Verified> {
  const known = await readLedgerKeys(deps, config)
  const verified = await verifyLedger(deps.store, (node) => known.get(node))
  await checkArchived(deps.store, verified)
  return verified
}

async function readHealth({ state, reviews }: DashboardDoorDeps): Promise<Health> {
  const reasons = [...state.reasons()]
  try {
    await state.checkLedger()
  } catch (error) {
    reasons.unshift(messageOf(error))
  }
  return { version, reasons, notes: reviews.notes(), policy: state.policy() }
}

function openProvider(settings: NonNullable<ServiceConfig['signIn']>): {
  oidc: Oidc
  http: HttpClient
} {
  const { caFile } = settings
  const http = openHttp({
    maxConnections: 4,
    connectTimeoutMs: 10_000,
    idleTimeoutMs: 15_000,
    maxBodyBytes: 1024 * 1024,
    proxy: readProxy(process.env),
    ...(caFile !== undefined && { extraCa: [readOrFault(caFile, 'CA file of sign_in')] }),
  })
  return { http, oidc: createOidc({ fetch: toFetch(http) }, settings) }
}

// openid-client wants a `fetch`; ours knows the private CA and the proxy of the environment.
function toFetch({ send }: HttpClient): Parameters<typeof createOidc>[0]['fetch'] {
  return async (url, { method, headers, body }) => {
    const origin = new URL(url)
    const content =
      body === undefined || body === null ? undefined : await new Response(body).text()
    const answer = await send({
      method: (method === 'POST' ? 'POST' : 'GET') satisfies HttpRequest['method'],
      origin,
      path: origin.pathname + origin.search,
      headers: { ...headers, 'user-agent': `azure-storage-drone/${version}` },
      ...(content !== undefined && { body: Buffer.from(content) }),
    })
    const head = { status: answer.status, headers: answer.headers }
    const isEmpty = answer.status === 204 || answer.status === 304
    return new Response(isEmpty ? null : new Uint8Array(answer.body), head)
  }
}
