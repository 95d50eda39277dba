// Edges of the CI room that one sign decides: payloads, the API's memory, headers, strict JSON.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'

import { Secret } from '../../core/secret.ts'
import { sampleBuild } from '../build.fixture.ts'
import type { Build } from '../build.ts'
import { parseStrictJson } from '../strict-json.ts'
import { createBuildApi } from './api.ts'
import { callOnce, type OutgoingCall } from './call.ts'
import { decryptAnswer } from './encryption.ts'
import { parseApiBuild, parseSecretRequest } from './payload.ts'
import { extensions, signRequest, verifyHead } from './signature.ts'

const token = new Secret('55f24eb3d61ef6ac5e83d550178638dc')
const origin = { instance: sampleBuild().instance, scm: 'gitea' } as const
const encode = (json: unknown) => Buffer.from(JSON.stringify(json))
const repo = { uid: '42', slug: 'octo/hello' }
const build = { id: 2, number: 2, event: 'push' }
const ask = (changes: object) =>
  parseSecretRequest(origin, encode({ repo: { ...repo, ...changes }, build }))

test('payload › flags that are left out are off, and a slug may have more than two parts', () => {
  const { repository } = ask({ slug: 'group/sub/hello' }).build
  assert.deepEqual(
    [repository.isTrusted, repository.isProtected, repository.slug],
    [false, false, 'group/sub/hello'],
  )
  for (const slug of [
    '/octo/hello',
    ' octo/hello',
    'octo',
    'octo/',
    'octo/ hello',
    'octo//hello',
  ]) {
    assert.throws(() => ask({ slug }), { code: 'ci_request_invalid' }, slug)
  }
})

for (const params of [[], ['A'], 'A', 1]) {
  test(`payload › parameters that are ${JSON.stringify(params)} are no parameters, and no build`, () => {
    assert.throws(() => parseSecretRequest(origin, encode({ repo, build: { ...build, params } })), {
      code: 'ci_request_invalid',
      message: /unusable build\.params/,
    })
  })
}

const apiAnswers = (repositoryId: number, ownRepositoryId = repositoryId) => ({
  repository: encode({ ...repo, id: repositoryId }),
  build: encode({ ...build, repo_id: ownRepositoryId }),
})

test('payload › the API may number repositories as it likes, from 1 on', () => {
  for (const id of [1, 2, 900]) assert.equal(parseApiBuild(origin, apiAnswers(id)).id, 2)
  for (const [one, other] of [
    [0, 0],
    [1, 2],
  ] as const) {
    assert.throws(() => parseApiBuild(origin, apiAnswers(one, other)), {
      code: 'ci_api_unavailable',
    })
  }
})

/** A witness over an API that answers what it is told to. */
function begin(more: { status?: number } = {}) {
  const world = { time: 0, status: more.status ?? 200 }
  const calls: OutgoingCall[] = []
  const api = createBuildApi(
    {
      now: () => new Date(world.time),
      call: async (call) => {
        calls.push(call)
        const answers = apiAnswers(1)
        const body = call.url.includes('/builds/') ? answers.build : answers.repository
        return { status: world.status, headers: new Map(), body }
      },
    },
    { url: 'https://drone.example', token },
    origin,
  )
  const question = (slug: string, number = 7): Build =>
    sampleBuild({ number, repository: { ...sampleBuild().repository, slug } })
  return { world, calls, api, question }
}

test('API › never asks for a part that is a step up, and does for names that only hold dots', async () => {
  for (const slug of ['../x', 'x/..', './x', 'x/.']) {
    const { api, question, calls } = begin()
    assert.equal(await api(question(slug)), undefined)
    assert.equal(calls.length, 0, slug)
  }
  for (const slug of ['a../x', 'x/..a', 'x/a.b', '.../x']) {
    const { api, question, calls } = begin()
    await api(question(slug))
    assert.equal(calls.length, 2, slug)
  }
})

test('API › is asked without a CA when none is configured, and with the token', async () => {
  const { api, question, calls } = begin()
  await api(question('octo/hello'))
  assert.equal(calls[0] && 'ca' in calls[0], false)
  assert.deepEqual(calls[0]?.headers, {
    accept: 'application/json',
    'accept-encoding': 'identity',
    authorization: `Bearer ${token.reveal()}`,
  })
})

test('API › keeps a thousand answers, the newest of each build, and forgets the oldest', async () => {
  const { api, question, calls } = begin()
  for (let number = 1; number <= 1000; number += 1) await api(question('o/h', number))
  assert.equal(calls.length, 2000)
  await api(question('o/h', 1))
  assert.equal(calls.length, 2000, 'the first is still known')
  await api(question('o/h', 1001))
  await api(question('o/h', 2))
  assert.equal(calls.length, 2002, 'the second is still known')
  await api(question('o/h', 1))
  assert.equal(calls.length, 2004, 'the first was forgotten')
})

test('API › an answer renewed late is not forgotten as an old one', () => {
  const world = { time: 0, calls: 0 }
  const api = createBuildApi(
    {
      now: () => new Date(world.time),
      call: () => {
        world.calls += 1
        return new Promise(() => undefined)
      },
    },
    { url: 'https://drone.example', token },
    origin,
  )
  const askFor = (number: number) => void api(sampleBuild({ number }))
  for (let number = 1; number <= 1000; number += 1) askFor(number)
  world.time = 3000
  askFor(1)
  askFor(1001)
  const before = world.calls
  askFor(1)
  assert.equal(world.calls, before)
})

test('API › that knows no such build is asked again', async () => {
  const { api, question, calls, world } = begin({ status: 404 })
  assert.equal(await api(question('o/h')), undefined)
  world.status = 200
  assert.equal((await api(question('o/h')))?.id, 2)
  assert.equal(calls.length, 4)
})

for (const [status, code] of [
  [401, 'ci_api_denied'],
  [403, 'ci_api_denied'],
  [402, 'ci_api_unavailable'],
  [500, 'ci_api_unavailable'],
] as const) {
  test(`API › that answers ${status} is ${code}`, async () => {
    const { api, question } = begin({ status })
    await assert.rejects(async () => api(question('o/h')), { code })
  })
}

test('encrypted answer › shorter than nonce and tag is told as cut short', () => {
  const short = { message: 'the encrypted answer is cut short' }
  assert.throws(() => decryptAnswer(token, Buffer.alloc(27)), short)
  assert.throws(
    () => decryptAnswer(token, Buffer.alloc(28)),
    (error: Error) => !error.message.includes('short'),
  )
})

const now = new Date('2026-11-23T12:00:00Z')
const verify = (alter: (headers: Record<string, string>) => Record<string, string>, at = now) =>
  verifyHead(
    { now: () => at },
    extensions.secret,
    token,
    new Map(Object.entries(alter(signRequest(extensions.secret, token, Buffer.from('{}'), now)))),
  )

test('signature › a part with anything after its quote, or a header missing, is refused', () => {
  assert.throws(() => verify((all) => ({ ...all, signature: `${all['signature']} ` })), {
    message: /is not of the form/,
  })
  const withoutDate = (all: Record<string, string>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'date'))
  assert.throws(() => verify(withoutDate), { message: /its signed header date is missing/ })
})

test('signature › of a webhook does not depend on what it accepts', () => {
  const signed = signRequest(extensions.webhook, token, Buffer.from('{}'), now)
  assert.equal('accept' in signed, false)
  const headers = new Map(Object.entries({ ...signed, accept: 'text/html' }))
  assert.ok(verifyHead({ now: () => now }, extensions.webhook, token, headers).signature)
})

test('signature › of the future is told as such, and of now is none of both', () => {
  const later = new Date(now.getTime() - 3600_000)
  assert.throws(() => verify((all) => all, later), { message: /3600 seconds in the future/ })
  const sooner = new Date(now.getTime() + 3600_000)
  assert.throws(() => verify((all) => all, sooner), { message: /3600 seconds old/ })
  assert.ok(verify((all) => all).signature)
})

const texts: [text: string, isRead: boolean][] = [
  ['{"params":{"a":1,"A":2}}', true],
  ['{"x":{"a":1,"A":2}}', false],
  ['{"params":[{"a":1,"A":2}]}', false],
  ['{"params":[],"x":{"a":1,"A":2}}', false],
  ['{"x":{"a":{}},"a":1,"X":1}', false],
  ['[{"a":1},{"a":1}]', true],
  ['{"a":["b"],"b":1}', true],
  ['"params"', true],
  ['[[],[],{"a":1,"b":[[]]}]', true],
]
for (const [text, isRead] of texts) {
  test(`strict JSON › ${text} is ${isRead ? 'read' : 'refused'}`, () => {
    if (isRead) assert.deepEqual(parseStrictJson(Buffer.from(text)), JSON.parse(text))
    else assert.throws(() => parseStrictJson(Buffer.from(text)), /twice/)
  })
}

test('strict JSON › many shallow objects are not deep', () => {
  const text = `[${'{},[],'.repeat(100)}0]`
  assert.deepEqual(parseStrictJson(Buffer.from(text)), JSON.parse(text))
})

test('call › takes an answer of just the limit, with its headers, and none of a byte more', async (t) => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'x-some': 'thing' })
    response.end('abc')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const read = (answerLimitBytes: number) =>
    callOnce({ method: 'GET', url, headers: {}, timeoutMilliseconds: 5000, answerLimitBytes })
  const { status, headers, body } = await read(3)
  assert.deepEqual([status, headers.get('x-some'), body.toString()], [200, 'thing', 'abc'])
  await assert.rejects(read(2), { message: 'the answer is longer than 2 bytes' })
})
