// The admin door of the trust service: opened where the configuration has one, with the network that
// trials go out by, and the daily look at when trust was last reviewed.
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

import { clouds } from '../src/azure/clouds.ts'
import type { ServiceConfig } from '../src/config/service-config.ts'
import { version } from '../src/core/version.ts'
import { toTrialPlaces } from '../src/diagnose/trial-places.ts'
import { tryIdentity, type TrialDeps } from '../src/diagnose/trial.ts'
import type { HttpClient } from '../src/http/http.ts'
import { openHttp } from '../src/http/open.ts'
import { readProxy } from '../src/http/read-proxy.ts'
import { createAdminApp, type AdminDeps } from '../src/issuer/admin-app.ts'
import { orderRotation } from '../src/issuer/admin-keys.ts'
import { openReviews, remindOfReview, type Reviews } from '../src/issuer/admin-reviews.ts'
import { holdTrial } from '../src/issuer/admin-trial.ts'
import { openTrail } from '../src/trail/open.ts'
import { createTrailApp } from '../src/trail/trail-app.ts'
import { findCloud } from '../src/trust/audience.ts'
import { openDashboard, type DashboardDoorDeps } from './service-dashboard.ts'
import { closeServer, listen, readOrFault } from './service-listen.ts'

/** The open door: its reviews for health and metrics, and how it is closed. */
export type AdminDoor = { reviews: Reviews; close: () => Promise<void> }

/** What the door shares with the others. */
export type AdminDoorDeps = Pick<
  AdminDeps,
  'now' | 'log' | 'ledger' | 'signer' | 'policy' | 'issuerUrl' | 'randomId' | 'onRotated'
> &
  Pick<DashboardDoorDeps, 'store' | 'tokenKey' | 'state'> & {
    /** Brings the read model up to the ends of the chains. */
    catchUp: () => Promise<unknown>
  }

const dayMs = 24 * 3600 * 1000

/** Opens the door if there is one; throws config_invalid. */
export async function openAdminDoor(
  deps: AdminDoorDeps,
  config: ServiceConfig,
): Promise<AdminDoor | undefined> {
  const { listen: doors, admins, rateLimits: limits } = config
  if (!doors.admin) return undefined
  const { now, log } = deps
  const reviews = await openReviews(deps)
  const http = openAzureHttp(config)
  const azure = {
    now,
    send: http.send,
    sleep: async (milliseconds, signal) => {
      await wait(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined)
    },
    random: Math.random,
    newId: randomUUID,
    userAgent: `azure-storage-drone/${version} (trial)`,
  } satisfies TrialDeps
  const admin: AdminDeps = {
    ...deps,
    reviews,
    admins,
    limits,
    probe: ({ token, entry, identity }, { doesWrite }) => {
      const policy = deps.policy()
      const { cloud } = findCloud(policy, [{ entry, index: 0 }])
      const cloudOf = (account: string) => clouds[policy.accounts?.get(account)?.cloud ?? cloud]
      const { authorityHost = clouds[cloud].authorityHost, endpoints } = config.azure
      return tryIdentity(azure, {
        authorityHost,
        tenantId: identity.tenantId,
        clientId: identity.clientId,
        assertion: token,
        places: toTrialPlaces(entry.grants, { cloudOf, endpoints }),
        doesWrite,
      })
    },
  }
  const dashboard = openDashboard({ ...deps, reviews, orders: toOrders(admin) }, config)
  const { findSession, makeLink } = dashboard
  const api = createAdminApp({ ...admin, findSession, makeLink })
  api.route('/', createTrailApp({ trail: openTrail(deps.store), catchUp: deps.catchUp }))
  const app = {
    fetch: (request: Request, env?: unknown) =>
      new URL(request.url).pathname.startsWith('/v1/')
        ? api.fetch(request, env)
        : dashboard.fetch(request, env),
  }
  const server = await listen(doors.admin, app, log, 'admin')
  const remind = () => void remindOfReview({ log, reviews })
  remind()
  const reminding = setInterval(remind, dayMs)
  return {
    reviews,
    close: async () => {
      clearInterval(reminding)
      await closeServer(server)
      dashboard.close()
      http.close()
    },
  }
}

// What admins order in the dashboard is what they order by the API.
function toOrders(deps: AdminDeps): DashboardDoorDeps['orders'] {
  return {
    rotate: async (how, admin) => {
      await orderRotation(deps, how, admin)
      deps.onRotated?.()
    },
    holdTrial: (request, admin) => holdTrial(deps, request, admin),
  }
}

function openAzureHttp({ azure: { caFile } }: ServiceConfig): HttpClient {
  return openHttp({
    maxConnections: 8,
    connectTimeoutMs: 10_000,
    idleTimeoutMs: 30_000,
    maxBodyBytes: 1024 * 1024,
    proxy: readProxy(process.env),
    ...(caFile !== undefined && { extraCa: [readOrFault(caFile, 'CA file of azure')] }),
  })
}
