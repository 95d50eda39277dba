// Chaining to an extension the site already runs: one that really listens, and checks what it gets.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'

import { callOnce } from '../ci/drone/call.ts'
import { decryptAnswer, encryptAnswer } from '../ci/drone/encryption.ts'
import { extensions, verifySignature } from '../ci/drone/signature.ts'
import type { Runner } from '../config/instances.ts'
import { Secret } from '../core/secret.ts'
import {
  canaries,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  rawRepository,
  runnerTokens,
  type Json,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()
const upstreamToken = new Secret('canary-upstream-token-0123456789abcdef-01')

type Reply = { status?: number; headers?: Record<string, string>; body?: string | Buffer }

/** An extension of the site, before it a rehearsal whose runners are chained to it. */
async function begin(t: TestContext, more: Partial<Runner> = {}) {
  const received: { url: string; headers: Map<string, string>; body: Buffer }[] = []
  const site: { reply: Reply } = { reply: { status: 204 } }
  const server = createServer((request: IncomingMessage, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const headers = new Map(Object.entries(request.headers).map(([k, v]) => [k, String(v)]))
      received.push({ url: request.url ?? '', headers, body: Buffer.concat(pieces) })
      const { status = 200, headers: own = {}, body = '' } = site.reply
      response.writeHead(status, own)
      response.end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/site/x`
  const remote = { url, token: upstreamToken }
  const runner = { upstream: { secret: remote, environ: remote }, ...more }
  return { ...createRehearsal(signer, { call: callOnce, runner }), site, received, server }
}

test('chaining › passes a question that is not ours on, byte for byte, signed anew', async (t) => {
  const { ask, site, received, world, records } = await begin(t)
  site.reply = { body: '{"name":"db","data":"s3cr3t"}' }
  const body = `{"path":"secret/data/db","name":"db" ,"repo":${JSON.stringify(rawRepository)},"build":{"id":1,"number":1,"event":"push","message":"a \\u003cb\\u003e"}}`
  const answer = await ask({ body })
  assert.equal(answer.status, 200)
  assert.deepEqual(await answer.json(), { name: 'db', data: 's3cr3t' })
  const [request] = received
  assert.ok(request)
  assert.equal(request.url, '/site/x')
  assert.equal(request.body.toString(), body)
  const deps = { now: () => new Date(world.time) }
  verifySignature(deps, extensions.secret, upstreamToken, request)
  assert.ok(!JSON.stringify([...request.headers]).includes(canaries.runner))
  assert.deepEqual(await records(), [])
})

test('chaining › keeps what is ours to ourselves', async (t) => {
  const { ask, received } = await begin(t)
  assert.match(String((await jsonOf(ask()))['data']), /^asd1\./)
  assert.equal((await ask({ path: 'oidc' })).status, 204)
  assert.deepEqual(received, [])
})

test('chaining › passes nothing on that is not signed by the runner', async (t) => {
  const { ask, askEnviron, received } = await begin(t)
  assert.equal((await ask({ path: 'x', token: 'x'.repeat(40) })).status, 401)
  assert.equal((await askEnviron({ token: 'x'.repeat(40) })).status, 401)
  assert.deepEqual(received, [])
})

const replies: { name: string; reply: Reply; status: number; text: string }[] = [
  { name: 'nothing', reply: { status: 204 }, status: 204, text: '' },
  { name: 'null', reply: { body: 'null' }, status: 200, text: 'null' },
  { name: 'an error', reply: { status: 404, body: 'no such' }, status: 404, text: 'no such' },
  { name: 'a failure', reply: { status: 500, body: 'oops' }, status: 500, text: 'oops' },
]

for (const { name, reply, status, text } of replies) {
  test(`chaining › passes ${name} back`, async (t) => {
    const { ask, site } = await begin(t)
    site.reply = reply
    const answer = await ask({ path: 'x' })
    assert.deepEqual([answer.status, await answer.text()], [status, text])
  })
}

const sealed = (text: string, token = upstreamToken): Reply => ({
  headers: { 'content-encoding': 'aesgcm' },
  body: encryptAnswer(token, Buffer.alloc(12, 1), Buffer.from(text)),
})

const troubles: { name: string; reply: Reply; says: RegExp }[] = [
  {
    name: 'redirects',
    reply: { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
    says: /answered 302/,
  },
  { name: 'says 206', reply: { status: 206 }, says: /answered 206/ },
  { name: 'floods', reply: { body: ' '.repeat(1024 * 1024 + 1) }, says: /longer than 1048576/ },
  {
    name: 'encrypts with another token',
    reply: sealed('{}', new Secret('x'.repeat(32))),
    says: /cannot decrypt/,
  },
]

for (const { name, reply, says } of troubles) {
  test(`chaining › to an extension that ${name} is a 502 for a secret, and our own for environ`, async (t) => {
    const { ask, askEnviron, site, received, lines } = await begin(t)
    site.reply = reply
    const answer = await ask({ path: 'x' })
    const problem = await jsonOf(answer)
    assert.deepEqual([answer.status, problem['code']], [502, 'ci_upstream_unavailable'])
    assert.match(String(problem['detail']), says)
    const variables = (await (await askEnviron()).json()) as Json[]
    assert.deepEqual(
      variables.map(({ name: each }) => each),
      ['AZURE_STORAGE_DRONE_TOKEN'],
    )
    assert.equal(received.length, 2)
    assert.ok(lines.some((line) => says.test(line) && line.includes('"level":"error"')))
  })
}

test('chaining › to an extension that is gone says so', async (t) => {
  const { ask, askEnviron, server } = await begin(t)
  server.close()
  assert.match(String((await jsonOf(ask({ path: 'x' })))['detail']), /ECONNREFUSED/)
  assert.equal(((await (await askEnviron()).json()) as Json[]).length, 1)
})

test('chaining › reads an encrypted answer, and encrypts it for the runner that wants it', async (t) => {
  for (const encryptAnswers of [false, true]) {
    const { ask, site } = await begin(t, { encryptAnswers })
    site.reply = sealed('{"name":"db","data":"x"}')
    const answer = await ask({ path: 'x' })
    const bytes = Buffer.from(await answer.arrayBuffer())
    const token = new Secret(canaries.runner)
    const plain = encryptAnswers ? decryptAnswer(token, bytes) : bytes
    assert.equal(plain.toString(), '{"name":"db","data":"x"}')
    assert.equal(answer.headers.get('content-encoding'), encryptAnswers ? 'aesgcm' : null)
  }
})

const lists: { name: string; body: string; expected: Json[] }[] = [
  {
    name: 'a list',
    body: '[{"name":"A","data":"1","mask":true},{"name":"B","data":"2"}]',
    expected: [
      { name: 'A', data: '1', mask: true },
      { name: 'B', data: '2', mask: false },
    ],
  },
  { name: 'a map', body: '{"A":"1"}', expected: [{ name: 'A', data: '1', mask: false }] },
  { name: 'null', body: 'null', expected: [] },
  { name: 'an empty list', body: '[]', expected: [] },
  {
    name: 'our own variable',
    body: '[{"name":"AZURE_STORAGE_DRONE_TOKEN","data":"evil"},{"name":"A","data":"1"}]',
    expected: [{ name: 'A', data: '1', mask: false }],
  },
  { name: 'no variables at all', body: '"x"', expected: [] },
  { name: 'a nameless variable', body: '[{"name":"","data":"x"}]', expected: [] },
  { name: 'a variable twice', body: '{"A":"1","A":"2"}', expected: [] },
  { name: 'garbage', body: '<html>', expected: [] },
]

for (const { name, body, expected } of lists) {
  test(`chaining › of environ adds ours to ${name}`, async (t) => {
    const { askEnviron, site, received, world } = await begin(t)
    site.reply = { body }
    const variables = (await (await askEnviron()).json()) as Json[]
    const ours = variables.pop()
    assert.equal(ours?.['name'], 'AZURE_STORAGE_DRONE_TOKEN')
    assert.match(String(ours['data']), /^asd1\./)
    assert.equal(ours['mask'], true)
    assert.deepEqual(variables, expected)
    const [request] = received
    assert.ok(request)
    const deps = { now: () => new Date(world.time) }
    verifySignature(deps, extensions.environ, upstreamToken, request)
  })
}

test('chaining › of environ goes on for a runner without a variable of ours', async (t) => {
  const { askEnviron, site } = await begin(t, { environ: false })
  site.reply = { body: '[{"name":"A","data":"1"}]' }
  assert.deepEqual(await (await askEnviron()).json(), [{ name: 'A', data: '1', mask: false }])
})

test('chaining › of environ goes on while our ledger does not', async (t) => {
  const { askEnviron, site, store } = await begin(t)
  store.appendLedger = () => Promise.reject(new Error('disk full'))
  site.reply = { body: '[{"name":"A","data":"1"}]' }
  assert.deepEqual(await (await askEnviron()).json(), [{ name: 'A', data: '1', mask: false }])
})

test('environ of version 1 › is a map, passed on as such, and without a token nobody would mask', async (t) => {
  const { askEnviron, site, received, lines } = await begin(t)
  site.reply = { body: '{"A":"1"}' }
  const answer = await askEnviron({ extension: extensions.environV1 })
  assert.deepEqual(await answer.json(), { A: '1' })
  assert.equal(received[0]?.headers.get('accept'), 'application/vnd.drone.env.v1+json')
  assert.ok(lines.some((line) => line.includes('would print the token')))
})

test('environ › is a list of nothing after a good signature, whatever is wrong', async () => {
  const { askEnviron, store } = createRehearsal(signer)
  const huge = JSON.stringify({ x: 'x'.repeat(4 * 1024 * 1024) })
  for (const body of ['', '{', '{"repo":1}', huge]) {
    const answer = await askEnviron({ body })
    assert.deepEqual([answer.status, await answer.text()], [200, '[]'])
  }
  store.findRequestToken = () => Promise.reject(new TypeError('a bug'))
  const answer = await askEnviron()
  assert.deepEqual([answer.status, await answer.text()], [200, '[]'])
})

test('encrypted answers › are what a runner with encrypt_answers gets, from both doors', async () => {
  const { ask, askEnviron } = createRehearsal(signer, { runner: { encryptAnswers: true } })
  const nonces = new Set<string>()
  for (const [answer, token] of [
    [await ask(), canaries.runner],
    [await ask(), canaries.runner],
    [await askEnviron(), runnerTokens.environ],
  ] as const) {
    assert.equal(answer.headers.get('content-encoding'), 'aesgcm')
    assert.equal(answer.headers.get('content-type'), 'application/octet-stream')
    const bytes = Buffer.from(await answer.arrayBuffer())
    assert.ok(!bytes.includes('asd1'))
    assert.match(decryptAnswer(new Secret(token), bytes).toString(), /"data":"asd1\./)
    nonces.add(bytes.subarray(0, 12).toString('hex'))
  }
  assert.equal(nonces.size, 3)
})
