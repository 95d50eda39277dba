import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import {
  activeKey,
  after,
  defaultRules,
  nextKey,
  overdueSince,
  publishedKeys,
  secondsBetween,
  type Ring,
} from './ring.ts'
import { stepRing, type KeyEvent, type RotationInput } from './rotation.ts'

const [minute, hour, day] = [60, 3600, 86_400]
const rules = { ...defaultRules, rotateAfterSeconds: 10 * day }
const start = new Date('2026-11-23T12:00:00Z')

// A world around one ring: a site that is filled now and then, looks at it, tokens that are signed.
type World = ReturnType<typeof createWorld>

function createWorld(isOwnDoor = false) {
  const world = {
    now: start,
    ring: [] as Ring,
    site: new Set<string>(),
    looks: [] as { at: Date; served: ReadonlySet<string> }[],
    tokens: [] as { kid: string; expiresAt: Date }[],
    revoked: new Set<string>(),
    events: [] as KeyEvent[],
    made: 0,
  }
  const step = (input: RotationInput = {}) => {
    let outcome = stepRing(rules, world.ring, world.now, input)
    if (outcome.wantsKey) {
      const freshKid = `key-${(world.made += 1)}`
      outcome = stepRing(rules, world.ring, world.now, { ...input, freshKid })
      assert.ok(!outcome.wantsKey)
    }
    const { ring, events, refusal } = outcome
    world.ring = ring
    for (const event of events) {
      world.events.push(event)
      if (event.what === 'revoked') world.revoked.add(event.kid)
      if (event.what === 'activated' && !/first key|mergency|revoked/.test(event.why)) {
        assertServedForADay(event.kid)
      }
    }
    if (isOwnDoor) publish()
    assertSound()
    return refusal
  }
  const kids = () => publishedKeys(world.ring).map(({ kid }) => kid)
  const publish = () => {
    world.site = new Set(kids())
  }
  const wait = (seconds: number) => {
    world.now = after(world.now, seconds)
  }
  const look = () => {
    const observation = { at: world.now, served: new Set(world.site) }
    world.looks.push(observation)
    return step({ observation })
  }
  // Counted from the looks alone, without the ring's own books.
  const assertServedForADay = (kid: string) => {
    let from = world.now
    for (const { at, served } of world.looks.toReversed()) {
      if (!served.has(kid) || secondsBetween(at, from) > rules.longestGapSeconds) break
      from = at
    }
    assert.ok(secondsBetween(from, world.now) >= day, `${kid} signs unripe`)
  }
  const assertSound = () => {
    const { ring, now } = world
    assert.equal(ring.filter(({ state }) => state === 'active').length, 1)
    assert.ok(ring.filter(({ state }) => state === 'next').length <= 1)
    assert.equal(new Set(ring.map(({ kid }) => kid)).size, ring.length)
    const published = kids()
    assert.equal(published[0], activeKey(ring)?.kid)
    world.tokens = world.tokens.filter(({ expiresAt }) => expiresAt >= now)
    for (const { kid } of world.tokens) {
      if (!world.revoked.has(kid))
        assert.ok(published.includes(kid), `a living token of ${kid} does not verify`)
    }
    for (const kid of world.revoked) assert.ok(!published.includes(kid), 'a revoked key is public')
    // Asked again at once it has nothing more to do, in the same order.
    const again = stepRing(rules, ring, now, { freshKid: 'unused' })
    const isQuiet = again.events.every(({ what }) => what === 'created')
    assert.ok(isQuiet, JSON.stringify(again.events))
    const same = again.ring.filter(({ kid }) => kid !== 'unused')
    assert.deepEqual(same, ring)
  }
  const sign = () => {
    const { kid } = activeKey(world.ring) ?? assert.fail('no active key')
    world.tokens.push({ kid, expiresAt: after(world.now, rules.longestTokenSeconds) })
  }
  /** Time passes with a look every half hour, as under a ticker. */
  const watch = (seconds: number) => {
    for (let passed = 0; passed < seconds; passed += hour / 2) {
      wait(hour / 2)
      look()
      sign()
    }
  }
  step()
  return { world, step, publish, wait, look, sign, watch }
}

const actions = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait'), n: fc.integer({ min: 0, max: 2 * day }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('minutes'), n: fc.integer({ min: 0, max: 70 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('watch'), n: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('publish', 'look', 'sign', 'tick', 'prepare', 'activate', 'emergency'),
      n: fc.constant(0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke'), n: fc.nat(5) }) },
)

function play({ world, ...does }: World, kind: string, n: number): void {
  const plays: Record<string, () => unknown> = {
    wait: () => does.wait(n),
    minutes: () => does.wait(n * minute),
    watch: () => does.watch(n * hour),
    publish: () => does.publish(),
    look: () => does.look(),
    sign: () => does.sign(),
    tick: () => does.step(),
    prepare: () => does.step({ command: { kind: 'prepare' } }),
    activate: () => does.step({ command: { kind: 'activate', isEmergency: false } }),
    emergency: () => does.step({ command: { kind: 'activate', isEmergency: true } }),
    revoke: () => {
      const kid = world.ring[n % world.ring.length]?.kid ?? ''
      does.step({ command: { kind: 'revoke', kid } })
    },
  }
  plays[kind]?.()
}

for (const isOwnDoor of [true, false]) {
  const where = isOwnDoor ? 'the own public door' : 'a site that is filled by hand'
  test(`rotation › at any time has one active key, ripe and published, tokens verify till they end: ${where}`, () => {
    fc.assert(
      fc.property(fc.array(actions, { maxLength: 60, size: 'max' }), (script) => {
        const it = createWorld(isOwnDoor)
        for (const { kind, n } of script) play(it, kind, n)
      }),
      { numRuns: 200 },
    )
  })
}

test('rotation › goes on by itself for a year, and every key signs about as long as it should', () => {
  const { world, watch } = createWorld(true)
  watch(365 * day)
  const activations = world.events.filter(({ what }) => what === 'activated').length
  assert.ok(activations >= 36 && activations <= 38, String(activations))
  // Revoked and removed keys are remembered for 90 days, not for ever.
  assert.ok(world.ring.length <= 12, String(world.ring.length))
})

test('rotation › on a site nobody fills stays with its key and says that it is overdue', () => {
  const { world, publish, watch } = createWorld()
  publish()
  watch(9 * day)
  assert.equal(nextKey(world.ring)?.kid, 'key-2', 'made a day and an hour ahead')
  watch(3.5 * day)
  assert.equal(overdueSince(rules, world.ring, world.now), undefined)
  watch(day)
  assert.ok(overdueSince(rules, world.ring, world.now))
  assert.equal(activeKey(world.ring)?.kid, 'key-1')
  publish()
  watch(day)
  assert.equal(activeKey(world.ring)?.kid, 'key-1')
  watch(hour)
  assert.equal(activeKey(world.ring)?.kid, 'key-2')
  assert.equal(overdueSince(rules, world.ring, world.now), undefined)
})

test('rotation › an old ring that was just taken over is not overdue once its next key is made', () => {
  const { world, step, wait } = createWorld()
  wait(200 * day)
  assert.ok(overdueSince(rules, world.ring, world.now))
  step()
  assert.equal(overdueSince(rules, world.ring, world.now), undefined)
})

test('ripeness › begins anew after a look that missed the key, and after an hour without a look', () => {
  for (const interrupt of ['missed', 'unseen'] as const) {
    const { world, step, publish, look, wait, watch } = createWorld()
    step({ command: { kind: 'prepare' } })
    publish()
    watch(23 * hour)
    if (interrupt === 'missed') {
      world.site = new Set(['key-1'])
      look()
      publish()
    } else wait(2 * hour)
    watch(23 * hour)
    const refusal = step({ command: { kind: 'activate', isEmergency: false } })
    assert.equal(refusal?.kind, 'unripe')
    watch(2 * hour)
    assert.equal(activeKey(world.ring)?.kid, 'key-2', interrupt)
  }
})

test('rotate --now › is refused with the time from which it will not be', () => {
  const { step, publish, look, world } = createWorld()
  const activate = { command: { kind: 'activate', isEmergency: false } } as const
  assert.deepEqual(step(activate), { kind: 'nothing-prepared' })
  step({ command: { kind: 'prepare' } })
  assert.deepEqual(step(activate), { kind: 'unripe', kid: 'key-2', ripeAt: undefined })
  publish()
  look()
  const ripe = after(world.now, day)
  assert.deepEqual(step(activate), { kind: 'unripe', kid: 'key-2', ripeAt: ripe })
})

test('rotate --now --emergency › takes the next key, or a fresh one, and keeps the old one published', () => {
  const { step, world } = createWorld()
  const emergency = { command: { kind: 'activate', isEmergency: true } } as const
  step(emergency)
  step({ command: { kind: 'prepare' } })
  step({ command: { kind: 'prepare' } })
  step(emergency)
  const states = publishedKeys(world.ring).map(({ kid, state }) => `${kid} ${state}`)
  assert.deepEqual(states.toSorted(), ['key-1 retired', 'key-2 retired', 'key-3 active'])
  assert.equal(states[0], 'key-3 active')
})

test('revoke › withdraws at once, and neither the old next key nor silence takes over', () => {
  const { step, world } = createWorld()
  step({ command: { kind: 'prepare' } })
  assert.equal(step({ command: { kind: 'revoke', kid: 'key-1' } }), undefined)
  assert.deepEqual(
    publishedKeys(world.ring).map(({ kid, state }) => `${kid} ${state}`),
    ['key-3 active', 'key-2 next'],
  )
  assert.equal(step({ command: { kind: 'revoke', kid: 'key-2' } }), undefined)
  assert.deepEqual(
    publishedKeys(world.ring).map(({ kid }) => kid),
    ['key-3'],
  )
  for (const kid of ['key-1', 'key-9']) {
    assert.deepEqual(step({ command: { kind: 'revoke', kid } }), { kind: 'unknown-key', kid })
  }
})

test('events › tell a whole life in order', () => {
  const { world, watch } = createWorld(true)
  watch(12 * day)
  assert.deepEqual(
    world.events.map(({ what, kid }) => `${kid} ${what}`),
    [
      'key-1 created',
      'key-1 activated',
      'key-1 published',
      'key-2 created',
      'key-2 published',
      'key-1 retired',
      'key-2 activated',
      'key-1 removed',
    ],
  )
})

test('observation › that comes late, from another process, does not undo a newer one', () => {
  const { step, publish, look, world } = createWorld()
  publish()
  look()
  const late = { at: after(world.now, -minute), served: new Set<string>() }
  step({ observation: late })
  assert.deepEqual(activeKey(world.ring)?.servedSince, world.now)
})
