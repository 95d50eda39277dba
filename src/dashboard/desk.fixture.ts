// The dashboard with a clock that can be set, a real store and ledger in memory, and people of every role,
// for the tests of this room.
import type { LedgerRecord } from '../audit/event.ts'
import { createLedger } from '../audit/ledger.ts'
import { roles, type Role } from '../core/role.ts'
import { parsePolicy } from '../policy/schema.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Trail } from '../trail/trail.ts'
import { createDashboard, type DashboardDeps } from './app.ts'
import { createPolicyFacts } from './policy-facts.ts'
import { createSeal } from './seal.ts'
import { createSessions } from './session.ts'
import { makeLink } from './sign-in.ts'
import { createSpent } from './spent.ts'
import { trailOf } from './trail.fixture.ts'
import { createVerification } from './verification.ts'

/** Where the dashboard of the tests is. */
export const origin = 'https://drone.example'

const policyText = `
version: 1
identities:
  artifacts: {tenant_id: 11111111-2222-4333-8444-555555555555, client_id: aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee}
policies:
  - name: publish
    subjects: [{instance: ci-main, repository_id: '42', repository: octo/web, events: [push], refs: [refs/heads/main]}]
    identity: artifacts
    audiences: [api://AzureADTokenExchange]
    grants:
      - {id: publish, account: acmeart, service: blob, container: builds, prefix: web/, verbs: [blob.read, blob.list, blob.write]}
`

/** A dashboard, what was ordered in it, and how to ask it. */
export async function createDesk(changes: Partial<DashboardDeps> & { trail?: Trail } = {}) {
  const world = { time: Date.parse('2026-11-23T12:00:00Z'), ids: 0, strangers: 0 }
  const now = () => new Date(world.time)
  const store = openSqliteStore(':memory:')
  const ledger = createLedger({ store, now }, 'node-1')
  const secretKey = new Uint8Array(32).fill(7)
  const seal = createSeal({ now }, secretKey)
  const spent = createSpent({ now, store })
  const randomId = () => `id-${(world.ids += 1)}`
  const sessions = createSessions({ now, randomId, seal, spent, secretKey, isHttps: true })
  const policy = parsePolicy(policyText)
  const ordered: string[] = []
  const lines: string[] = []
  const say = (_fields: object, text: string) => void lines.push(text)
  const log = { info: say, warn: say, error: say }
  const deps: DashboardDeps = {
    now,
    log,
    randomId,
    ledger,
    seal,
    spent,
    sessions,
    origin,
    isHttps: true,
    hasLinks: true,
    meetStranger: () => void (world.strangers += 1),
    elapsedMs: () => 0,
    sources: {
      now,
      log,
      ledger,
      store,
      trail: changes.trail ?? trailOf('octo/web'),
      policy: () => policy,
      facts: createPolicyFacts(() => policy),
      health: () =>
        Promise.resolve({
          version: '1.0.0',
          reasons: [],
          notes: ['Look at `this`.'],
          policy: { sha256: 'ab', loadedAt: now(), entries: 1, problem: undefined },
        }),
      keys: () => [{ kid: 'kid-1', state: 'active', createdAt: now().toISOString() }],
      lastReview: () => Promise.resolve(undefined),
      verification: createVerification(
        { now, verify: () => Promise.resolve({ chains: [{ node: 'node-1', seq: 1, hash: 'h' }] }) },
        undefined,
      ),
      orders: {
        rotate: ({ isEmergency }, admin) => {
          ordered.push(`rotate ${isEmergency} ${admin}`)
          return Promise.resolve()
        },
        holdTrial: ({ entry, subject }, admin) => {
          ordered.push(`trial ${entry} ${admin}`)
          const steps = [{ what: 'mint', outcome: 'ok' } as const]
          const said = { verdict: 'works', sentence: 'It works.', hint: 'Nothing.' } as const
          return Promise.resolve({ jti: 'jti-1', subject, audience: 'a', steps, ...said })
        },
      },
    },
    ...changes,
  }
  const app = createDashboard(deps)
  const cookieOf = async (role: Role, name = `${role}@example.org`) =>
    (await sessions.begin({ name, role }, 'provider')).split(';')[0] ?? ''
  const cookies = new Map<Role, string>()
  for (const role of roles) cookies.set(role, await cookieOf(role))
  return {
    world,
    ordered,
    lines,
    deps,
    app,
    cookieOf,
    cookies,
    get: (path: string, cookie?: string) =>
      app.request(origin + path, { headers: cookie === undefined ? {} : { cookie } }),
    /** Sends a form as a browser does from a page of ours; `headers` and fields may say otherwise. */
    send: async (
      path: string,
      cookie: string,
      fields: Record<string, string> = {},
      headers: Record<string, string | undefined> = {},
    ) => {
      const session = await sessions.find(cookie)
      const token = session ? { form_token: sessions.formToken(session) } : {}
      const all = { cookie, origin, 'sec-fetch-site': 'same-origin', ...headers }
      const given = Object.entries({
        'content-type': 'application/x-www-form-urlencoded',
        ...all,
      }).filter((pair): pair is [string, string] => pair[1] !== undefined)
      return app.request(origin + path, {
        method: 'POST',
        headers: given,
        body: new URLSearchParams({ ...token, ...fields }).toString(),
      })
    },
    makeLink: (admin: string) => makeLink(deps, admin),
    records: async () => {
      const rows = await store.readLedger('node-1', 1, 1000)
      return rows.map((row) => JSON.parse(row.record) as LedgerRecord)
    },
  }
}
