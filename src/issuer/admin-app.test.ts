import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import type { LedgerRecord } from '../audit/event.ts'
import { createLedger, type Ledger } from '../audit/ledger.ts'
import { Secret } from '../core/secret.ts'
import { openLocalSigner } from '../keys/local.ts'
import { parsePolicy } from '../policy/schema.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { keysAnswerSchema, trialAnswerSchema } from '../trust/admin-api.ts'
import { createAdminApp, type AdminDeps } from './admin-app.ts'
import { openReviews } from './admin-reviews.ts'
import { createKeyRecorder } from './freshness.ts'
import { jsonOf, partOf, type Json } from './rehearsal.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'asd-admin-'))
after(() => rmSync(folder, { recursive: true }))

const tokens = {
  alice: 'canary-admin-alice-0123456789abcdef-0123',
  bob: 'canary-admin-bob-0123456789abcdef-012345',
}
const entraAudience = 'api://AzureADTokenExchange'
const subject = 'repo:octo/hello@42:ref:refs/heads/main'
const policyText = `
version: 1
identities:
  artifacts: {tenant_id: 11111111-2222-4333-8444-555555555555, client_id: aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee}
  unmade: {tenant_id: 11111111-2222-4333-8444-555555555555}
policies:
  - name: publish
    subjects: [{instance: ci-main, repository_id: '42', repository: octo/hello, events: [push], refs: [refs/heads/main]}]
    identity: artifacts
    audiences: [sts.amazonaws.com, ${entraAudience}]
  - name: both
    subjects:
      - {instance: ci-main, repository_id: '42', repository: octo/hello, events: [push], refs: [refs/heads/*]}
      - {instance: ci-two, repository_id: '43', repository: octo/other, events: [push], refs: [refs/heads/*]}
    subject: policy
    identity: artifacts
    audiences: [${entraAudience}]
  - name: audited
    mode: audit
    subjects: [{instance: ci-main, repository_id: '42', repository: octo/hello, events: [push], refs: [refs/heads/main]}]
    identity: artifacts
    audiences: [${entraAudience}]
  - name: unmade
    subjects: [{instance: ci-main, repository_id: '42', repository: octo/hello, events: [push], refs: [refs/heads/main]}]
    identity: unmade
    audiences: [${entraAudience}]
`

let files = 0

async function createStage(changes: Partial<AdminDeps> & { ledger?: Ledger } = {}) {
  const world = { time: Date.parse('2026-11-23T12:00:00Z'), ids: 0 }
  const now = () => new Date(world.time)
  const store = openSqliteStore(':memory:')
  const lines: string[] = []
  const say = (fields: object, message: string) =>
    void lines.push(JSON.stringify({ ...fields, message }))
  const ledger = createLedger({ store, now }, 'node-1')
  await ledger.append({ type: 'service.started', decision: 'info' })
  const record = createKeyRecorder({ ledger })
  const signer = await openLocalSigner({ now, record }, join(folder, `keys-${(files += 1)}.json`))
  const shown: { token: string; doesWrite: boolean }[] = []
  const policy = parsePolicy(policyText)
  const reviews = await openReviews({ now, store, ledger })
  const deps: AdminDeps = {
    now,
    log: { info: say, warn: say, error: say },
    ledger,
    signer,
    reviews,
    admins: new Map(Object.entries(tokens).map(([name, token]) => [name, new Secret(token)])),
    policy: () => policy,
    randomId: () => `jti-${(world.ids += 1)}`,
    issuerUrl: 'https://id.example/drone',
    probe: ({ token }, { doesWrite }) => {
      shown.push({ token: token.reveal(), doesWrite })
      const steps = [{ what: 'exchange', outcome: 'ok' } as const]
      return Promise.resolve({ verdict: 'works', sentence: 'It works.', hint: 'Nothing.', steps })
    },
    ...changes,
  }
  const app = createAdminApp(deps)
  return {
    world,
    lines,
    shown,
    store,
    reviews,
    ask: (path: string, body?: unknown, token: string | undefined = tokens.alice) =>
      app.request(path, {
        method: body === undefined ? 'GET' : 'POST',
        ...(token !== '' && { headers: { authorization: `Bearer ${token}` } }),
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    records: async () => {
      const rows = await store.readLedger('node-1', 1, 1000)
      return rows.map((row) => JSON.parse(row.record) as LedgerRecord)
    },
  }
}

const trial = { entry: 'publish', subject }

test('admin door › serves nobody without a token of an admin, and writes that down', async () => {
  const { ask, records, lines } = await createStage()
  for (const token of ['', 'wrong', tokens.alice.slice(0, -1)]) {
    const answer = await ask('/v1/keys', undefined, token)
    assert.equal(answer.status, 401)
    assert.match(answer.headers.get('content-type') ?? '', /problem\+json/)
    const { code, detail, hint } = await jsonOf(answer)
    assert.deepEqual(
      [code, typeof detail, typeof hint],
      ['issuer_admin_unknown', 'string', 'string'],
    )
  }
  assert.equal((await ask('/v1/anything', {}, 'wrong')).status, 401)
  assert.equal((await ask('/v1/keys')).status, 200)
  assert.equal((await ask('/v1/keys', undefined, tokens.bob)).status, 200)
  const denied = (await records()).filter(({ type }) => type === 'admin.denied')
  assert.equal(denied.length, 4)
  assert.deepEqual(denied[0]?.reasons, ['issuer_admin_unknown'])
  assert.ok(!lines.join().includes('canary'))
})

test('admin door › makes strangers wait, not admins, and writes no more of them down', async () => {
  const limits = { stranger: { burst: 2, perMinute: 1 } }
  const { ask, records } = await createStage({ limits })
  for (const status of [401, 401, 429, 429]) {
    assert.equal((await ask('/v1/keys', undefined, 'wrong')).status, status)
  }
  assert.equal((await ask('/v1/keys')).status, 200)
  assert.equal((await records()).filter(({ type }) => type === 'admin.denied').length, 2)
})

test('a trial › shows the token of a production subject to the probe, and to nobody else', async () => {
  const { ask, shown, records, lines } = await createStage()
  const answer = await ask('/v1/trials', { ...trial, write: true })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const body = await answer.text()
  const { jti, audience, steps, ...rest } = trialAnswerSchema.parse(JSON.parse(body))
  assert.deepEqual(
    [jti, audience, rest.subject, rest.verdict],
    ['jti-1', entraAudience, subject, 'works'],
  )
  assert.deepEqual(
    steps.map(({ what }) => what),
    ['mint', 'exchange'],
  )
  const [{ token, doesWrite } = { token: '', doesWrite: false }] = shown
  assert.ok(doesWrite)
  const claims = partOf(token, 1)
  const at = Date.parse('2026-11-23T12:00:00Z') / 1000
  assert.deepEqual(claims, {
    repository: 'octo/hello',
    repository_id: '42',
    repository_owner: 'octo',
    instance: 'ci-main',
    trial: 'true',
    iss: 'https://id.example/drone/ci-main',
    sub: subject,
    aud: entraAudience,
    iat: at - 60,
    nbf: at - 60,
    exp: at + 300,
    jti: 'jti-1',
  })
  const all = await records()
  for (const text of [body, JSON.stringify(all), lines.join()]) {
    assert.ok(text.includes('jti-1') && !text.includes(token.split('.')[2] ?? ''))
  }
  const [begun, ended] = all.filter(({ type }) => type.startsWith('trial.'))
  assert.equal(begun?.token?.sha256?.length, 64)
  assert.deepEqual(begun?.caller, { door: 'admin', admin: 'alice' })
  assert.deepEqual(ended?.caller, { door: 'admin', admin: 'alice' })
  assert.deepEqual(
    [ended?.decision, ended?.trial],
    ['allow', { instance: 'ci-main', verdict: 'works' }],
  )
})

test('a trial › of a subject of several CI servers is that of the one it names', async () => {
  const { ask, shown } = await createStage()
  const shared = { entry: 'both', subject: 'policy:both' }
  for (const more of [{}, { instance: 'ci-two' }]) {
    assert.equal((await ask('/v1/trials', { ...shared, ...more })).status, 200)
  }
  const claims = shown.map(({ token }) => partOf(token, 1))
  assert.deepEqual(
    claims.map(({ iss }) => iss),
    ['https://id.example/drone/ci-main', 'https://id.example/drone/ci-two'],
  )
  // It stands for more than one repository.
  assert.ok(claims.every((each) => each['repository'] === undefined))
})

const refusals: [name: string, request: Json, status: number, code: string][] = [
  ['an unknown entry', { ...trial, entry: 'nobody' }, 404, 'trust_trial_unknown'],
  ['another subject', { ...trial, subject: `${subject}2` }, 404, 'trust_trial_unknown'],
  ['a pattern as subject', { entry: 'both', subject }, 404, 'trust_trial_unknown'],
  ['another CI server', { ...trial, instance: 'ci-two' }, 404, 'trust_trial_unknown'],
  ['another audience', { ...trial, audience: 'api://x' }, 403, 'policy_audience_denied'],
  ['an entry on trial', { ...trial, entry: 'audited' }, 403, 'policy_audit_only'],
  ['an identity without id', { ...trial, entry: 'unmade' }, 403, 'policy_identity_unapplied'],
]

for (const [name, request, status, code] of refusals) {
  test(`a trial › with ${name} is refused, and the refusal written down`, async () => {
    const { ask, shown, records } = await createStage()
    const answer = await ask('/v1/trials', request)
    assert.equal(answer.status, status)
    assert.equal((await jsonOf(answer))['code'], code)
    assert.deepEqual(shown, [])
    const last = (await records()).at(-1)
    assert.deepEqual([last?.type, last?.reasons], ['trial.denied', [code]])
    assert.deepEqual(last?.caller, { door: 'admin', admin: 'alice' })
  })
}

test('a trial › is not held while its record cannot be written', async () => {
  const ledger: Ledger = { append: () => Promise.reject(new Error('the disk is full')) }
  const { ask, shown } = await createStage({ ledger })
  assert.equal((await ask('/v1/trials', trial)).status, 500)
  assert.deepEqual(shown, [])
})

test('a trial › that ends by a defect is written down as that', async () => {
  const { ask, records } = await createStage({ probe: () => Promise.reject(new Error('oh')) })
  assert.equal((await ask('/v1/trials', trial)).status, 500)
  const last = (await records()).at(-1)
  assert.deepEqual([last?.type, last?.decision], ['trial.ended', 'info'])
})

const bodies: [name: string, path: string, body: string][] = [
  ['no JSON', '/v1/trials', '{'],
  ['no subject', '/v1/trials', '{"entry":"publish"}'],
  ['a key nobody knows', '/v1/keys/rotate', '{"now":true}'],
  ['more than there is room for', '/v1/trials', `"${'x'.repeat(70_000)}"`],
]

for (const [name, path, body] of bodies) {
  test(`admin door › refuses a body with ${name}`, async () => {
    const { ask } = await createStage()
    const answer = await ask(path, body)
    assert.equal(answer.status, 400)
    assert.equal((await jsonOf(answer))['code'], 'issuer_request_invalid')
  })
}

test('the keys › are shown, prepared, and changed at once in an emergency', async () => {
  let looks = 0
  const { ask, records, world } = await createStage({ onRotated: () => (looks += 1) })
  const keysOf = async (answer: Response | Promise<Response>) =>
    keysAnswerSchema.parse(await jsonOf(answer)).keys
  const [first, ...none] = await keysOf(ask('/v1/keys'))
  assert.deepEqual([first?.state, none], ['active', []])
  assert.equal(first?.rotatesAt, '2027-02-21T12:00:00.000Z')
  const prepared = await keysOf(ask('/v1/keys/rotate', ''))
  assert.deepEqual(
    prepared.map(({ state }) => state),
    ['active', 'next'],
  )
  // Nobody has served it yet, so nobody knows when.
  assert.equal(prepared[1]?.rotatesAt, undefined)
  assert.deepEqual(await keysOf(ask('/v1/keys/rotate', {})), prepared)
  world.time += 1000
  const changed = await keysOf(ask('/v1/keys/rotate', { emergency: true }, tokens.bob))
  assert.deepEqual(
    changed.map(({ kid, state }) => [kid, state]),
    [
      [prepared[1]?.kid, 'active'],
      [first?.kid, 'retired'],
    ],
  )
  assert.ok(changed[1]?.removableAt)
  assert.equal(looks, 3)
  const ordered = (await records()).filter(({ type }) => type === 'key.ordered')
  assert.deepEqual(
    ordered.map(({ caller }) => caller?.admin),
    ['alice', 'alice', 'bob'],
  )
})
