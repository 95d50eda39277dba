// Forms that another site sends, or that no session of ours wrote, do nothing and are on the ledger.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createDesk, origin } from './desk.fixture.ts'

const rotate = '/trust/rotate'
const forgeries: [
  name: string,
  fields: Record<string, string>,
  headers: Record<string, string | undefined>,
][] = [
  ['without a token', { form_token: '' }, {}],
  ['with a made-up token', { form_token: 'x'.repeat(43) }, {}],
  ['from another site', {}, { 'sec-fetch-site': 'cross-site' }],
  ['from another host of the same site', {}, { 'sec-fetch-site': 'same-site' }],
  ['that somebody typed', {}, { 'sec-fetch-site': 'none' }],
  [
    'of another origin from an old browser',
    {},
    { origin: 'https://evil.example', 'sec-fetch-site': undefined },
  ],
  ['that does not say where from', {}, { origin: undefined, 'sec-fetch-site': undefined }],
  ['as text', {}, { 'content-type': 'text/plain' }],
  ['as JSON', {}, { 'content-type': 'application/json' }],
]

for (const [name, fields, headers] of forgeries) {
  test(`a form ${name} is refused, on record, and orders nothing`, async () => {
    const { send, cookies, ordered, records } = await createDesk()
    const answer = await send(rotate, cookies.get('admin') ?? '', fields, headers)
    assert.equal(answer.status, 403)
    assert.match(await answer.text(), /dashboard_form_forged/)
    assert.deepEqual(ordered, [])
    const [denied] = (await records()).filter(({ type }) => type === 'admin.denied')
    assert.deepEqual(denied?.reasons, ['dashboard_form_forged'])
    assert.equal(denied?.caller?.admin, 'admin@example.org')
  })
}

test('the token of one admin does not open the form of another', async () => {
  const { send, deps, cookies, cookieOf, ordered } = await createDesk()
  const eve = await deps.sessions.find(await cookieOf('admin', 'eve'))
  assert.ok(eve)
  const fields = { form_token: deps.sessions.formToken(eve) }
  assert.equal((await send(rotate, cookies.get('admin') ?? '', fields)).status, 403)
  assert.deepEqual(ordered, [])
})

test('a form of ours does what it says, also from a browser that sends the origin alone', async () => {
  const { send, cookies, ordered } = await createDesk()
  const admin = cookies.get('admin') ?? ''
  assert.equal((await send(rotate, admin)).status, 303)
  assert.equal(
    (await send(rotate, admin, { emergency: 'yes' }, { 'sec-fetch-site': undefined })).status,
    303,
  )
  assert.deepEqual(ordered, ['rotate false admin@example.org', 'rotate true admin@example.org'])
})

test('an answer to GET never orders anything', async () => {
  const { get, cookies, ordered } = await createDesk()
  for (const path of [rotate, '/trust/trial', '/audit/verify', '/sign-out']) {
    assert.equal((await get(path, cookies.get('admin'))).status, 404)
  }
  assert.deepEqual(ordered, [])
})

test('a form larger than any of ours is refused', async () => {
  const { app, cookies } = await createDesk()
  const answer = await app.request(origin + rotate, {
    method: 'POST',
    headers: { cookie: cookies.get('admin') ?? '' },
    body: 'x'.repeat(20_000),
  })
  assert.equal(answer.status, 400)
})

test('signing out needs the form, and ends the session everywhere', async () => {
  const { send, get, cookies, records } = await createDesk()
  const viewer = cookies.get('viewer') ?? ''
  assert.equal((await send('/sign-out', viewer, { form_token: 'x' })).status, 403)
  assert.equal((await get('/', viewer)).status, 200)
  const answer = await send('/sign-out', viewer)
  assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/sign-in'])
  assert.match(answer.headers.get('set-cookie') ?? '', /Max-Age=0/)
  assert.equal((await get('/', viewer)).status, 303)
  assert.equal((await records()).at(-1)?.type, 'admin.signed_out')
})
