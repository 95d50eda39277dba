// What each door says in its headers, records and refusals, where one line decides.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Call } from '../ci/drone/call.ts'
import { encryptedHeaders } from '../ci/drone/encryption.ts'
import { extensions, signRequest } from '../ci/drone/signature.ts'
import { Secret } from '../core/secret.ts'
import { createPublicApp } from './public-app.ts'
import {
  canaries,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  runnerTokens,
  tokenOf,
  urls,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()
const begin = (more: Parameters<typeof createRehearsal>[1] = {}) => createRehearsal(signer, more)
const tight = { runner: { burst: 9, perMinute: 60 }, stranger: { burst: 1, perMinute: 60 } }

test('exchange › a step whose token is ours is never counted among strangers', async () => {
  const { ask, exchange } = begin({ limits: tight })
  const token = await tokenOf(ask())
  const codes: unknown[] = []
  for (let count = 0; count < 4; count += 1) {
    codes.push((await jsonOf(exchange(token, 'v=2&audience=x')))['code'])
    codes.push((await jsonOf(exchange(token)))['code'])
  }
  assert.deepEqual([...new Set(codes)], ['issuer_version_unknown', 'issuer_build_unconfirmed'])
})

test('exchange › a version said twice is none, even when it is ours', async () => {
  const { ask, exchange } = begin()
  const token = await tokenOf(ask())
  const { code, detail } = await jsonOf(exchange(token, 'v=1&v=1&audience=x'))
  assert.deepEqual([code, detail], ['issuer_version_unknown', 'This service knows v=1, not 1&1.'])
})

test('CI door › answers are JSON that nobody keeps, encrypted ones too', async () => {
  const plain = await begin().ask()
  const sealed = await begin({ runner: { encryptAnswers: true } }).ask()
  for (const { headers } of [plain, sealed]) assert.equal(headers.get('cache-control'), 'no-store')
  assert.equal(plain.headers.get('content-type'), 'application/json')
  for (const [name, value] of Object.entries(encryptedHeaders)) {
    assert.equal(sealed.headers.get(name), value)
    assert.notEqual(plain.headers.get('content-encoding'), 'aesgcm')
  }
})

for (const [status, isSealed] of [
  [200, true],
  [400, false],
  [500, false],
] as const) {
  test(`CI door › an answer ${status} of the upstream is ${isSealed ? '' : 'not '}encrypted`, async () => {
    const call: Call = async () => ({
      status,
      headers: new Map(),
      body: Buffer.from('{"data":"x"}'),
    })
    const secret = { url: 'https://site.example/', token: new Secret('x'.repeat(32)) }
    const { ask } = begin({ call, runner: { encryptAnswers: true, upstream: { secret } } })
    const answer = await ask({ path: 'elsewhere' })
    assert.equal(answer.status, status)
    assert.equal(answer.headers.get('content-encoding') === 'aesgcm', isSealed)
    assert.equal((await answer.text()) === '{"data":"x"}', !isSealed)
  })
}

test('environ › with another body than was signed is 401, not a list', async () => {
  const { ci, deps } = begin()
  const token = new Secret(runnerTokens.environ)
  const headers = signRequest(extensions.environ, token, Buffer.from('{}'), deps.now())
  const url = '/ci-main/drone/runners/environ-1/environ'
  const answer = await ci.request(url, { method: 'POST', headers, body: '{"a":1}' })
  assert.equal(answer.status, 401)
})

test('record › of an offer says the entry of a grant, and reason and sentence of a refusal', async () => {
  const { ask, records } = begin()
  await ask()
  await ask({ name: 'nobody' })
  const [granted, refused] = await records()
  assert.deepEqual(
    [granted?.rule, granted?.reasons, granted?.decision],
    ['publish', undefined, 'allow'],
  )
  assert.deepEqual(
    [refused?.rule, refused?.reasons, refused?.decision],
    [undefined, ['policy_entry_unknown'], 'deny'],
  )
  assert.match(refused?.detail ?? '', /no entry named "nobody"/)
})

test('record › of each arrow names the door it came through', async () => {
  const { ask, tell, exchange, records } = begin()
  const token = await tokenOf(ask())
  await tell()
  await exchange(token)
  await tell({ build: { status: 'success', version: 9 } })
  assert.deepEqual(
    (await records()).map(({ type, caller }) => [type, caller?.door]),
    [
      ['token.requested', 'secret'],
      ['token.issued', 'id-token'],
      ['token.revoked', 'webhook'],
    ],
  )
})

test('direct › a token given and one refused are a line each, with whom and what', async () => {
  const { ask, lines } = begin()
  await ask({ path: 'oidc', name: 'sts.amazonaws.com' })
  const [line] = lines.map((each) => JSON.parse(each) as Record<string, unknown>)
  assert.deepEqual(
    { ...line, message: '' },
    {
      level: 'warn',
      door: 'secret',
      runner: 'docker-1',
      repository: 'octo/hello',
      build: 7,
      code: 'issuer_direct_denied',
      message: '',
    },
  )
  assert.ok(!lines.join().includes(canaries.runner))
})

test('public door › a defect is a problem document that tells nothing', async () => {
  const said: object[] = []
  const say = (fields: object) => void said.push(fields)
  const broken = {
    ...signer,
    publicKeys: () => {
      throw new Error('canary')
    },
  }
  const log = { info: say, warn: say, error: say }
  const app = createPublicApp({ issuerUrl: urls.issuer, instances: ['main'], signer: broken, log })
  const answer = await app.request(`${urls.issuer}/main/.well-known/jwks.json`)
  assert.deepEqual(
    [answer.status, answer.headers.get('content-type')],
    [500, 'application/problem+json'],
  )
  assert.doesNotMatch(await answer.text(), /canary/)
  assert.equal(said.length, 1)
})
