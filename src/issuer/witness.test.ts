// The second witness: without the server's own word no token, against it no token, after the end none.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  partOf,
  tokenOf,
  type Json,
  type Rehearsal,
  type Sending,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

async function assertDenied(rehearsal: Rehearsal, token: string, code: string): Promise<Json> {
  const answer = await rehearsal.exchange(token)
  const problem = await jsonOf(answer)
  assert.deepEqual([answer.status, problem['code']], [403, code])
  const record = (await rehearsal.records()).at(-1)
  assert.equal(record?.type, 'token.denied')
  assert.deepEqual(record.reasons, [code])
  assert.equal(record.rule, 'publish')
  return problem
}

test('witness › that says nothing for two seconds leaves the build unconfirmed', async () => {
  const rehearsal = createRehearsal(signer)
  const token = await tokenOf(rehearsal.ask())
  const problem = await assertDenied(rehearsal, token, 'issuer_build_unconfirmed')
  assert.equal(rehearsal.world.slept, 2000)
  assert.match(String(problem['detail']), /octo\/hello#7/)
  assert.match(String(problem['hint']), /DRONE_WEBHOOK_ENDPOINT/)
})

for (const when of [50, 1000, 2000]) {
  test(`witness › that speaks ${when} ms into the wait is heard`, async () => {
    const rehearsal = createRehearsal(signer)
    const { ask, tell, exchange, world } = rehearsal
    const token = await tokenOf(ask())
    world.onSleep = async () => {
      if (world.slept === when) assert.equal((await tell()).status, 204)
    }
    assert.equal((await exchange(token)).status, 200)
    assert.equal(world.slept, when)
  })
}

test('witness › that spoke before the question is not waited for', async () => {
  const { ask, tell, exchange, world } = createRehearsal(signer)
  await tell()
  const token = await tokenOf(ask())
  assert.equal((await exchange(token)).status, 200)
  assert.equal(world.slept, 0)
})

test('witness › of another build, instance or number is none of this build', async () => {
  const rehearsal = createRehearsal(signer)
  const token = await tokenOf(rehearsal.ask())
  await rehearsal.tell({ build: { id: 1002 } })
  await assertDenied(rehearsal, token, 'issuer_build_unconfirmed')
})

const disputes: { name: string; sending: Sending; says: RegExp }[] = [
  { name: 'number', sending: { build: { number: 8 } }, says: /: number\.$/ },
  { name: 'parent', sending: { build: { parent: 6 } }, says: /: parent\.$/ },
  { name: 'event', sending: { build: { event: 'custom' } }, says: /: event\.$/ },
  { name: 'ref', sending: { build: { ref: 'refs/heads/x' } }, says: /: ref\.$/ },
  { name: 'commit', sending: { build: { after: 'bad' } }, says: /: sha\.$/ },
  {
    name: 'source repository',
    sending: { build: { source_repo: 'mallory/hello' } },
    says: /: sourceRepository\.$/,
  },
  { name: 'trigger', sending: { build: { trigger: 'mallory' } }, says: /: trigger\.$/ },
  { name: 'cron', sending: { build: { cron: 'nightly' } }, says: /: cron\.$/ },
  { name: 'target', sending: { build: { deploy_to: 'prod' } }, says: /: deployTo\.$/ },
  { name: 'params', sending: { build: { params: { A: '1' } } }, says: /: params\.$/ },
  {
    name: 'a param that is easily lost',
    sending: {
      body: JSON.stringify({ event: 'build', repo: 'R', build: 'B' }),
    },
    says: /: params\.$/,
  },
  { name: 'repository', sending: { repo: { slug: 'octo/evil' } }, says: /: repository\.$/ },
  { name: 'repository id', sending: { repo: { uid: '43' } }, says: /: repository id\.$/ },
]

for (const { name, sending, says } of disputes) {
  test(`witness › that contradicts the runner on the ${name} leaves no token`, async () => {
    const rehearsal = createRehearsal(signer)
    const token = await tokenOf(rehearsal.ask())
    assert.equal((await rehearsal.tell(fill(sending))).status, 204)
    const problem = await assertDenied(rehearsal, token, 'issuer_build_contradicted')
    assert.match(String(problem['detail']), says)
  })

  test(`witness › contradicted by a lying runner on the ${name} leaves no token`, async () => {
    const rehearsal = createRehearsal(signer)
    await rehearsal.tell(fill(sending))
    await assertDenied(rehearsal, await tokenOf(rehearsal.ask()), 'issuer_build_contradicted')
  })
}

test('witness › is believed, not the runner, on what does not identify a build', async () => {
  const { ask, tell, exchange } = createRehearsal(signer)
  const stages = [{ number: 1, name: 'x', type: 'exec', status: 'running', machine: 'forged' }]
  const forged = { sender: 'admin', action: 'forged', source: 'forged', target: 'forged', stages }
  const repo = { visibility: 'public', trusted: true, protected: true }
  const token = await tokenOf(ask({ build: forged, repo }))
  await tell()
  const claims = partOf(String((await jsonOf(exchange(token)))['value']), 1)
  assert.equal(claims['actor'], 'octocat')
  assert.equal(claims['repository_visibility'], 'private')
  assert.equal(claims['repository_trusted'], 'false')
  assert.equal(claims['repository_protected'], 'false')
  assert.equal(claims['runner_name'], 'docker-1')
  assert.ok(!JSON.stringify(claims).includes('forged'))
})

test("witness › bounds a token's life by its own time-out, not by the runner's", async () => {
  const rehearsal = createRehearsal(signer)
  const token = await tokenOf(rehearsal.ask({ repo: { timeout: 525_600 } }))
  await rehearsal.tell()
  rehearsal.world.time += 65 * 60_000 - 1
  assert.equal((await rehearsal.exchange(token)).status, 200)
  rehearsal.world.time += 1
  assert.equal((await jsonOf(rehearsal.exchange(token)))['code'], 'issuer_token_expired')
})

for (const status of [
  'success',
  'failure',
  'killed',
  'error',
  'skipped',
  'declined',
  'unheard-of',
]) {
  test(`witness › of a build that is ${status} ends its token, on record`, async () => {
    const rehearsal = createRehearsal(signer)
    const { ask, tell, exchange, records } = rehearsal
    const token = await tokenOf(ask())
    await tell()
    assert.equal((await exchange(token)).status, 200)
    await tell({ build: { status, version: 3 } })
    const revoked = (await records()).at(-1)
    assert.equal(revoked?.type, 'token.revoked')
    assert.equal(revoked.build?.status, status)
    const problem = await assertDenied(rehearsal, token, 'issuer_build_finished')
    assert.ok(String(problem['detail']).includes(status))
  })
}

test('witness › that told the end once is not unsaid: not by old news, not by new', async () => {
  const rehearsal = createRehearsal(signer)
  const token = await tokenOf(rehearsal.ask())
  await rehearsal.tell({ build: { status: 'killed', version: 3 } })
  for (const version of [1, 2, 3, 4, 99]) {
    assert.equal((await rehearsal.tell({ build: { version } })).status, 204)
    await assertDenied(rehearsal, token, 'issuer_build_finished')
  }
})

test('witness › ended is ended also where the last word came out of order', async () => {
  const rehearsal = createRehearsal(signer)
  const token = await tokenOf(rehearsal.ask())
  await rehearsal.tell({ build: { version: 9 } })
  await rehearsal.tell({ build: { status: 'killed', version: 5 } })
  await assertDenied(rehearsal, token, 'issuer_build_finished')
})

test('witness › is heard in the order of versions, whatever the order of arrival', async () => {
  const rehearsal = createRehearsal(signer)
  const { ask, tell, exchange, store } = rehearsal
  const token = await tokenOf(ask())
  await tell({ build: { status: 'running', version: 5 } })
  await tell({ build: { status: 'pending', version: 4, ref: 'refs/heads/old' } })
  assert.equal((await store.findBuild('ci-main', 1001))?.version, 5)
  assert.equal((await exchange(token)).status, 200)
})

test('witness › ends the tokens of one build only, and says how many once', async () => {
  const rehearsal = createRehearsal(signer)
  const { ask, tell, exchange, records } = rehearsal
  const other = await tokenOf(ask({ build: { id: 1002, number: 8 } }))
  await tell({ build: { id: 1002, number: 8 } })
  await ask()
  await ask({ name: 'gone' })
  await tell({ build: { status: 'success', version: 3 } })
  await tell({ build: { status: 'success', version: 3 } })
  const revoked = (await records()).filter((record) => record.type === 'token.revoked')
  assert.equal(revoked.length, 1)
  assert.match(revoked[0]?.detail ?? '', /\(success\); 2 token\(s\)/)
  assert.equal((await exchange(other)).status, 200)
})

test('witness › of a build nobody asked a token for leaves no record', async () => {
  const { tell, records } = createRehearsal(signer)
  await tell({ build: { status: 'success' } })
  assert.deepEqual(await records(), [])
})

test('witness › of a restarted build does not revive the token of the one before', async () => {
  const rehearsal = createRehearsal(signer)
  const { ask, tell, exchange } = rehearsal
  const restarted = { id: 1002, number: 8, parent: 7, trigger: 'octocat' }
  const first = await tokenOf(ask())
  await tell({ build: { status: 'killed', version: 3 } })
  const second = await tokenOf(ask({ build: restarted }))
  await tell({ build: restarted })
  await assertDenied(rehearsal, first, 'issuer_build_finished')
  const claims = partOf(String((await jsonOf(exchange(second)))['value']), 1)
  assert.equal(claims['sub'], 'repo:octo/hello@42:ref:refs/heads/main')
  assert.equal(claims['run_parent'], '7')
})

// JSON.stringify cannot write a key called __proto__, but Go can.
function fill(sending: Sending): Sending {
  if (sending.body === undefined) return sending
  const repo = '{"uid":"42","slug":"octo/hello"}'
  const build =
    '{"id":1001,"number":7,"trigger":"@hook","status":"running","event":"push","ref":"refs/heads/main",' +
    '"after":"c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00","version":2,"params":{"__proto__":"x"}}'
  return { body: sending.body.replace('"R"', repo).replace('"B"', build) }
}
