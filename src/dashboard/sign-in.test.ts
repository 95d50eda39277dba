// Signing in by a real provider of the lab and by one-time links, and every way in which it must fail.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import * as fc from 'fast-check'

import { createHttp } from '../http/node.ts'
import { createAuthority } from '../lab/authority.ts'
import { startSignIn, type LabSignIn } from '../lab/sign-in.ts'
import { createDesk, origin } from './desk.fixture.ts'
import { createOidc, toPerson } from './oidc.ts'
import { safePath } from './sign-in.ts'

const password = 'lab password'
const claims = (groups: string[]) => ({ password, claims: { email: 'p@example.org', groups } })
const settings = {
  clientId: 'dashboard',
  scopes: ['openid'],
  nameClaim: 'email',
  roleClaim: 'groups',
  roles: { viewer: ['viewers'], auditor: [], admin: ['admins'] },
}

type Fetch = Parameters<typeof createOidc>[0]['fetch']

let provider: LabSignIn
let fetch: ReturnType<typeof createLabFetch>
before(async () => {
  const authority = await createAuthority()
  // openid-client goes by the real clock.
  provider = await startSignIn(
    { authority, now: () => new Date() },
    {
      client: { id: 'dashboard', redirectUris: [`${origin}/sign-in/callback`] },
      people: new Map([
        ['both', claims(['viewers', 'admins'])],
        ['none', claims(['others'])],
      ]),
    },
  )
  fetch = createLabFetch(authority.caPem)
})
after(() => provider.close())

async function createStage() {
  const oidc = createOidc({ fetch }, { ...settings, issuer: provider.issuer })
  const desk = await createDesk({ oidc })
  const begin = async (to = '/') => {
    const start = await desk.get(`/sign-in/start?to=${encodeURIComponent(to)}`)
    assert.equal(start.status, 303)
    const cookie = start.headers.get('set-cookie')?.split(';')[0] ?? ''
    return { cookie, url: new URL(start.headers.get('location') ?? '') }
  }
  const consent = async (url: URL, login: string) => {
    const body = new URLSearchParams({ login, password }).toString()
    const answer = await fetch(url.href, { method: 'POST', headers: {}, body } as never)
    const back = new URL(answer.headers.get('location') ?? '')
    return back.pathname + back.search
  }
  return { ...desk, begin, consent }
}

test('sign-in › leads to the page that was asked for, with the highest role, on record', async () => {
  const { begin, consent, get, records } = await createStage()
  const { cookie, url } = await begin('/builds?repo=octo/web')
  assert.equal(url.searchParams.get('code_challenge_method'), 'S256')
  const answer = await get(await consent(url, 'both'), cookie)
  assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/builds?repo=octo/web'])
  const session = answer.headers.getSetCookie().find((each) => each.includes('drone-session')) ?? ''
  const text = await (await get('/', session.split(';')[0])).text()
  assert.match(text, /p@example\.org[^]*admin/)
  const last = (await records()).at(-1)
  assert.deepEqual([last?.type, last?.caller?.admin], ['admin.signed_in', 'p@example.org'])
})

const failures: [
  name: string,
  change: (path: string, cookie: string, other: string) => [string, string],
][] = [
  ['in a browser that did not begin it', (path) => [path, '']],
  ['begun in another browser', (path, _, other) => [path, other]],
  ['with another state', (path, cookie) => [path.replace(/state=[^&]+/, 'state=x'), cookie]],
  ['with another code', (path, cookie) => [path.replace(/code=[^&]+/, 'code=x'), cookie]],
  [
    'from another issuer',
    (path, cookie) => [path.replace(/iss=[^&]+/, 'iss=https%3A%2F%2Fevil.example'), cookie],
  ],
  ['that the provider refused', (_, cookie) => ['/sign-in/callback?error=access_denied', cookie]],
  ['without anything', (_, cookie) => ['/sign-in/callback', cookie]],
]
for (const [name, change] of failures) {
  test(`sign-in › ${name} is refused, and that is on record`, async () => {
    const { begin, consent, get, records } = await createStage()
    const [{ cookie, url }, other] = [await begin(), await begin()]
    const [path, sent] = change(await consent(url, 'both'), cookie, other.cookie)
    const answer = await get(path, sent)
    assert.equal(answer.status, 403)
    assert.ok(!answer.headers.getSetCookie().some((each) => each.includes('drone-session')))
    const last = (await records()).at(-1)
    assert.deepEqual([last?.type, last?.reasons], ['admin.denied', ['dashboard_sign_in_failed']])
  })
}

test('sign-in › by a code that was used before is refused', async () => {
  const { begin, consent, get } = await createStage()
  const { cookie, url } = await begin()
  const back = await consent(url, 'both')
  assert.equal((await get(back, cookie)).status, 303)
  assert.equal((await get(back, cookie)).status, 403)
  assert.ok(provider.refusals.includes('invalid_grant'))
})

test('sign-in › of somebody without a role says so, and lets nobody in', async () => {
  const { begin, consent, get, records } = await createStage()
  const { cookie, url } = await begin()
  const answer = await get(await consent(url, 'none'), cookie)
  assert.equal(answer.status, 403)
  assert.match(await answer.text(), /gives no role here/)
  assert.deepEqual((await records()).at(-1)?.reasons, ['dashboard_role_missing'])
})

test('sign-in › says when the provider cannot be reached, and tries again the next time', async () => {
  let isUp = false
  const flaky: typeof fetch = (url, options) =>
    isUp ? fetch(url, options) : Promise.reject(new Error('connection refused'))
  const oidc = createOidc({ fetch: flaky }, { ...settings, issuer: provider.issuer })
  const { get } = await createDesk({ oidc })
  assert.equal((await get('/sign-in/start')).status, 502)
  isUp = true
  assert.equal((await get('/sign-in/start')).status, 303)
})

test('a role › is the highest one that a value of the claim gives; texts and lists alike', () => {
  const roleOf = (groups: unknown) => toPerson(settings, { email: 'a', groups }).role
  assert.equal(roleOf('viewers'), 'viewer')
  assert.equal(roleOf(['x', 'admins', 'viewers']), 'admin')
  for (const groups of [undefined, [], 'admin', ['Admins'], [['admins']], { admins: true }, 7]) {
    assert.throws(() => roleOf(groups), { code: 'dashboard_role_missing' })
  }
})

test('a one-time link › lets one reader in, once, within a minute, and only on loopback', async () => {
  const { makeLink, get, world, records } = await createDesk()
  const first = await makeLink('alice')
  const answer = await get(first.path)
  assert.equal(answer.status, 303)
  const cookie = answer.headers.get('set-cookie')?.split(';')[0]
  assert.match(await (await get('/', cookie)).text(), /alice/)
  assert.equal((await get(first.path)).status, 403)
  const late = await makeLink('alice')
  world.time += 61_000
  assert.equal((await get(late.path)).status, 403)
  assert.equal((await get('/sign-in/link')).status, 403)
  const reasons = (await records()).flatMap((record) => record.reasons ?? [])
  assert.deepEqual(reasons, Array(3).fill('dashboard_link_spent'))
  const elsewhere = await createDesk({ hasLinks: false })
  await assert.rejects(elsewhere.makeLink('alice'), { code: 'dashboard_link_refused' })
  const fresh = await (await createDesk()).makeLink('alice')
  assert.equal((await elsewhere.get(fresh.path)).status, 403)
})

test('a one-time link › is not used up by who only looks where it leads', async () => {
  const { makeLink, app, get } = await createDesk()
  const { path } = await makeLink('alice')
  await app.request(origin + path, { method: 'HEAD' })
  assert.equal((await get(path)).status, 303)
})

test('nobody is sent to another site after signing in', () => {
  const places = [
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https://evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
    '/..//evil.example',
    '',
    'builds',
    '/%2F/../..//evil.example',
  ]
  for (const place of places) {
    const to = safePath(place)
    assert.equal(new URL(to, origin).origin, origin, place)
    assert.ok(!to.startsWith('//'), place)
  }
  assert.equal(safePath('/builds?repo=a%2Fb'), '/builds?repo=a%2Fb')
  fc.assert(
    fc.property(fc.string(), (text) => {
      const to = safePath(text)
      assert.equal(new URL(to, origin).origin, origin)
      assert.match(to, /^\/(?!\/)/)
    }),
  )
})

// Over the client of this product, with this CA beside nothing else.
function createLabFetch(caPem: string): Fetch {
  const { send } = createHttp({ maxConnections: 4, maxBodyBytes: 1024 * 1024, ca: [caPem] })
  return async (url, { method, headers, body }) => {
    const target = new URL(url)
    const content = body === undefined || body === null ? '' : await new Response(body).text()
    const answer = await send({
      method: method === 'POST' ? 'POST' : 'GET',
      origin: target,
      path: target.pathname + target.search,
      headers,
      ...(content !== '' && { body: Buffer.from(content) }),
    })
    return new Response(new Uint8Array(answer.body), answer)
  }
}
