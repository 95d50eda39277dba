// T2 of the threat model: two CI servers with two runners each on one service, every token of one
// shown where the others belong. Nothing of one instance or runner is worth anything at another.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { InstanceId } from '../ci/build.ts'
import type { Instance, Runner } from '../config/instances.ts'
import { Secret } from '../core/secret.ts'
import { parsePolicy } from '../policy/schema.ts'
import {
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  partOf,
  policyText,
  tokenOf,
  urls,
  type Json,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

const servers = ['ci-main', 'ci-two'] as const
const runners = ['docker-1', 'docker-2'] as const
const tokenFor = (what: string) => `canary-${what}-0123456789abcdef0123456789`
const places = servers.flatMap((server) => runners.map((runner) => ({ server, runner })))

function begin() {
  const rehearsal = createRehearsal(signer)
  const { instances, world } = rehearsal
  for (const server of servers) {
    const usual = instances.get(server)?.runners.get('docker-1') as Runner
    const own = runners.map((name): [string, Runner] => [
      name,
      { ...usual, name, token: new Secret(tokenFor(`${server}-${name}`)), repositories: ['**'] },
    ])
    const instance: Instance = {
      instance: server as string as InstanceId,
      scm: 'gitea',
      witness: 'webhook',
      webhookSecret: new Secret(tokenFor(server)),
      runners: new Map(own),
    }
    instances.set(server, instance)
  }
  // The same repository and build ids at both: only the instance tells them apart.
  world.policy = parsePolicy(
    policyText.replace(
      /( +- )\{instance: ci-main(.*)\n/,
      '$1{instance: ci-main$2\n$1{instance: ci-two$2\n',
    ),
  )
  const ask = (server: string, runner: string, token = tokenFor(`${server}-${runner}`)) =>
    rehearsal.ask({ instance: server, runner, token })
  const tell = (server: string, build: Json = {}, token = tokenFor(server)) =>
    rehearsal.tell({ instance: server, token, build })
  return { ...rehearsal, ask, tell }
}

for (const from of places) {
  for (const to of places) {
    const isOwn = from === to
    test(`T2 › the token of ${from.server}/${from.runner} at ${to.server}/${to.runner} is ${isOwn ? 'good' : '401'}`, async () => {
      const { ask, records } = begin()
      const answer = await ask(to.server, to.runner, tokenFor(`${from.server}-${from.runner}`))
      assert.equal(answer.status, isOwn ? 200 : 401)
      assert.equal((await records()).length, isOwn ? 1 : 0)
    })
  }
}

for (const from of servers) {
  for (const to of servers) {
    const isOwn = from === to
    test(`T2 › a webhook of ${from} at ${to} is ${isOwn ? 'heard' : '401'}`, async () => {
      const { tell, store } = begin()
      assert.equal((await tell(to, {}, tokenFor(from))).status, isOwn ? 204 : 401)
      assert.equal((await store.findBuild(to, 1001)) !== undefined, isOwn)
    })

    test(`T2 › a request token of ${from} for a build that ${to} confirms is ${isOwn ? 'good' : 'not'}`, async () => {
      const { ask, tell, exchange } = begin()
      const token = await tokenOf(ask(from, 'docker-1'))
      await tell(to)
      const answer = await exchange(token)
      assert.equal(answer.status, isOwn ? 200 : 403)
      if (!isOwn) assert.equal((await jsonOf(answer))['code'], 'issuer_build_unconfirmed')
    })

    test(`T2 › the end of a build of ${from} ${isOwn ? 'ends' : 'does not touch'} the token of ${to}`, async () => {
      const { ask, tell, exchange } = begin()
      const token = await tokenOf(ask(to, 'docker-1'))
      for (const server of servers) await tell(server)
      await tell(from, { status: 'killed', version: 3 })
      assert.equal((await exchange(token)).status, isOwn ? 403 : 200)
    })
  }
}

test('T2 › each instance has its own issuer, in its tokens and in its documents', async () => {
  const { ask, tell, exchange, publicApp } = begin()
  const issuers = new Set<unknown>()
  for (const server of servers) {
    await tell(server)
    const { value } = await jsonOf(exchange(await tokenOf(ask(server, 'docker-1'))))
    const { iss, instance } = partOf(String(value), 1)
    assert.deepEqual([iss, instance], [`${urls.issuer}/${server}`, server])
    const path = `/drone/${server}/.well-known/openid-configuration`
    const discovery = await jsonOf(publicApp.request(path))
    assert.equal(discovery['issuer'], iss)
    issuers.add(iss)
  }
  assert.equal(issuers.size, 2)
})

test('T2 › the same question at two instances or runners gives two tokens', async () => {
  const { ask } = begin()
  const tokens = await Promise.all(places.map(({ server, runner }) => tokenOf(ask(server, runner))))
  assert.equal(new Set(tokens).size, 4)
})
