import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { verbs, type Verb } from './grant.ts'
import {
  contains,
  intersect,
  intersectAll,
  reaches,
  subtract,
  toRight,
  type Right,
} from './lattice.ts'

// Few places and close prefixes, so that rights really meet.
const right: fc.Arbitrary<Right | undefined> = fc
  .record({
    account: fc.constantFrom('acmeart', 'other'),
    service: fc.constantFrom('blob' as const, 'file' as const),
    container: fc.constantFrom('builds', 'cache'),
    prefix: fc.constantFrom('', 'app/', 'app2/', 'app/a/', 'app/b/', 'app/a/a/', 'a/'),
    verbs: fc.subarray([...verbs]),
    lifetimeSeconds: fc.constantFrom(60, 300, 600),
  })
  .map((each) => toRight(each))
const rights = fc.array(
  right.filter((each) => each !== undefined),
  { maxLength: 4 },
)

/** A single deed: what a right permits or does not. */
const deed = fc.record({
  account: fc.constantFrom('acmeart', 'other'),
  service: fc.constantFrom('blob' as const, 'file' as const),
  container: fc.constantFrom('builds', 'cache'),
  path: fc.constantFrom('app', 'app/x', 'app2/x', 'app/a/x', 'app/a/a/x', 'app/b/', 'a/x', 'x', ''),
  verb: fc.constantFrom(...verbs),
  second: fc.constantFrom(1, 60, 61, 300, 600, 601),
})
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never

function permits(one: Right | undefined, it: Deed): boolean {
  return (
    one !== undefined &&
    one.account === it.account &&
    one.service === it.service &&
    one.container === it.container &&
    it.path.startsWith(one.prefix) &&
    one.verbs.includes(it.verb) &&
    it.second <= one.lifetimeSeconds
  )
}

const many = { numRuns: 3000 }

test('lattice › property: intersection permits exactly what both permit', () => {
  fc.assert(
    fc.property(right, right, deed, (one, other, it) => {
      assert.equal(permits(intersect(one, other), it), permits(one, it) && permits(other, it))
    }),
    many,
  )
})

test('lattice › property: intersection is commutative, associative and idempotent', () => {
  fc.assert(
    fc.property(right, right, right, (one, two, three) => {
      assert.deepEqual(intersect(one, two), intersect(two, one))
      assert.deepEqual(intersect(intersect(one, two), three), intersect(one, intersect(two, three)))
      assert.deepEqual(intersect(one, one), one)
    }),
    many,
  )
})

test('lattice › property: intersection never adds, and is the greatest that does not', () => {
  fc.assert(
    fc.property(right, right, right, (one, two, three) => {
      const both = intersect(one, two)
      assert.ok(contains(one, both) && contains(two, both))
      if (contains(one, three) && contains(two, three)) assert.ok(contains(both, three))
    }),
    many,
  )
})

test('lattice › property: contains is a partial order and agrees with intersection', () => {
  fc.assert(
    fc.property(right, right, right, (one, two, three) => {
      assert.ok(contains(one, one))
      if (contains(one, two) && contains(two, one)) assert.deepEqual(one, two)
      if (contains(one, two) && contains(two, three)) assert.ok(contains(one, three))
      assert.equal(contains(one, two), JSON.stringify(intersect(one, two)) === JSON.stringify(two))
    }),
    many,
  )
})

test('lattice › property: a narrowing layer never adds a right: agent within person', () => {
  fc.assert(
    fc.property(rights, rights, deed, (person, agent, it) => {
      const both = intersectAll(person, agent)
      const isPermitted = both.some((each) => permits(each, it))
      const isAllowed =
        person.some((each) => permits(each, it)) && agent.some((each) => permits(each, it))
      assert.equal(isPermitted, isAllowed)
      for (const each of both) assert.ok(person.some((wide) => contains(wide, each)))
    }),
    many,
  )
})

test('lattice › property: what is left after subtracting is in no old right, and nothing is lost', () => {
  fc.assert(
    fc.property(rights, rights, (news, olds) => {
      for (const left of subtract(news, olds)) {
        for (const verb of left.verbs) {
          assert.ok(!olds.some((old) => contains(old, { ...left, verbs: [verb] })))
        }
      }
      assert.deepEqual(subtract(news, news), [])
      assert.deepEqual(subtract(news, []), news)
    }),
  )
})

const place = { account: 'acmeart', service: 'blob', container: 'builds' } as const
const at = (prefix: string, ...some: Verb[]): Right => ({
  ...place,
  prefix,
  verbs: some,
  lifetimeSeconds: 600,
})

test('lattice › app/ never reaches app2/x or app, and everything is below no prefix', () => {
  assert.ok(reaches('app/', 'app/x'))
  assert.ok(!reaches('app/', 'app2/x'))
  assert.ok(!reaches('app/', 'app'))
  assert.ok(!reaches('app/', 'App/x'))
  assert.ok(reaches('', 'anything'))
  assert.equal(intersect(at('app/', 'blob.read'), at('app2/', 'blob.read')), undefined)
})

test('lattice › write brings create, and verbs of another service are dropped', () => {
  assert.deepEqual(toRight(at('', 'blob.write', 'file.read'))?.verbs, ['blob.create', 'blob.write'])
  assert.equal(toRight(at('', 'file.read')), undefined)
  assert.equal(toRight({ ...at('', 'blob.read'), lifetimeSeconds: 0 }), undefined)
})
