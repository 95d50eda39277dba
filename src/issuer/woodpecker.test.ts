// A Woodpecker server that really signs, over a real connection, from the pipeline's start to its end.
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { after, test, type TestContext } from 'node:test'

import { createAdaptorServer } from '@hono/node-server'

import { callOnce } from '../ci/drone/call.ts'
import type { Instance } from '../config/instances.ts'
import type { WoodpeckerSettings } from '../config/woodpecker.ts'
import { Secret } from '../core/secret.ts'
import { createAuthority } from '../lab/authority.ts'
import { giveSecret, startWoodpecker, type LabRun } from '../lab/woodpecker.ts'
import { createRehearsal, createRehearsalSigner, jsonOf, partOf } from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()
const authority = await createAuthority()
const userToken = new Secret('canary-woodpecker-user-0123456789abcdef')
const password = new Secret('canary-netrc-password-0123456789abcdef')
const repository = {
  id: 9,
  forge_id: 1,
  forge_remote_id: '42',
  full_name: 'octo/hello',
  timeout: 60,
}
const image = 'octo/azure-storage-drone'
const plugin = { image: `${image}:1`, isPlugin: true }
const start = Date.parse('2026-11-23T12:03:03Z')

const clock = { now: () => new Date(start) }
const extension = { url: '' }
const netrc = { login: 'robot', password }
const server = await startWoodpecker(
  { authority },
  { userToken, extension, now: () => clock.now(), netrc },
)
after(() => server.close())

async function begin(
  t: TestContext,
  { publicKey = server.publicKeyPem(), ...settings }: Partial<WoodpeckerSettings> = {},
) {
  const instance: Partial<Instance> & { woodpecker: WoodpeckerSettings } = {
    api: { url: server.url, token: userToken, ca: authority.caPem },
    witness: 'api',
    runners: new Map(),
    woodpecker: {
      forgeId: 1,
      ...(publicKey !== '' && { publicKey }),
      images: [image],
      repositories: ['octo/*'],
      ...settings,
    },
  }
  const stage = createRehearsal(signer, { call: callOnce, instance })
  clock.now = () => new Date(stage.world.time)
  const door = createAdaptorServer({ fetch: stage.ci.fetch })
  await new Promise<void>((resolve) => {
    door.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => door.close())
  extension.url = `http://127.0.0.1:${(door.address() as AddressInfo).port}/ci-main/woodpecker/secrets`
  const exchange = async (run: LabRun, name = 'azure_publish') => {
    // Longer than the API's word is believed.
    stage.world.time += 3000
    const answer = await stage.exchange(giveSecret(run, plugin, name))
    const { code, detail, value } = await jsonOf(answer)
    return { status: answer.status, code, detail: String(detail), value: String(value) }
  }
  return { ...stage, exchange }
}

test('woodpecker › a pushed pipeline gets tokens for its plugin steps, worth something while it runs', async (t) => {
  const { exchange } = await begin(t)
  const run = await server.create(repository)
  assert.deepEqual(
    run.secrets.map(({ name, images, events }) => [name, images, events]),
    [
      ['azure_publish', [image], ['push']],
      ['azure_release', [image], ['push']],
    ],
  )
  assert.throws(() => giveSecret(run, { ...plugin, image: 'evil' }, 'azure_publish'), /image/)
  assert.throws(() => giveSecret(run, { ...plugin, isPlugin: false }, 'azure_publish'), /plugins/)
  assert.equal((await exchange(run)).code, 'issuer_build_not_running')
  server.start(run.pipeline)
  const { status, value } = await exchange(run)
  assert.equal(status, 200)
  const claims = partOf(value, 1)
  assert.equal(claims['sub'], 'repo:octo/hello@42:ref:refs/heads/main')
  assert.equal(claims['verified_by'], 'api')
  assert.equal(claims['run_number'], String(run.pipeline.number))
  const refused = await exchange(run, 'azure_release')
  assert.deepEqual([refused.status, refused.code], [403, 'policy_event_denied'])
  server.cancel(run.pipeline)
  assert.equal((await exchange(run)).code, 'issuer_build_finished')
})

test('woodpecker › a pipeline that waits for approval can do nothing, and a fork can do nothing after it', async (t) => {
  const { exchange } = await begin(t)
  const fork = { event: 'pull_request', ref: 'refs/pull/7/head', from_fork: true }
  const waiting = await server.create(repository, fork)
  assert.equal(waiting.secrets[0]?.events?.[0], 'pull_request')
  assert.equal((await exchange(waiting)).code, 'policy_fork_denied')
  const approved = await server.approve(waiting.pipeline)
  server.start(waiting.pipeline)
  assert.equal((await exchange(approved)).code, 'policy_fork_denied')
  const gated = await server.create(repository, { event: 'push', status: 'blocked' })
  assert.equal((await exchange(gated)).code, 'issuer_build_not_running')
})

test('woodpecker › a restarted push is no push: its caller may have added variables', async (t) => {
  const { exchange } = await begin(t)
  const first = await server.create(repository)
  server.start(first.pipeline)
  const again = await server.restart(first.pipeline)
  server.start(again.pipeline)
  const { code, detail } = await exchange(again)
  assert.equal(code, 'policy_event_denied')
  assert.match(detail, /unknown, because it was restarted/)
})

test('woodpecker › what the API says otherwise is refused, and so is everything while it says nothing', async (t) => {
  const { exchange } = await begin(t)
  const run = await server.create(repository)
  server.start(run.pipeline)
  server.trouble('fails')
  const { status, code } = await exchange(run)
  assert.deepEqual([status, code], [503, 'ci_api_unavailable'])
  server.trouble(undefined)
  assert.equal((await exchange(run)).status, 200)
})

test('woodpecker › a repository without an entry is answered with nothing', async (t) => {
  await begin(t)
  const other = { ...repository, id: 10, forge_remote_id: '43', full_name: 'octo/other' }
  assert.equal((await server.create(other)).answer.status, 204)
})

test('woodpecker › a repository the server may not ask for gets the reason', async (t) => {
  const { exchange } = await begin(t, { repositories: ['acme/*'] })
  const run = await server.create(repository)
  assert.equal((await exchange(run)).code, 'ci_runner_repository')
})

test('woodpecker › the same repository of another forge is refused', async (t) => {
  await begin(t)
  const { answer } = await server.create({ ...repository, id: 11, forge_id: 2 })
  assert.equal(answer.status, 403)
  assert.match(answer.body, /ci_forge_other/)
})

test('woodpecker › a request for another path, or signed by another key, is no request', async (t) => {
  await begin(t)
  const right = extension.url
  extension.url = right.replace('ci-main', 'ci-three')
  assert.equal((await server.create(repository)).answer.status, 404)
  extension.url = right
  server.renewKey()
  const { answer } = await server.create(repository)
  assert.equal(answer.status, 401)
  assert.match(answer.body, /ci_signature_invalid/)
})

test('woodpecker › whoever cannot sign is counted by address', async (t) => {
  const { ci } = await begin(t)
  const statuses = new Set<number>()
  for (let call = 0; call < 61; call += 1) {
    const { status } = await ci.request('/ci-main/woodpecker/secrets', { method: 'POST' })
    statuses.add(status)
  }
  assert.deepEqual([...statuses], [401, 429])
})

test('woodpecker › a new key of the server is followed where none is pinned, and said aloud', async (t) => {
  const { lines, world } = await begin(t, { publicKey: '' })
  const said = () => lines.filter((line) => line.includes('signs with this key')).length
  assert.equal((await server.create(repository)).answer.status, 200)
  server.renewKey()
  world.time += 10_000
  assert.equal((await server.create(repository)).answer.status, 200)
  assert.equal(said(), 2)
})

test('woodpecker › no token, netrc or signature is kept or logged', async (t) => {
  const { exchange, lines, records, store } = await begin(t)
  const run = await server.create(repository)
  server.start(run.pipeline)
  await exchange(run)
  const kept = JSON.stringify([
    lines,
    await records(),
    await store.findBuild('ci-main', run.pipeline.id),
  ])
  for (const secret of [userToken, password]) assert.equal(kept.includes(secret.reveal()), false)
  for (const { value } of run.secrets) {
    assert.equal(kept.includes(value.split('.')[2] ?? value), false)
  }
  assert.match(kept, /token.issued/)
})
