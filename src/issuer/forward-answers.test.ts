// What each answer of an upstream extension becomes; over a network that plays back.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Call, OutgoingCall } from '../ci/drone/call.ts'
import { encryptAnswer } from '../ci/drone/encryption.ts'
import { extensions } from '../ci/drone/signature.ts'
import { Secret } from '../core/secret.ts'
import { forwardEnviron, forwardRequest } from './forward.ts'

const token = new Secret('canary-upstream-token-0123456789abcdef-01')
const upstream = { url: 'http://site.example:81/x', token }
const question = Buffer.from('{"a":1}')

function play(status: number, body: string | Buffer = '', headers: [string, string][] = []) {
  const calls: OutgoingCall[] = []
  const lines: unknown[][] = []
  const say = (...line: unknown[]) => void lines.push(line)
  const call: Call = async (outgoing) => {
    calls.push(outgoing)
    return { status, headers: new Map(headers), body: Buffer.from(body) }
  }
  const log = { info: say, warn: say, error: say }
  const deps = { now: () => new Date('2026-11-23T12:00:00Z'), log, call }
  return {
    calls,
    lines,
    ask: (remote: Parameters<typeof forwardRequest>[1] = upstream) =>
      forwardRequest(deps, remote, extensions.secret, question),
    environ: () => forwardEnviron(deps, upstream, extensions.environ, question),
  }
}

const answers: [status: number, isPassedOn: boolean, contentType?: string][] = [
  [199, false],
  [200, true, 'application/json'],
  [204, true, 'application/json'],
  [205, false],
  [302, false],
  [399, false],
  [400, true, 'text/plain; charset=utf-8'],
  [500, true, 'text/plain; charset=utf-8'],
]
for (const [status, isPassedOn, contentType] of answers) {
  test(`upstream › that answers ${status} is ${isPassedOn ? 'passed on' : 'unavailable'}`, async () => {
    const { ask } = play(status, 'body')
    if (!isPassedOn) {
      await assert.rejects(ask(), {
        code: 'ci_upstream_unavailable',
        message: `The extension at site.example:81 answered ${status}.`,
      })
      return
    }
    const answer = await ask()
    assert.deepEqual([answer.status, answer.contentType], [status, contentType])
    assert.equal(answer.body.toString(), status === 204 ? '' : 'body')
  })
}

test('upstream › gets the bytes with their length, bounds, and its CA when it has one', async () => {
  const { calls, ask } = play(200)
  await ask()
  await ask({ ...upstream, ca: 'PEM' })
  const [plain, pinned] = calls
  assert.equal(plain && 'ca' in plain, false)
  assert.equal(pinned?.ca, 'PEM')
  assert.deepEqual(
    [plain?.method, plain?.url, plain?.headers['content-length'], plain?.body],
    ['POST', upstream.url, '7', question],
  )
  assert.deepEqual([plain?.timeoutMilliseconds, plain?.answerLimitBytes], [10_000, 1_048_576])
})

test('upstream › an encrypted answer is decrypted, and one that cannot be is unavailable', async () => {
  const sealed = encryptAnswer(token, Buffer.alloc(12, 1), Buffer.from('plain'))
  const header: [string, string][] = [['content-encoding', 'aesgcm']]
  assert.equal((await play(200, sealed, header).ask()).body.toString(), 'plain')
  await assert.rejects(play(200, 'not sealed', header).ask(), {
    code: 'ci_upstream_unavailable',
    message: /sent an answer we cannot decrypt: /,
  })
})

const variables: [name: string, status: number, body: string, found: unknown[] | undefined][] = [
  ['nothing', 204, '', []],
  ['null', 200, 'null', []],
  ['no variables', 200, '[]', []],
  ['a list', 200, '[{"name":"A"}]', [{ name: 'A', data: '', mask: false }]],
  [
    'a full list',
    200,
    '[{"name":"AB","data":"x","mask":true}]',
    [{ name: 'AB', data: 'x', mask: true }],
  ],
  ['a map', 200, '{"AB":"x"}', [{ name: 'AB', data: 'x', mask: false }]],
  ['an empty name in a list', 200, '[{"name":""}]', undefined],
  ['an empty name in a map', 200, '{"":"x"}', undefined],
  ['something else', 200, '"canary"', undefined],
  ['no JSON', 200, 'canary', undefined],
  ['an error', 400, '[{"name":"A"}]', undefined],
]
for (const [name, status, body, found] of variables) {
  test(`upstream › whose variables are ${name} ${found ? 'is believed' : 'gives none, and a line'}`, async () => {
    const { environ, lines } = play(status, body)
    assert.deepEqual(await environ(), found ?? [])
    assert.equal(lines.length, found ? 0 : 1)
    if (found) return
    const [fields, sentence] = lines[0] ?? []
    assert.deepEqual(fields, { code: 'ci_upstream_unavailable' })
    assert.doesNotMatch(String(sentence), /canary/)
  })
}

test('upstream › a defect on our side is passed on, not taken for trouble of the upstream', async () => {
  const say = () => undefined
  const call: Call = () => {
    throw new TypeError('a defect')
  }
  const deps = { now: () => new Date(), log: { info: say, warn: say, error: say }, call }
  await assert.rejects(forwardEnviron(deps, upstream, extensions.environ, question), TypeError)
})
