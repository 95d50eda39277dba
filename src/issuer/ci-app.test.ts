import assert from 'node:assert/strict'
import { test } from 'node:test'

import { extensions } from '../ci/drone/signature.ts'
import { sha256Hex } from '../core/digest.ts'
import {
  canaries,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  runnerTokens,
  tokenOf,
  urls,
  type Json,
  type Sending,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

const whereIn = (token: string): unknown =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

test('secret door › hands out a request token that says where to exchange it', async () => {
  const { ask, store } = createRehearsal(signer)
  const answer = await ask()
  assert.equal(answer.status, 200)
  const { data, ...rest } = (await answer.json()) as { data: string }
  assert.deepEqual(rest, { name: 'publish', pull_request: false, pull: false })
  assert.match(data, /^asd1\.[\w-]+\.[\w-]{43}$/)
  assert.deepEqual(whereIn(data), { url: urls.service })
  const row = await store.findRequestToken(sha256Hex(data))
  assert.equal(row?.buildId, 1001)
  assert.equal(row.instance, 'ci-main')
})

test('secret door › puts the pin of a private CA into the token', async () => {
  const token = await tokenOf(createRehearsal(signer, { pin: 'cGlu' }).ask())
  assert.deepEqual(whereIn(token), { url: urls.service, pin: 'cGlu' })
})

test('secret door › gives a token the life of its build and five minutes', async () => {
  const lives: [timeout: number | undefined, minutes: number][] = [
    [60, 65],
    [1, 6],
    [0, 65],
    [undefined, 65],
  ]
  for (const [timeout, minutes] of lives) {
    const { ask, store } = createRehearsal(signer)
    const row = await store.findRequestToken(sha256Hex(await tokenOf(ask({ repo: { timeout } }))))
    assert.equal((Number(row?.expiresAt) - Number(row?.issuedAt)) / 60_000, minutes)
  }
})

test('secret door › answers 204 for paths that are not ours, and remembers nothing', async () => {
  const { ask, store, records } = createRehearsal(signer)
  for (const path of ['', 'Azure', 'OIDC', 'azure/', 'secret/data/x', '__proto__']) {
    const answer = await ask({ path })
    assert.equal(answer.status, 204)
    assert.equal(await answer.text(), '')
  }
  assert.deepEqual(await records(), [])
  assert.equal(await store.countRequestTokens('ci-main', 1001), 0)
})

test('secret door › answers the same signed request the same, with one record', async () => {
  const { ask, world, records } = createRehearsal(signer)
  const date = new Date(world.time)
  const first = await tokenOf(ask({ date }))
  world.time += 900
  assert.equal(await tokenOf(ask({ date })), first)
  assert.equal((await records()).length, 1)
})

test('secret door › gives two questions two tokens', async () => {
  const { ask, world } = createRehearsal(signer)
  const first = await tokenOf(ask())
  const other = await tokenOf(ask({ build: { id: 1002 } }))
  world.time += 1000
  const later = await tokenOf(ask())
  assert.equal(new Set([first, other, later]).size, 3)
})

test('secret door › makes other tokens under another key: nobody can compute one', async () => {
  const { ask } = createRehearsal(signer)
  const token = await tokenOf(ask())
  assert.ok(!token.includes('canary'))
  assert.notEqual(token.split('.')[2], token.split('.')[1])
})

test('secret door › answers again after the ledger has come back', async () => {
  const { ask, store, records } = createRehearsal(signer)
  const appendLedger = store.appendLedger.bind(store)
  store.appendLedger = () => Promise.reject(new Error('disk full'))
  assert.equal((await ask()).status, 503)
  assert.equal(await store.countRequestTokens('ci-main', 1001), 0)
  store.appendLedger = appendLedger
  assert.equal((await ask()).status, 200)
  assert.equal((await records()).length, 1)
})

const strangers: { name: string; sending: Sending }[] = [
  { name: 'an unknown runner', sending: { runner: 'docker-2' } },
  { name: 'a runner named like an object part', sending: { runner: '__proto__' } },
  { name: 'an unknown instance', sending: { instance: 'ci-three' } },
  { name: 'a runner of another instance', sending: { instance: 'ci-two', runner: 'narrow-1' } },
]

for (const { name, sending } of strangers) {
  test(`CI door › does not know ${name}`, async () => {
    const { ask, records } = createRehearsal(signer)
    const answer = await ask(sending)
    assert.equal(answer.status, 404)
    assert.equal((await jsonOf(answer))['code'], 'ci_runner_unknown')
    assert.deepEqual(await records(), [])
  })
}

const badDate = new Date('2026-11-23T11:58:02Z')

const forgeries: { name: string; sending: Sending; code?: string }[] = [
  { name: 'made with another token', sending: { token: 'x'.repeat(40) } },
  { name: "made with the webhook's secret", sending: { token: canaries.webhook } },
  { name: "made with another runner's token", sending: { token: runnerTokens.narrow } },
  { name: 'made for another runner URL', sending: { runner: 'narrow-1' } },
  { name: 'made for another instance', sending: { instance: 'ci-two' } },
  { name: 'made as a webhook', sending: { extension: extensions.webhook } },
  { name: 'made for the environ door', sending: { extension: extensions.environ } },
  { name: 'from 301 seconds ago', sending: { date: badDate }, code: 'ci_signature_stale' },
  { name: 'without a signature', sending: { alter: withoutSignature } },
  { name: 'with another Accept', sending: { headers: { accept: '*/*' } } },
  { name: 'with another Content-Type', sending: { headers: { 'content-type': 'text/plain' } } },
  { name: 'through a compressing proxy', sending: { headers: { 'accept-encoding': 'gzip' } } },
  { name: 'with another digest', sending: { headers: { digest: 'SHA-256=AAAA' } } },
  { name: 'with another date', sending: { headers: { date: 'Mon, 23 Nov 2026 12:03:04 GMT' } } },
]

for (const { name, sending, code = 'ci_signature_invalid' } of forgeries) {
  test(`secret door › refuses a request ${name} with 401, and stores nothing`, async () => {
    const { ask, store, records, lines } = createRehearsal(signer)
    const answer = await ask(sending)
    assert.equal(answer.status, 401)
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    const problem = await jsonOf(answer)
    assert.equal(problem['code'], code)
    assert.match(String(problem['detail']), /^[A-Z].*\.$/)
    assert.match(String(problem['hint']), /^[A-Z].*\.$/)
    assert.deepEqual(await records(), [])
    assert.equal(await store.countRequestTokens('ci-main', 1001), 0)
    assert.ok(lines.some((line) => line.includes(code)))
  })
}

test('secret door › refuses a body that was altered after signing', async () => {
  const { ci, ask, records } = createRehearsal(signer)
  let sent: Record<string, string> = {}
  await ask({ path: 'not-ours', alter: (headers) => (sent = headers) })
  const answer = await ci.request('/ci-main/drone/runners/docker-1/secret', {
    method: 'POST',
    headers: sent,
    body: '{"path":"azure"}',
  })
  assert.equal(answer.status, 401)
  assert.match(String((await jsonOf(answer))['detail']), /body/)
  assert.deepEqual(await records(), [])
})

for (const body of ['', 'null', '[]', '{}', 'x', '{"repo":{"secret":"canary-in-garbage"']) {
  test(`CI door › refuses a signed body of ${JSON.stringify(body)} with 400, unquoted`, async () => {
    const { ask, tell, askEnviron, lines, records } = createRehearsal(signer)
    for (const answer of [await ask({ body }), await tell({ body })]) {
      assert.equal(answer.status, 400)
      const text = await answer.text()
      assert.match(text, /ci_request_invalid/)
      assert.ok(!text.includes('canary'))
    }
    // An error would take the runner's other globals from the step.
    const environ = await askEnviron({ body })
    assert.equal(environ.status, 200)
    assert.deepEqual(await environ.json(), [])
    assert.ok(!lines.join().includes('canary'))
    assert.deepEqual(await records(), [])
  })
}

test('CI door › refuses a body of more than 4 MiB, announced or not', async () => {
  const { ask } = createRehearsal(signer)
  const body = JSON.stringify({ path: 'x'.repeat(4 * 1024 * 1024) })
  for (const headers of [{}, { 'content-length': String(body.length) }]) {
    const answer = await ask({ body, headers })
    assert.equal(answer.status, 413)
    assert.match(await answer.text(), /larger than 4194304 bytes/)
  }
})

test('CI door › has no other pages and answers no other method', async () => {
  const { ci } = createRehearsal(signer)
  for (const path of ['/', '/ci-main', '/ci-main/drone/webhook', '/v1/id-token']) {
    assert.equal((await ci.request(path)).status, 404)
  }
})

test('environ door › answers an empty list to a runner that did not opt in', async () => {
  const { askEnviron, records } = createRehearsal(signer)
  const answer = await askEnviron({ runner: 'docker-1', token: canaries.runner })
  assert.equal(answer.status, 200)
  assert.equal(await answer.text(), '[]')
  assert.deepEqual(await records(), [])
})

test('environ door › gives the token of the one matching entry, masked', async () => {
  const { askEnviron, tell, exchange } = createRehearsal(signer)
  const answer = (await (await askEnviron()).json()) as Json[]
  const [variable] = answer
  assert.equal(answer.length, 1)
  assert.equal(variable?.['name'], 'AZURE_STORAGE_DRONE_TOKEN')
  assert.equal(variable['mask'], true)
  await tell()
  assert.equal((await exchange(String(variable['data']))).status, 200)
})

test('environ door › refuses a bad signature like the others', async () => {
  const { askEnviron, records } = createRehearsal(signer)
  assert.equal((await askEnviron({ token: canaries.runner })).status, 401)
  assert.equal((await askEnviron({ extension: extensions.secret })).status, 401)
  assert.deepEqual(await records(), [])
})

test('webhook door › takes words on builds, and passes over users and repositories', async () => {
  const { tell, store } = createRehearsal(signer)
  for (const event of ['user', 'repo']) {
    const body = JSON.stringify({ event, action: 'created', user: {}, repo: {} })
    assert.equal((await tell({ body })).status, 204)
  }
  assert.equal(await store.findBuild('ci-main', 1001), undefined)
  assert.equal((await tell()).status, 204)
  assert.equal((await store.findBuild('ci-main', 1001))?.version, 2)
})

test("webhook door › refuses a runner's signature: it cannot be its own witness", async () => {
  const { tell, store } = createRehearsal(signer)
  const asRunner = { token: canaries.runner }
  for (const sending of [asRunner, { ...asRunner, extension: extensions.secret }]) {
    assert.equal((await tell(sending)).status, 401)
  }
  assert.equal((await tell({ extension: extensions.secret })).status, 401)
  assert.equal((await tell({ instance: 'ci-two' })).status, 401)
  assert.equal(await store.findBuild('ci-main', 1001), undefined)
})

function withoutSignature(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'signature'))
}
