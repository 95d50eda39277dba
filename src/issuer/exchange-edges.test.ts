// Edges of offering and exchanging tokens that only one line decides, and what the log says of each.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createLedger } from '../audit/ledger.ts'
import { sampleBuild } from '../ci/build.fixture.ts'
import { Fault } from '../core/fault.ts'
import { sampleEntry } from '../policy/entry.fixture.ts'
import { parsePolicy, toPolicy } from '../policy/schema.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { findDirectEntry, mintDirectly } from './direct.ts'
import { from } from './instances.fixture.ts'
import { createRateLimiter, strangerKey } from './rate-limit.ts'
import {
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  policyText,
  tokenOf,
} from './rehearsal.fixture.ts'
import { offerToken, parsePayload, type Offer } from './request-token.ts'

const signer = await createRehearsalSigner()
const begin = (more: Parameters<typeof createRehearsal>[1] = {}) => createRehearsal(signer, more)
type Lines = { level: string; message: string; [field: string]: unknown }[]
const read = (lines: string[]) => lines.map((line) => JSON.parse(line) as Lines[number])

test('exchange › a refusal token expires like any other', async () => {
  const { ask, tell, exchange, world } = begin()
  const token = await tokenOf(ask({ name: 'nobody' }))
  await tell()
  assert.equal((await jsonOf(exchange(token)))['code'], 'policy_entry_unknown')
  world.time += 24 * 3600 * 1000
  assert.equal((await jsonOf(exchange(token)))['code'], 'issuer_token_expired')
})

test('exchange › through an entry that went on trial after the token was handed out is refused', async () => {
  const { ask, tell, exchange, world } = begin()
  const token = await tokenOf(ask())
  await tell()
  world.policy = parsePolicy(
    policyText.replace('- name: publish', '- name: publish\n    mode: audit'),
  )
  assert.equal((await jsonOf(exchange(token)))['code'], 'policy_audit_only')
})

test('exchange › by HEAD is none, and mints nothing', async () => {
  const { ask, tell, steps, records } = begin()
  const token = await tokenOf(ask())
  await tell()
  const before = (await records()).length
  const headers = { authorization: `Bearer ${token}` }
  const answer = await steps.request('/v1/id-token?audience=x', { method: 'HEAD', headers })
  assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'GET'])
  assert.equal((await records()).length, before)
})

test('exchange › a token with anything after it is none', async () => {
  const { ask, tell, steps } = begin()
  const token = await tokenOf(ask())
  await tell()
  const headers = { authorization: `Bearer ${token} more` }
  const answer = await steps.request('/v1/id-token?audience=x', { headers })
  assert.equal(answer.status, 401)
})

test('exchange › each success is one line without the token, and the record names the request token', async () => {
  const { ask, tell, exchange, lines, records } = begin()
  const token = await tokenOf(ask())
  await tell()
  const { value } = await jsonOf(exchange(token))
  const [offered, issued] = read(lines)
  assert.equal(offered?.message, 'offered a token')
  assert.equal(issued?.message, 'issued an ID token')
  assert.deepEqual(
    [issued?.['audience'], issued?.['jti'], issued?.['identity']],
    ['api://AzureADTokenExchange', 'jti-1', 'artifacts'],
  )
  assert.ok(!lines.join().includes(String(value)) && !lines.join().includes(token))
  const last = (await records()).at(-1)
  assert.match(last?.detail ?? '', /^Exchanged for the request token [0-9a-f]{12}\.\.\.$/)
})

test('exchange › a denial on record says entry and kind for a grant, and no entry for a refusal', async () => {
  const { ask, tell, exchange, records } = begin()
  const tokens = [await tokenOf(ask()), await tokenOf(ask({ name: 'nobody' }))]
  await tell()
  for (const token of tokens) await exchange(token, 'audience=other')
  const denials = (await records()).filter(({ type }) => type === 'token.denied')
  assert.deepEqual(
    denials.map(({ rule, token }) => [rule, token?.kind, token?.aud]),
    [
      ['publish', 'request', 'other'],
      [undefined, 'refusal', 'other'],
    ],
  )
})

test('exchange › what is no refusal is a defect: 500, no record, its stack in the log only', async () => {
  const { ask, tell, exchange, lines, records, world } = begin()
  const token = await tokenOf(ask())
  await tell()
  const before = (await records()).length
  world.policy = undefined as never
  const answer = await exchange(token)
  const body = await jsonOf(answer)
  assert.deepEqual([answer.status, body['title'], body['type']], [500, 'defect', 'about:blank'])
  const said = read(lines).at(-1)
  assert.deepEqual([said?.level, said?.message], ['error', 'a defect of this service'])
  assert.match(String(body['detail']), new RegExp(String(said?.['requestId'])))
  assert.match(String(said?.['stack']), /TypeError/)
  assert.equal((await records()).length, before)
})

test('offer › the log tells a grant from a refusal, and who asked', async () => {
  const { ask, lines } = begin()
  await ask()
  await ask({ name: 'nobody' })
  const [granted, refused] = read(lines)
  const about = {
    door: 'secret',
    runner: 'docker-1',
    repository: 'octo/hello',
    build: 7,
    sha: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
  }
  assert.deepEqual(granted, {
    level: 'info',
    ...about,
    entry: 'publish',
    message: 'offered a token',
  })
  assert.deepEqual(
    { ...refused, message: '' },
    { level: 'warn', ...about, code: 'policy_entry_unknown', message: '' },
  )
  assert.match(refused?.message ?? '', /^refused a token: The policy has no entry named "nobody"/)
})

function offerOf(decide: Offer['decide']) {
  const store = openSqliteStore(':memory:')
  const now = () => new Date('2026-11-23T12:00:00Z')
  const say = () => undefined
  const deps = {
    now,
    store,
    ledger: createLedger({ store, now }, 'node-1'),
    tokenKey: Buffer.alloc(32, 7),
    log: { info: say, warn: say, error: say },
    service: { url: 'https://asd.example' },
  }
  const offer: Offer = { door: 'secret', runner: 'r', build: sampleBuild(), signature: 's', decide }
  return { store, token: () => offerToken(deps, offer) }
}
const admission = (name: string) => () => ({
  entry: sampleEntry(name),
  mode: 'enforce' as const,
  trustClass: 'push' as const,
  subject: 's' as never,
})
const refusal = (code: 'policy_ref_denied' | 'policy_event_denied') => () => {
  throw new Fault(code, 'No.')
}

test('offer › two entries, two reasons, and an entry and a reason, are given different tokens', async () => {
  const tokens = await Promise.all(
    [
      admission('a'),
      admission('b'),
      refusal('policy_ref_denied'),
      refusal('policy_event_denied'),
    ].map(async (decide) => (await offerOf(decide).token()).reveal()),
  )
  assert.equal(new Set(tokens).size, 4)
})

test('offer › the same request again is the same token, on record once', async () => {
  const { token, store } = offerOf(admission('a'))
  const [one, two] = [await token(), await token()]
  assert.equal(one.reveal(), two.reveal())
  assert.equal((await store.readLedger('node-1', 1, 10)).length, 1)
})

test('offer › a defect while deciding is no refusal', async () => {
  const { token } = offerOf(() => {
    throw new TypeError('a defect')
  })
  await assert.rejects(token(), TypeError)
})

test('offer › a stored payload is read back as it is, save a code nobody knows', () => {
  const build = sampleBuild()
  const grant = { kind: 'grant', entry: 'a', code: 'x', build }
  assert.deepEqual(parsePayload(JSON.stringify(grant)), grant)
  const known = { kind: 'refusal', code: 'policy_ref_denied', sentence: 's', hint: 'h', build }
  assert.deepEqual(parsePayload(JSON.stringify(known)), known)
  assert.deepEqual(parsePayload(JSON.stringify({ ...known, code: 'x' })), {
    ...known,
    code: 'issuer_refused',
  })
})

test('CI door › one of several patterns of a runner is enough, and none is not', async () => {
  const codeWith = async (repositories: string[]) => {
    const { ask, tell, exchange } = begin({ runner: { repositories } })
    const token = await tokenOf(ask())
    await tell()
    return (await jsonOf(exchange(token)))['code']
  }
  assert.equal(await codeWith(['none/*', 'octo/*', 'other/*']), undefined)
  assert.equal(await codeWith(['none/*']), 'ci_runner_repository')
})

test('direct › a defect is passed on, and neither recorded nor logged as a refusal', async () => {
  const lines: string[] = []
  const say = (_: object, message: string) => void lines.push(message)
  const records: unknown[] = []
  const work = mintDirectly(
    {
      policy: () => toPolicy([sampleEntry('a', { isDirect: true })]),
      ledger: { append: async (event: unknown) => void records.push(event) } as never,
      log: { info: say, warn: say, error: say },
      mintForBuild: () => Promise.reject(new TypeError('a defect')),
    },
    {
      runner: 'r',
      build: sampleBuild(),
      audience: 'api://AzureADTokenExchange',
      admit: () => undefined,
    },
  )
  await assert.rejects(work, TypeError)
  assert.deepEqual([records, lines], [[], []])
})

test('direct › an entry alone on trial is refused as such, and a broken one is a defect', () => {
  const audience = 'api://AzureADTokenExchange'
  const trial = sampleEntry('a', { isDirect: true, mode: 'audit' })
  assert.throws(() => findDirectEntry(toPolicy([trial]), sampleBuild(), audience), {
    code: 'policy_audit_only',
  })
  const broken = { ...trial, subjects: undefined as unknown as [] }
  const entries = new Map([['a', broken]])
  assert.throws(() => findDirectEntry({ entries }, sampleBuild(), audience), TypeError)
})

test('problem › a refusal is a warning, trouble on our side an error, and only busy doors say when', async () => {
  const { steps, lines, store, exchange } = begin()
  const answer = await steps.request('/v1/id-token')
  assert.equal(answer.headers.get('retry-after'), null)
  await store.close()
  const failed = await exchange('asd1.x.y')
  assert.ok(failed.status >= 500)
  assert.deepEqual(
    read(lines).map(({ level, status, method, path }) => [level, status, method, path]),
    [
      ['warn', 401, 'GET', '/v1/id-token'],
      ['error', failed.status, 'GET', '/v1/id-token'],
    ],
  )
})

const networks: [address: string, key: string][] = [
  ['fe80::1%a', 'fe80:0:0:0'],
  ['192.0.2.7%a', '192.0.2.7'],
  ['192.0.2.7%eth0', '192.0.2.7'],
  ['1:2::3:4:5:6:7', '1:2:0:3'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4'],
  ['1::', '1:0:0:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4'],
  ['1::ffff:1.2.3.4', '1:0:0:0'],
  ['::FFFF:192.0.2.7', '192.0.2.7'],
]
for (const [address, key] of networks) {
  test(`rate limit › counts ${address} to the network ${key}`, () => {
    assert.equal(strangerKey(from(address)), key)
  })
}

test('rate limit › ten thousand keys are remembered, and the next takes the place of the first', () => {
  const { take } = createRateLimiter({ now: () => new Date(0) }, { burst: 1, perMinute: 1 })
  for (let key = 0; key < 10_000; key += 1) take(String(key))
  assert.throws(() => take('0'), { code: 'issuer_rate_limited' })
  take('more')
  take('1')
  assert.throws(() => take('0'), { code: 'issuer_rate_limited' })
})
