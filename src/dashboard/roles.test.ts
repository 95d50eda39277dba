// Who may have which page and send which form: every route of the application, and every role.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isAtLeast, roles } from '../core/role.ts'
import { createDesk } from './desk.fixture.ts'
import { readings, sendings } from './routes.ts'

const pathOf = (path: string) =>
  path.replace(':instance', 'octo%2Fweb').replace(':id', '5').replace(':entry', 'publish')
const fieldsOf = (path: string) =>
  path === '/trust/trial' ? { entry: 'publish', subject: 'repo:octo/web@42:tag' } : {}

test('the matrix covers viewers, auditors and admins, each with something of their own', () => {
  const least = new Set([...readings, ...sendings].map((route) => route.least))
  assert.deepEqual([...least].toSorted(), ['admin', 'auditor', 'viewer'])
})

for (const { path, least } of readings) {
  test(`GET ${path} › is for ${least}s and above, and sends strangers to sign in`, async () => {
    const { get, cookies, records } = await createDesk()
    const query =
      path === '/search' ? '?q=octo/web%2317' : path.endsWith('export') ? '?node=node-1' : ''
    for (const role of roles) {
      const answer = await get(pathOf(path) + query, cookies.get(role))
      const may = isAtLeast(role, least)
      assert.equal(answer.status, may ? (path === '/search' ? 303 : 200) : 403, role)
      if (!may) assert.match(await answer.text(), /dashboard_role_denied/)
    }
    const stranger = await get(pathOf(path) + query)
    assert.equal(stranger.status, 303)
    assert.match(stranger.headers.get('location') ?? '', /^\/sign-in(\?|$)/)
    const refused = (await records()).filter(({ type }) => type === 'admin.denied')
    assert.equal(refused.length, roles.filter((role) => !isAtLeast(role, least)).length)
  })
}

for (const { path, least } of sendings) {
  test(`POST ${path} › is for ${least}s and above, and is on the ledger`, async () => {
    const { send, cookies, records, ordered } = await createDesk()
    for (const role of roles) {
      const answer = await send(path, cookies.get(role) ?? '', fieldsOf(path))
      assert.equal(answer.status < 400, isAtLeast(role, least), role)
      if (!isAtLeast(role, least)) assert.deepEqual([answer.status, ordered], [403, []])
    }
    const allowed = roles.filter((role) => isAtLeast(role, least))
    const all = await records()
    const did = all.filter(({ type }) => type === 'admin.acted')
    assert.deepEqual(
      did.map(({ caller }) => caller?.admin),
      allowed.map((role) => `${role}@example.org`),
    )
    const denied = all.filter(({ type }) => type === 'admin.denied')
    assert.equal(denied.length, roles.length - allowed.length)
    assert.equal((await send(path, '', fieldsOf(path))).status, 403)
  })
}

test('an address that leads nowhere is a page as well, and for those signed in only', async () => {
  const { get, cookies } = await createDesk()
  assert.equal((await get('/nowhere')).status, 303)
  const answer = await get('/nowhere', cookies.get('viewer'))
  assert.equal(answer.status, 404)
  assert.match(await answer.text(), /There is nothing here/)
})

test('a defect is told with a request id, and nothing else', async () => {
  const desk = await createDesk()
  const broken = await createDesk({
    sources: { ...desk.deps.sources, health: () => Promise.reject(new Error('secret words')) },
  })
  const answer = await broken.get('/', broken.cookies.get('viewer'))
  assert.equal(answer.status, 500)
  const text = await answer.text()
  assert.match(text, /request id id-\d+/)
  assert.ok(!text.includes('secret words'))
})
