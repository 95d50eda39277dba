// An identity without a client id: nothing is issued for it at any door, and the reason names the command
// that makes it.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parsePolicy } from '../policy/schema.ts'
import { allDirect } from './direct.fixture.ts'
import {
  audience,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  policyText,
  tokenOf,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()
const unapplied = parsePolicy(policyText.replace(/ +client_id.*\n/, ''))

test('unapplied › an offer becomes a refusal token that names `trust apply`', async () => {
  const rehearsal = createRehearsal(signer)
  rehearsal.world.policy = unapplied
  await rehearsal.tell()
  const token = await tokenOf(rehearsal.ask())
  const [record] = await rehearsal.records()
  assert.deepEqual(record?.reasons, ['policy_identity_unapplied'])
  const answer = await rehearsal.exchange(token)
  assert.equal(answer.status, 403)
  const problem = await jsonOf(answer)
  assert.equal(problem['code'], 'policy_identity_unapplied')
  assert.match(String(problem['detail']), /"publish".*"artifacts".*no client_id/)
  assert.match(String(problem['hint']), /trust apply/)
})

test('unapplied › a request token from before gets no ID token either', async () => {
  const rehearsal = createRehearsal(signer)
  await rehearsal.tell()
  const token = await tokenOf(rehearsal.ask())
  rehearsal.world.policy = unapplied
  const problem = await jsonOf(rehearsal.exchange(token))
  assert.equal(problem['code'], 'policy_identity_unapplied')
  const records = await rehearsal.records()
  assert.ok(records.every(({ type }) => type !== 'token.issued'))
})

test('unapplied › direct mode gives nothing', async () => {
  const rehearsal = createRehearsal(signer)
  rehearsal.world.policy = allDirect(unapplied)
  await rehearsal.tell()
  const answer = await rehearsal.ask({ path: 'oidc', name: audience })
  assert.equal(answer.status, 204)
  assert.deepEqual((await rehearsal.records()).at(-1)?.reasons, ['policy_identity_unapplied'])
})
