import assert from 'node:assert/strict'
import { test } from 'node:test'

import { audience, createRehearsal, createRehearsalSigner, tokenOf } from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

test('exchange › asked for by HEAD mints nothing', async () => {
  const { ask, tell, steps, records } = createRehearsal(signer)
  const token = await tokenOf(ask())
  await tell()
  const path = `/v1/id-token?audience=${encodeURIComponent(audience)}`
  const headers = { authorization: `Bearer ${token}` }
  const answer = await steps.request(path, { method: 'HEAD', headers })
  assert.equal(answer.status, 405)
  assert.equal(answer.headers.get('allow'), 'GET')
  assert.ok((await records()).every(({ type }) => type !== 'token.issued'))
})
