import assert from 'node:assert/strict'
import { test } from 'node:test'

import { hashSecret } from '../core/digest.ts'
import { Secret } from '../core/secret.ts'
import {
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  type Json,
  tokenOf,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()
const minute = 60_000

const receipt: Json = {
  page: 1,
  pages: 1,
  step: 'publish',
  action: 'upload',
  outcome: 'done',
  account: 'acct',
  service: 'blob',
  container: 'builds',
  prefix: 'web/7',
  files: 2,
  bytes: 30,
  duration_ms: 12,
  access_token_sha256: ['a'.repeat(64)],
  correlation_ids: ['11111111-2222-4333-8444-555555555555'],
  items: [{ name: 'web/7/a.txt', etag: '"0x1"', bytes: 10 }],
}

async function begin() {
  const rehearsal = createRehearsal(signer)
  const token = await tokenOf(rehearsal.ask())
  await rehearsal.tell()
  const post = (body: unknown, bearer = token) =>
    rehearsal.steps.request('/v1/receipts', {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return { ...rehearsal, token, post }
}

test('receipt › is on record, with its build, before it is acknowledged', async () => {
  const { post, records, token } = await begin()
  assert.equal((await post(receipt)).status, 204)
  const record = (await records()).at(-1)
  assert.deepEqual([record?.type, record?.decision], ['transfer.receipt', 'info'])
  assert.deepEqual(record?.receipt, receipt)
  assert.ok(record?.build && record.trace)
  assert.deepEqual(record.token, { kind: 'request', sha256: hashSecret(new Secret(token)) })
})

test('receipt › is refused where the ledger cannot be written', async () => {
  const { post, store } = await begin()
  store.appendLedger = () => Promise.reject(new Error('full'))
  assert.equal((await post(receipt)).status, 503)
})

test('receipt › of somebody without a token of ours, or with a refusal token, is none', async () => {
  const { post, records, ask } = await begin()
  const before = (await records()).length
  assert.equal((await post(receipt, 'asd1.e30.x')).status, 401)
  assert.equal((await records()).length, before)
  const refusal = await tokenOf(ask({ name: 'nothing-such' }))
  assert.equal((await post(receipt, refusal)).status, 403)
  assert.equal((await records()).filter(({ type }) => type === 'transfer.receipt').length, 0)
})

test('receipt › is taken for a little while after the end of its build, and not for ever', async () => {
  const { post, tell, world } = await begin()
  await tell({ build: { status: 'success', version: 99 } })
  world.time += minute
  assert.equal((await post(receipt)).status, 204)
  world.time += 10 * minute
  const late = await post(receipt)
  assert.equal(late.status, 403)
  assert.equal((await jsonOf(late))['code'], 'issuer_build_finished')
})

const wrong: { name: string; body: unknown }[] = [
  { name: 'no JSON', body: '{' },
  { name: 'nothing', body: '' },
  { name: 'a key nobody knows', body: { ...receipt, build: 'octo/other#1' } },
  { name: 'a hash that is none', body: { ...receipt, access_token_sha256: ['eyJhbGciOi'] } },
  { name: 'an action nobody knows', body: { ...receipt, action: 'format' } },
  { name: 'fewer bytes than none', body: { ...receipt, bytes: -1 } },
  { name: 'a name with control characters', body: { ...receipt, step: 'a\u001B[2J' } },
  { name: 'a lone surrogate', body: { ...receipt, prefix: '\ud800' } },
  { name: 'too much', body: { ...receipt, items: [], prefix: 'x'.repeat(200_000) } },
  {
    name: 'too many files',
    body: { ...receipt, items: Array.from({ length: 1001 }, () => ({ name: 'a', bytes: 1 })) },
  },
]

for (const { name, body } of wrong) {
  test(`receipt › with ${name} is refused, and not on record`, async () => {
    const { post, records } = await begin()
    const answer = await post(body)
    assert.equal(answer.status, 400)
    assert.equal((await jsonOf(answer))['code'], 'issuer_request_invalid')
    assert.equal((await records()).at(-1)?.type === 'transfer.receipt', false)
  })
}

test('receipt › after receipt without end is slowed down', async () => {
  const { post } = await begin()
  const statuses: number[] = []
  for (let count = 0; count < 125; count += 1) statuses.push((await post(receipt)).status)
  assert.deepEqual([statuses[119], statuses[120]], [204, 429])
})
