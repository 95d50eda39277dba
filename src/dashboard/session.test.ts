// Sessions: forged, old, rested and ended ones are none.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'
import { EncryptJWT, UnsecuredJWT } from 'jose'

import { openSqliteStore } from '../store/sqlite.ts'
import { createSeal } from './seal.ts'
import { createSessions, sessionLimits } from './session.ts'
import { createSpent } from './spent.ts'

const alice = { name: 'alice', role: 'auditor' } as const
const keyOf = (fill: number) => new Uint8Array(32).fill(fill)

function createStage({ isHttps = true, fill = 1 } = {}) {
  const world = { time: Date.parse('2026-11-23T12:00:00Z'), ids: 0 }
  const now = () => new Date(world.time)
  const spent = createSpent({ now, store: openSqliteStore(':memory:') })
  const seal = createSeal({ now }, keyOf(fill))
  const randomId = () => `id-${(world.ids += 1)}`
  const sessions = createSessions({ now, randomId, seal, spent, secretKey: keyOf(fill), isHttps })
  return {
    world,
    seal,
    sessions,
    begin: async () => pairOf(await sessions.begin(alice, 'provider')),
  }
}

function pairOf(header: string): string {
  return header.split(';')[0] ?? ''
}

test('a session › is found again with its name and role', async () => {
  const { sessions, begin } = createStage()
  const found = await sessions.find(`other=1; ${await begin()}`)
  assert.deepEqual([found?.name, found?.role, found?.by], ['alice', 'auditor', 'provider'])
})

test('its cookie › is for this host, https and the server alone', async () => {
  const header = await createStage().sessions.begin(alice, 'provider')
  assert.match(header, /^__Host-drone-session=/)
  for (const rule of ['HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/'])
    assert.ok(header.includes(rule))
  assert.ok(!header.includes('Domain') && !header.includes('alice'))
  const local = await createStage({ isHttps: false }).sessions.begin(alice, 'link')
  assert.ok(local.startsWith('drone-session=') && !local.includes('Secure'))
})

test('a session › rests for an hour and lives for eight, however much it is used', async () => {
  const { sessions, world, begin } = createStage()
  let cookie = await begin()
  world.time += (sessionLimits.restSeconds + 1) * 1000
  assert.equal(await sessions.find(cookie), undefined)
  cookie = await begin()
  let seconds = 0
  for (; seconds < sessionLimits.lifeSeconds - 1800; seconds += 1800) {
    const session = await sessions.find(cookie)
    assert.ok(session, `gone after ${seconds} s`)
    cookie = pairOf((await sessions.prolong(session)) ?? cookie)
    world.time += 1_800_000
  }
  const last = await sessions.find(cookie)
  assert.ok(last)
  cookie = pairOf((await sessions.prolong(last)) ?? '')
  world.time += 1_800_000
  assert.equal(await sessions.find(cookie), undefined)
})

test('a session › that was ended is ended for every copy of its cookie', async () => {
  const { sessions, begin } = createStage()
  const cookie = await begin()
  const session = await sessions.find(cookie)
  assert.ok(session)
  assert.match(await sessions.end(session), /^__Host-drone-session=;.*Max-Age=0/)
  assert.equal(await sessions.find(cookie), undefined)
})

test('a session › of another key, another purpose, without a seal or a known role is none', async () => {
  const { sessions, seal, world, begin } = createStage()
  const other = await createStage({ fill: 2 }).begin()
  const facts = { id: 'a', name: 'eve', role: 'admin', startedAt: 1, seenAt: 1 }
  const later = new Date(world.time + 60_000)
  const forged = [
    other.split('=')[1],
    await seal.seal('link', facts, later),
    await seal.seal('sign-in', facts, later),
    await seal.seal('session', { ...facts, role: 'owner' }, later),
    await seal.seal('session', { ...facts, name: 7 }, later),
    new UnsecuredJWT(facts).setExpirationTime(later).encode(),
    await new EncryptJWT(facts)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'session' })
      .setExpirationTime(later)
      .encrypt(keyOf(1)),
    JSON.stringify(facts),
    '',
  ]
  for (const value of forged) {
    assert.equal(await sessions.find(`__Host-drone-session=${value}`), undefined, value)
  }
  assert.ok(await sessions.find(await begin()))
})

test('a session › with any one character changed is none', async () => {
  const { sessions, begin } = createStage()
  const cookie = await begin()
  const start = cookie.indexOf('=') + 1
  const place = fc.integer({ min: start, max: cookie.length - 1 })
  await fc.assert(
    fc.asyncProperty(
      place,
      fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '-', '_', '.'),
      async (at, sign) => {
        // The last character of base64url may have bits that mean nothing.
        fc.pre(cookie[at] !== sign && at < cookie.length - 1 && cookie[at + 1] !== '.')
        const changed = cookie.slice(0, at) + sign + cookie.slice(at + 1)
        assert.equal(await sessions.find(changed), undefined)
      },
    ),
    { numRuns: 150 },
  )
})

test('a form token › is that of its session alone', () => {
  const { sessions } = createStage()
  const token = sessions.formToken({ id: 'a' })
  assert.ok(sessions.isFormToken({ id: 'a' }, token))
  assert.ok(!sessions.isFormToken({ id: 'b' }, token))
  assert.ok(!sessions.isFormToken({ id: 'a' }, ''))
  assert.ok(!createStage({ fill: 2 }).sessions.isFormToken({ id: 'a' }, token))
})
