// What one policy gives and another does not: the exact changes, each alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { diffPolicies } from './diff.ts'
import { sampleEntry } from './entry.fixture.ts'
import type { Grant } from './grant.ts'
import { toPolicy, type PolicyEntry, type PolicySubject } from './schema.ts'

const [hello] = sampleEntry('a').subjects as [PolicySubject]
const grant: Grant = {
  id: 'out',
  account: 'acmeart',
  service: 'blob',
  container: 'builds',
  prefix: 'out/',
  verbs: ['blob.read', 'blob.list'],
  enforcedBy: 'abac',
}
const right = 'blob.read, blob.list on blob:acmeart/builds/out/'
const one = (changes: Partial<PolicyEntry> = {}) => toPolicy([sampleEntry('a', changes)])
const builds = {
  instance: 'ci-main',
  repository: 'octo/hello',
  repositoryId: '42',
  trustClass: 'push',
  ref: 'refs/heads/main',
}

test('diff › of two equal policies is empty', () => {
  assert.deepEqual(diffPolicies(one(), one()), { changes: [], trials: [], isWider: false })
})

test('diff › an entry that came tells its builds, identity and rights', () => {
  assert.deepEqual(diffPolicies(toPolicy([]), one({ grants: [grant] })), {
    changes: [
      {
        direction: 'gained',
        entry: 'a',
        what: 'builds',
        value: 'artifacts',
        builds,
        rights: [right],
      },
    ],
    trials: [],
    isWider: true,
  })
})

test('diff › an entry that went is lost, and nobody gains', () => {
  const { changes, isWider } = diffPolicies(one(), toPolicy([]))
  assert.deepEqual(
    changes.map(({ direction, rights }) => [direction, rights]),
    [['lost', []]],
  )
  assert.equal(isWider, false)
})

const moves: [name: string, subject: Partial<PolicySubject>][] = [
  ['instance', { instance: 'ci-two' }],
  ['repository id', { repositoryId: '43' }],
  ['repository', { repository: 'octo/other' }],
  ['trust class', { events: ['tag'] }],
  ['ref', { refs: ['refs/heads/other'] }],
]
for (const [name, subject] of moves) {
  test(`diff › builds of another ${name} are others: some gained, some lost`, () => {
    const { changes } = diffPolicies(one(), one({ subjects: [{ ...hello, ...subject }] }))
    assert.deepEqual(
      changes.map(({ direction, what }) => `${direction} ${what}`),
      ['gained builds', 'lost builds'],
    )
    assert.deepEqual(changes[1]?.builds, builds)
  })
}

const outcomes: [name: string, changes: Partial<PolicyEntry>, said: string[]][] = [
  [
    'another application',
    { identity: { name: 'artifacts', tenantId: 't', clientId: 'd' } },
    ['gained identity artifacts (t/d)', 'lost identity artifacts (t/c)'],
  ],
  [
    'a subject of the entry',
    { subjectForm: 'policy' },
    ['gained subject policy:a', 'lost subject repo:<slug>@<id>:…'],
  ],
  [
    'a subject of the identity',
    { subjectForm: 'identity' },
    ['gained subject identity:artifacts', 'lost subject repo:<slug>@<id>:…'],
  ],
  ['an audience more', { audiences: ['api://AzureADTokenExchange', 'b'] }, ['gained audience b']],
  ['no audience', { audiences: [] }, ['lost audience api://AzureADTokenExchange']],
  ['plain ID tokens', { isDirect: true }, ['gained direct a plain ID token']],
  ['a longer life', { lifetimeSeconds: 601 }, ['gained lifetime 600 s → 601 s']],
  ['a shorter life', { lifetimeSeconds: 599 }, ['lost lifetime 600 s → 599 s']],
  ['a right', { grants: [grant] }, [`gained right ${right}`]],
]
for (const [name, changes, said] of outcomes) {
  test(`diff › ${name} is told once and nothing else`, () => {
    const write = (older: ReturnType<typeof one>, newer: ReturnType<typeof one>) =>
      diffPolicies(older, newer).changes.map((it) => `${it.direction} ${it.what} ${it.value}`)
    assert.deepEqual(write(one(), one(changes)), said)
  })
}

test('diff › a right that went is lost', () => {
  const { changes, isWider } = diffPolicies(one({ grants: [grant] }), one())
  assert.deepEqual(
    [changes.map(({ direction, what, value }) => [direction, what, value]), isWider],
    [[['lost', 'right', right]], false],
  )
})

const trials: [name: string, was: PolicyEntry[], is: PolicyEntry[], names: string[]][] = [
  ['came on trial', [], [sampleEntry('a', { mode: 'audit' })], ['a']],
  ['went while on trial', [sampleEntry('a', { mode: 'audit' })], [], ['a']],
  ['changed to enforced', [sampleEntry('a', { mode: 'audit' })], [sampleEntry('a')], ['a']],
  ['changed to a trial', [sampleEntry('a')], [sampleEntry('a', { mode: 'audit' })], ['a']],
  [
    'stayed as it was',
    [sampleEntry('a', { mode: 'audit' })],
    [sampleEntry('a', { mode: 'audit' })],
    [],
  ],
  ['came enforced', [], [sampleEntry('a')], []],
  ['went while enforced', [sampleEntry('a')], [], []],
  ['changed while enforced', [sampleEntry('a')], [sampleEntry('a', { isDirect: true })], []],
]
for (const [name, was, is, names] of trials) {
  test(`diff › an entry that ${name} is ${names.length > 0 ? '' : 'not '}told as a trial`, () => {
    assert.deepEqual(diffPolicies(toPolicy(was), toPolicy(is)).trials, names)
  })
}
