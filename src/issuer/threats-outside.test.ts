// T22, T23, T26 of the threat model and what else hostile callers try: bombs, dependencies that are
// down, pull requests of strangers, headers that lie.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readServiceConfig } from '../config/service-config.ts'
import { Fault } from '../core/fault.ts'
import { parsePolicy } from '../policy/schema.ts'
import { createApiStage, withApi } from './api.fixture.ts'
import { allDirect } from './direct.fixture.ts'
import { from } from './instances.fixture.ts'
import {
  audience,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  partOf,
  policyText,
  rawPush,
  rawRepository,
  tokenOf,
  urls,
  type Json,
  type Sending,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

const laughs = Array.from(
  { length: 12 },
  (_, level) => `l${level + 1}: &l${level + 1} [${`*l${level},`.repeat(10)}]`,
).join('\n')

const bombs: { name: string; text: string; says?: RegExp }[] = [
  { name: 'a billion laughs', text: `l0: &l0 [ha]\n${laughs}\n`, says: /alias/i },
  { name: 'a line of a megabyte', text: `version: "${'x'.repeat(1024 * 1024)}"\n` },
  { name: 'a key of a megabyte', text: `${'x'.repeat(1024 * 1024)}: 1\n` },
]

for (const { name, text, says = /./ } of bombs) {
  test(`T22 › ${name} in the policy or the configuration is refused in no time`, () => {
    const config = () => readServiceConfig({ readFile: () => text, env: {} }, 'asd.yaml')
    for (const read of [() => parsePolicy(text), config]) {
      const startedAt = performance.now()
      assert.throws(read, { code: 'config_invalid', message: says })
      const tookMs = performance.now() - startedAt
      assert.ok(tookMs < 100, `${tookMs} ms`)
    }
  })
}

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const signedBombs: { name: string; body: string; says: RegExp }[] = [
  { name: 'a million brackets', body: `{"path":"azure","x":${deep(1e6)}}`, says: /deeper than/ },
  {
    name: 'a path given twice',
    body: JSON.stringify({
      path: 'azure',
      name: 'publish',
      repo: rawRepository,
      build: rawPush,
    }).replace('{', '{"path":"other",'),
    says: /twice/,
  },
  {
    name: 'a build given twice, once in capitals',
    body: JSON.stringify({ path: 'azure', repo: rawRepository, build: rawPush, Build: {} }),
    says: /twice/,
  },
]

for (const { name, body, says } of signedBombs) {
  test(`T22 › a signed body with ${name} is refused in no time`, async () => {
    const { ask, askEnviron, tell, records } = createRehearsal(signer)
    for (const answer of [await ask({ body }), await tell({ body })]) {
      assert.equal(answer.status, 400)
      assert.match(String((await jsonOf(answer))['detail']), says)
    }
    assert.equal(await (await askEnviron({ body })).text(), '[]')
    assert.deepEqual(await records(), [])
  })
}

test("T23 › without the server's API no token, a clear 503, and nothing wider", async () => {
  const api = createApiStage()
  const { ask, tell, exchange, world } = createRehearsal(signer, {
    call: api.call,
    instance: withApi(),
  })
  await tell()
  const token = await tokenOf(ask())
  assert.equal((await exchange(token)).status, 200)
  api.state.fails = new Error('connect ETIMEDOUT')
  world.time += 5000
  const answer = await exchange(token)
  const problem = await jsonOf(answer)
  assert.deepEqual([answer.status, problem['code']], [503, 'ci_api_unavailable'])
  assert.match(String(problem['detail']), /drone\.example cannot be asked: connect ETIMEDOUT/)
  api.state.fails = undefined
  assert.equal((await exchange(token)).status, 200)
})

for (const method of ['findRequestToken', 'findBuild', 'appendLedger'] as const) {
  test(`T23 › without the database (${method}) no token and a 503`, async () => {
    const { ask, tell, exchange, store } = createRehearsal(signer)
    await tell()
    const token = await tokenOf(ask())
    const gone = () => Promise.reject(new Fault('store_unavailable', 'The disk is gone.'))
    Object.assign(store, { [method]: gone })
    const answer = await exchange(token)
    assert.equal(answer.status, 503)
    assert.ok(!(await answer.text()).includes('eyJ'))
  })
}

const pullRequest = { event: 'pull_request', ref: 'refs/pull/7/head', source_repo: 'mallory/hello' }
const forks: { name: string; build: Json }[] = [
  { name: 'a fork pull request', build: pullRequest },
  {
    name: 'a fork pull request from a branch of the same name',
    build: { ...pullRequest, source: 'main', target: 'main' },
  },
  { name: 'a pull request of a deleted fork', build: { ...pullRequest, source_repo: '' } },
  {
    name: 'a promoted fork commit',
    build: { ...pullRequest, event: 'promote', deploy_to: 'prod', trigger: 'octocat' },
  },
  {
    name: 'a promoted fork commit on the ref of main',
    build: {
      event: 'promote',
      deploy_to: 'prod',
      source_repo: 'mallory/hello',
      trigger: 'octocat',
    },
  },
  { name: 'a push with a foreign source', build: { source_repo: 'mallory/hello' } },
  { name: 'a restarted fork pull request', build: { ...pullRequest, parent: 3 } },
]

const everything = '[push, tag, cron, custom, pull_request, promote, rollback]'
const widest = allDirect(
  parsePolicy(
    policyText.replace(
      'events: [push], refs: [refs/heads/main]',
      `events: ${everything}, refs: [refs/**]`,
    ),
  ),
)

for (const { name, build } of forks) {
  test(`T26 › ${name} gets no token through the widest entry, at any door`, async () => {
    const { ask, askEnviron, tell, exchange, world, records } = createRehearsal(signer)
    world.policy = widest
    await tell({ build })
    const [variable] = (await (await askEnviron({ build })).json()) as Json[]
    for (const token of [await tokenOf(ask({ build })), String(variable?.['data'])]) {
      const answer = await exchange(token)
      assert.equal(answer.status, 403)
      assert.equal((await jsonOf(answer))['code'], 'policy_fork_denied')
    }
    assert.equal((await ask({ build, path: 'oidc', name: audience })).status, 204)
    const all = await records()
    assert.ok(all.every(({ decision }) => decision === 'deny'))
    assert.match(all.at(-1)?.detail ?? '', /class fork gets no ID token/)
  })
}

const steering = {
  host: 'evil.example',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'gopher',
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-prefix': '/evil',
  'x-original-url': '/evil',
  forwarded: 'for=203.0.113.9;host=evil.example;proto=gopher',
}

test('hostile callers › no Host or X-Forwarded-* steers a URL, a claim or a document', async () => {
  const { ask, tell, steps, publicApp } = createRehearsal(signer)
  const token = await tokenOf(ask({ headers: steering }))
  const where = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  assert.equal(where, JSON.stringify({ url: urls.service }))
  await tell({ headers: steering })
  const answer = await steps.request(`/v1/id-token?audience=${encodeURIComponent(audience)}`, {
    headers: { ...steering, authorization: `Bearer ${token}` },
  })
  const claims = partOf(String((await jsonOf(answer))['value']), 1)
  assert.equal(claims['iss'], `${urls.issuer}/ci-main`)
  const path = '/drone/ci-main/.well-known/openid-configuration'
  const document = await (await publicApp.request(path, { headers: steering })).text()
  assert.ok(!`${JSON.stringify(claims)}${document}`.includes('evil'))
})

test('hostile callers › are counted by their connection, whatever X-Forwarded-For says', async () => {
  const limits = {
    runner: { burst: 9, perMinute: 9 },
    stranger: { burst: 1, perMinute: 1 },
  }
  const { ask } = createRehearsal(signer, { limits })
  const bad: Sending = { token: 'x'.repeat(40), env: from('192.0.2.7') }
  assert.equal((await ask(bad)).status, 401)
  for (let last = 1; last < 5; last += 1) {
    const headers = { 'x-forwarded-for': `203.0.113.${last}`, forwarded: `for=203.0.113.${last}` }
    assert.equal((await ask({ ...bad, headers })).status, 429)
  }
})

for (const [seconds, status] of [
  [-301, 401],
  [-300, 200],
  [0, 200],
  [300, 200],
  [301, 401],
] as const) {
  test(`hostile callers › a clock that is off by ${seconds} s is ${status === 200 ? 'forgiven' : 'refused'}`, async () => {
    const { ask, world } = createRehearsal(signer)
    const date = new Date(world.time + seconds * 1000)
    assert.equal((await ask({ date })).status, status)
  })
}
