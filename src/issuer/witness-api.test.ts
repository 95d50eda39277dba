// The API beside or in place of the webhook: which word is needed, who is believed, and that a token
// dies within five seconds of its build although the last webhook never came.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sampleBuild } from '../ci/build.fixture.ts'
import { freshForSeconds } from '../ci/recent-answers.ts'
import { apiToken, createApiStage, withApi } from './api.fixture.ts'
import {
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  partOf,
  tokenOf,
  type Json,
} from './rehearsal.fixture.ts'
import { confirmByWitness, type Confirmation } from './witness.ts'

const signer = await createRehearsalSigner()

type Rule = 'webhook' | 'api' | 'both'

function begin(rule: Rule = 'webhook') {
  const api = createApiStage()
  return { api, ...createRehearsal(signer, { call: api.call, instance: withApi(rule) }) }
}

const combinations: {
  rule: Rule
  webhook: boolean
  api: boolean
  outcome: Confirmation['verifiedBy'] | RegExp
}[] = [
  { rule: 'webhook', webhook: true, api: true, outcome: 'webhook' },
  { rule: 'webhook', webhook: false, api: true, outcome: 'api' },
  { rule: 'webhook', webhook: true, api: false, outcome: /its API knows no such build/ },
  { rule: 'webhook', webhook: false, api: false, outcome: /its API knows no such build/ },
  { rule: 'api', webhook: true, api: true, outcome: 'api' },
  { rule: 'api', webhook: false, api: true, outcome: 'api' },
  { rule: 'api', webhook: true, api: false, outcome: /its API knows no such build/ },
  { rule: 'both', webhook: true, api: true, outcome: 'api' },
  { rule: 'both', webhook: false, api: true, outcome: /no webhook/ },
  { rule: 'both', webhook: true, api: false, outcome: /its API knows no such build/ },
]

for (const { rule, webhook, api, outcome } of combinations) {
  const heard = `${webhook ? 'a' : 'no'} webhook and ${api ? 'a' : 'no'} word of the API`
  const says = outcome instanceof RegExp ? 'are no confirmation' : `confirm by ${outcome}`
  test(`witness: ${rule} › ${heard} ${says}`, async () => {
    const stage = begin(rule)
    if (!api) stage.api.state.build = undefined
    if (webhook) await stage.tell()
    const token = await tokenOf(stage.ask())
    const answer = await stage.exchange(token)
    if (outcome instanceof RegExp) {
      const problem = await jsonOf(answer)
      assert.deepEqual([answer.status, problem['code']], [403, 'issuer_build_unconfirmed'])
      assert.match(String(problem['detail']), outcome)
    } else {
      assert.equal(answer.status, 200)
      const claims = partOf(String((await jsonOf(answer))['value']), 1)
      assert.equal(claims['verified_by'], outcome)
    }
  })
}

test('witness › is not waited for where the API can say', async () => {
  for (const [rule, slept] of [
    ['webhook', 0],
    ['api', 0],
    ['both', 2000],
  ] as const) {
    const { ask, exchange, world } = begin(rule)
    await exchange(await tokenOf(ask()))
    assert.equal(world.slept, slept)
  }
})

const disputes: { name: string; repository?: Json; build?: Json; says: RegExp }[] = [
  { name: 'id', build: { id: 1002 }, says: /: id\.$/ },
  { name: 'ref', build: { ref: 'refs/heads/x' }, says: /: ref\.$/ },
  { name: 'commit', build: { after: 'bad' }, says: /: sha\.$/ },
  { name: 'event', build: { event: 'pull_request' }, says: /: event\.$/ },
  { name: 'trigger', build: { trigger: 'mallory' }, says: /: trigger\.$/ },
  { name: 'params', build: { params: { A: '1' } }, says: /: params\.$/ },
  { name: 'repository id', repository: { uid: '43' }, says: /: repository id\.$/ },
]

for (const { name, repository, build, says } of disputes) {
  test(`witness › by API that contradicts on the ${name} leaves no token, webhook or not`, async () => {
    for (const isTold of [true, false]) {
      const { api, ask, tell, exchange } = begin()
      if (isTold) await tell()
      api.state.repository = { ...api.state.repository, ...repository }
      api.state.build = { ...api.state.build, ...build }
      const problem = await jsonOf(exchange(await tokenOf(ask())))
      assert.equal(problem['code'], 'issuer_build_contradicted')
      assert.match(String(problem['detail']), says)
    }
  })
}

test('witness › by API is believed on what does not identify a build', async () => {
  const stage = begin('api')
  stage.api.state.repository['visibility'] = 'public'
  const claimed = sampleBuild({ scm: 'gitea', sender: 'forged' })
  const { build } = await confirmByWitness(stage.deps, claimed)
  assert.equal(build.sender, 'octocat')
  assert.equal(build.repository.visibility, 'public')
})

for (const status of ['success', 'failure', 'killed', 'error', 'unheard-of']) {
  test(`witness › by API of a build that is ${status} ends its token within 5 s, without a webhook`, async () => {
    const { api, ask, tell, exchange, world, records } = begin()
    const token = await tokenOf(ask())
    await tell()
    assert.equal((await exchange(token)).status, 200)
    api.state.build = { ...api.state.build, status, version: 3 }
    // The API may take two seconds to answer.
    assert.ok(freshForSeconds + 2 <= 5)
    world.time += freshForSeconds * 1000
    const problem = await jsonOf(exchange(token))
    assert.equal(problem['code'], 'issuer_build_finished')
    const types = (await records()).map(({ type }) => type)
    assert.deepEqual(types.slice(-2), ['token.revoked', 'token.denied'])
  })
}

test('witness › by API that told the end once is not unsaid by it', async () => {
  const { api, ask, exchange, world } = begin('api')
  const token = await tokenOf(ask())
  api.state.build = { ...api.state.build, status: 'killed' }
  assert.equal((await exchange(token)).status, 403)
  api.state.build = { ...api.state.build, status: 'running', version: 99 }
  world.time += 10_000
  assert.equal((await jsonOf(exchange(token)))['code'], 'issuer_build_finished')
})

test('witness › by API does not unsay what the webhook told', async () => {
  const { ask, tell, exchange } = begin('api')
  const token = await tokenOf(ask())
  await tell({ build: { status: 'killed', version: 3 } })
  assert.equal((await jsonOf(exchange(token)))['code'], 'issuer_build_finished')
})

test('witness › by API of a restarted build does not revive the token of the one before', async () => {
  const { api, ask, exchange, world } = begin('api')
  const first = await tokenOf(ask())
  assert.equal((await exchange(first)).status, 200)
  const ended = { ...api.state.build, status: 'killed', version: 3 }
  api.state.build = ended
  world.time += 3000
  assert.equal((await jsonOf(exchange(first)))['code'], 'issuer_build_finished')
  const restarted = { id: 1002, number: 8, parent: 7, trigger: 'octocat' }
  api.state.build = { ...ended, ...restarted, status: 'running' }
  const second = await tokenOf(ask({ build: restarted }))
  assert.equal((await exchange(second)).status, 200)
  assert.equal((await jsonOf(exchange(first)))['code'], 'issuer_build_finished')
})

test('witness › by API that is in trouble leaves no token, with a fault of its own', async () => {
  const troubles: [fails: Error | number, code: string, status: number][] = [
    [new Error('connect ECONNREFUSED'), 'ci_api_unavailable', 503],
    [500, 'ci_api_unavailable', 503],
    [302, 'ci_api_unavailable', 503],
    [401, 'ci_api_denied', 502],
    [403, 'ci_api_denied', 502],
  ]
  for (const [fails, code, status] of troubles) {
    for (const rule of ['webhook', 'api', 'both'] as const) {
      const { api, ask, tell, exchange, lines, records } = begin(rule)
      await tell()
      const token = await tokenOf(ask())
      api.state.fails = fails
      const answer = await exchange(token)
      const problem = await jsonOf(answer)
      assert.deepEqual([answer.status, problem['code']], [status, code])
      assert.match(String(problem['detail']), /API of the Drone server drone\.example/)
      assert.deepEqual((await records()).at(-1)?.reasons, [code])
      assert.ok(!lines.join().includes(apiToken))
      api.state.fails = undefined
      assert.equal((await exchange(token)).status, 200)
    }
  }
})

test('witness › by API is asked once for many exchanges in three seconds', async () => {
  const { api, ask, exchange } = begin()
  const token = await tokenOf(ask())
  for (let count = 0; count < 10; count += 1) await exchange(token)
  assert.equal(api.urls.length, 2)
})

test('witness › by API alone takes no webhook', async () => {
  const api = createApiStage()
  const { ask, tell, exchange, instances } = createRehearsal(signer, {
    call: api.call,
    instance: withApi('api'),
  })
  for (const instance of instances.values()) delete instance.webhookSecret
  const answer = await tell()
  assert.deepEqual([answer.status, (await jsonOf(answer))['code']], [404, 'ci_runner_unknown'])
  assert.equal((await exchange(await tokenOf(ask()))).status, 200)
})
