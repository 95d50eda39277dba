// Places and grants: what covers what, and whose rights reach whom through one application.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sampleBuild } from '../ci/build.fixture.ts'
import { sampleEntry } from './entry.fixture.ts'
import type { Grant } from './grant.ts'
import { contains, intersect, intersectAll, subtract, toRight, type Right } from './lattice.ts'
import {
  effectiveGrants,
  keyOfIdentity,
  meetPrefix,
  refuseGrant,
  resolvePrefix,
  toGrantRight,
} from './place.ts'
import { toPolicy } from './schema.ts'
import { findWhoCan } from './who-can.ts'

const grant: Grant = {
  id: 'g',
  account: 'acmeart',
  service: 'blob',
  container: 'builds',
  prefix: 'app/',
  verbs: ['blob.read', 'blob.list'],
  enforcedBy: 'abac',
}
const place = { account: 'acmeart', container: 'builds', path: 'app/x', verb: 'blob.read' as const }

const refusals: [name: string, place: Partial<Parameters<typeof refuseGrant>[2]>, code?: string][] =
  [
    ['the place itself', {}],
    ['any verb', { verb: undefined }],
    ['another account', { account: 'x', verb: undefined }, 'policy_path_denied'],
    ['another container', { container: 'x', verb: undefined }, 'policy_path_denied'],
    ['another service', { verb: 'file.read' }, 'policy_path_denied'],
    ['a path outside', { path: 'b/x' }, 'policy_path_denied'],
    ['a bad path', { path: 'app//x' }, 'policy_path_denied'],
    ['a verb it lacks', { verb: 'blob.write' }, 'policy_verb_denied'],
  ]
for (const [name, changes, code] of refusals) {
  test(`place › a grant and ${name}: ${code ?? 'covered'}`, () => {
    assert.equal(refuseGrant(grant, grant.prefix, { ...place, ...changes }), code)
  })
}

test('place › a variable takes a plain value and its sentence tells a bad one', () => {
  const build = sampleBuild({})
  assert.equal(resolvePrefix('{plain}/', build), '{plain}/')
  const other = { ...build, repository: { ...build.repository, uid: '4.2' } }
  assert.throws(() => resolvePrefix('a/${repository.id}/', other), {
    message: 'The value "4.2" of ${repository.id} cannot stand in a path.',
  })
})

test('place › a variable in the middle meets plain ids only, and names after it count', () => {
  const prefix = 'a/${build.number}/b/'
  const rows: [string, string | undefined][] = [
    ['a/7/b/x', 'whole'],
    ['a/7/c/', undefined],
    ['a/7/', 'part'],
    ['a/7', undefined],
    [`a/${'x'.repeat(64)}/b/`, 'whole'],
    [`a/${'x'.repeat(65)}/b/`, undefined],
    ['a/-7/b/', undefined],
    ['a/7 /b/', undefined],
  ]
  for (const [path, reach] of rows) assert.equal(meetPrefix(prefix, path), reach, path)
})

test('place › applications are the same whatever the case of their ids', () => {
  const entry = sampleEntry('a', { identity: { name: 'x', tenantId: 'TeN', clientId: 'ClI' } })
  assert.equal(keyOfIdentity(entry), 'ten/cli')
})

test('place › an entry has its own grants and those that Azure enforces of enforced others', () => {
  const entry = sampleEntry('a', { mode: 'audit', grants: [{ ...grant, enforcedBy: 'gateway' }] })
  const other = sampleEntry('b', { grants: [grant, { ...grant, id: 'w', enforcedBy: 'gateway' }] })
  const trial = sampleEntry('c', { mode: 'audit', grants: [grant] })
  const alien = sampleEntry('d', {
    grants: [grant],
    identity: { name: 'o', tenantId: 't', clientId: 'o' },
  })
  const found = effectiveGrants(toPolicy([entry, other, trial, alien]), entry)
  assert.deepEqual(
    found.map(({ grant: { id, enforcedBy }, from }) => [from.name, id, enforcedBy]),
    [
      ['a', 'g', 'gateway'],
      ['b', 'g', 'abac'],
    ],
  )
  assert.equal(toGrantRight({ grant, from: other }).lifetimeSeconds, 600)
})

const right: Right = {
  account: 'acmeart',
  service: 'blob',
  container: 'builds',
  prefix: 'app/',
  verbs: ['blob.read', 'blob.list'],
  lifetimeSeconds: 60,
}
const wide: Right = { ...right, prefix: '' }
const deep: Right = { ...right, prefix: 'app/x/' }

const strange: [name: string, changes: Partial<Right>][] = [
  ['account', { account: 'x' }],
  ['service', { service: 'file' }],
  ['container', { container: 'x' }],
]
for (const [name, changes] of strange) {
  test(`lattice › rights of another ${name} have nothing in common`, () => {
    assert.equal(intersect(right, { ...right, ...changes }), undefined)
    assert.equal(contains(right, { ...right, ...changes }), false)
  })
}

test('lattice › lists have in common what each two have, the widest alone, and equals once', () => {
  assert.deepEqual(intersectAll([wide], [right, deep]), [right])
  assert.deepEqual(intersectAll([wide], [deep, right]), [right])
  assert.deepEqual(intersectAll([wide], [right, right]), [right])
  assert.deepEqual(intersectAll([right], [{ ...right, account: 'x' }]), [])
  const other = { ...right, container: 'other' }
  assert.deepEqual(intersectAll([wide, { ...wide, container: 'other' }], [right, other]), [
    right,
    other,
  ])
})

test('lattice › what is left of a right is told verb by verb', () => {
  const read: Right = { ...right, verbs: ['blob.read'] }
  assert.deepEqual(subtract([right], [read]), [{ ...right, verbs: ['blob.list'] }])
  assert.deepEqual(subtract([right], [right]), [])
  assert.deepEqual(subtract([wide], [right]), [wide])
})

test('lattice › a right without life or verbs of its service is none', () => {
  assert.equal(toRight({ ...right, lifetimeSeconds: 0 }), undefined)
  assert.equal(toRight({ ...right, verbs: ['file.read'] }), undefined)
  assert.deepEqual(toRight({ ...right, verbs: ['blob.list', 'file.read', 'blob.read'] }), right)
})

test('who can › tells every way, whose grant it is, and the entries that tell nothing', () => {
  const own = { identity: { name: 'own', tenantId: 't', clientId: 'own' } }
  const policy = toPolicy([
    sampleEntry('a', { grants: [grant] }),
    sampleEntry('b'),
    sampleEntry('c', own),
  ])
  const { ways, undeclared } = findWhoCan(policy, { ...place, path: 'app/' })
  assert.deepEqual(
    ways.map(({ entry, grant: label, reach }) => [entry, label, reach]),
    [
      ['a', 'a/g', 'whole'],
      ['b', 'a/g', 'whole'],
    ],
  )
  assert.deepEqual(undeclared, ['c'])
  assert.deepEqual(ways[0]?.builds, [
    {
      instance: 'ci-main',
      repository: 'octo/hello',
      repositoryId: '42',
      events: ['push'],
      refs: ['refs/heads/main'],
    },
  ])
  assert.deepEqual(findWhoCan(policy, { ...place, container: 'x' }).ways, [])
  assert.deepEqual(findWhoCan(policy, { ...place, verb: 'blob.write' }).ways, [])
})
