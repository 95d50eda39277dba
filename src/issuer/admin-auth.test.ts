// The API for people takes a bearer token for everything and a session of the dashboard for reading.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Hono } from 'hono'

import { createLedger } from '../audit/ledger.ts'
import { Secret } from '../core/secret.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { createAuthentication } from './admin-auth.ts'

const token = 'canary-admin-alice-0123456789abcdef-0123'
const now = () => new Date('2026-11-23T12:00:00Z')

function createStage() {
  const ledger = createLedger({ store: openSqliteStore(':memory:'), now }, 'node-1')
  const authenticate = createAuthentication({
    now,
    ledger,
    admins: new Map([['alice', new Secret(token)]]),
    findSession: (cookies) =>
      Promise.resolve(cookies === 'session=vera' ? { name: 'vera', role: 'viewer' } : undefined),
  })
  const app = new Hono()
  app.onError((_error, context) => context.body(null, 401))
  app.all('*', async (context) => context.json(await authenticate(context)))
  return async (method: string, headers: Record<string, string>) => {
    const answer = await app.request('/v1/keys', { method, headers })
    return answer.status === 200 ? answer.json() : answer.status
  }
}

const cookie = 'session=vera'
const cases: [name: string, method: string, headers: Record<string, string>, who: unknown][] = [
  [
    'a bearer token',
    'POST',
    { authorization: `Bearer ${token}` },
    { name: 'alice', role: 'admin' },
  ],
  ['a session that reads', 'GET', { cookie }, { name: 'vera', role: 'viewer' }],
  ['a session that orders something', 'POST', { cookie }, 401],
  ['a session that deletes something', 'DELETE', { cookie }, 401],
  ['a session beside a wrong bearer token', 'GET', { cookie, authorization: 'Bearer x' }, 401],
  ['a session beside other credentials', 'GET', { cookie, authorization: 'Basic eDp5' }, 401],
  ['another cookie', 'GET', { cookie: 'session=eve' }, 401],
  ['nothing', 'GET', {}, 401],
]
for (const [name, method, headers, who] of cases) {
  test(`the API for people › by ${name}: ${JSON.stringify(who)}`, async () => {
    assert.deepEqual(await createStage()(method, headers), who)
  })
}
