// Mistakes of meaning in data of any form: what is said, where, and that odd forms are left alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { findMistakes } from './file-meaning.ts'

type Loose = Record<string, unknown>
const entry = (changes: Loose = {}): Loose => ({
  name: 'a',
  identity: 'one',
  subjects: [{ events: ['push'] }],
  ...changes,
})
const say = (policies: unknown, file: Loose = {}, gatewayServes = false) =>
  findMistakes({ identities: { one: {}, two: {} }, policies, ...file }, gatewayServes).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  )
const grant = (changes: Loose): Loose =>
  entry({ grants: [{ id: 'g', service: 'blob', verbs: ['blob.read', 'blob.list'], ...changes }] })

const harmless: [name: string, file: unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['a list', [entry()]],
  ['a text', 'policies'],
  ['no entries', { identities: {} }],
  ['entries that are no list', { policies: { length: 1, 0: entry() } }],
  ['entries that are no maps', { policies: [null, 1, 'x', [entry()]] }],
  ['no identities', { policies: [entry({ identity: 'gone' })] }],
  ['identities that are a list', { identities: ['x'], policies: [entry()] }],
  ['an identity that is no text', { identities: {}, policies: [entry({ identity: 1 })] }],
  ['names that are no texts', { policies: [entry({ name: 1 }), entry({ name: 1 })] }],
  ['no subjects', { policies: [entry({ subjects: 'x', subject: 'policy', direct: true })] }],
  ['events that are no texts', { policies: [entry({ subjects: [{ events: [1, null] }] })] }],
  ['no verbs', { policies: [grant({ verbs: [], create_only: true })] }],
  ['verbs that are no texts', { policies: [grant({ verbs: [1], create_only: true })] }],
  ['verbs nobody knows', { policies: [grant({ verbs: ['x.create'], create_only: true })] }],
  ['another service', { policies: [grant({ service: 'dfs', prefix: '${build.number}/' })] }],
]
for (const [name, file] of harmless) {
  test(`policy meaning › of ${name} says nothing`, () => {
    assert.deepEqual(findMistakes(file, false), [])
  })
}

const rows: [name: string, policies: Loose[], said: string[]][] = [
  ['ordinary entries', [entry(), entry({ name: 'b' })], []],
  [
    'a name used twice',
    [entry(), entry(), entry()],
    [
      'policies.1.name: "a": the name is used twice',
      'policies.2.name: "a": the name is used twice',
    ],
  ],
  [
    'an identity of the prototype',
    [entry({ identity: 'constructor' })],
    ['policies.0.identity: identity "constructor" is not among identities'],
  ],
  [
    'fork beside another event',
    [entry({ subjects: [{ events: ['push'] }, { events: ['fork', 'push'] }] })],
    [
      'policies.0.subjects.1.events: fork must be the only event of its subject, in a quarantine entry',
    ],
  ],
  ['fork alone', [entry({ subjects: [{ events: ['fork'] }, { events: ['push'] }] })], []],
  ['two events without fork', [entry({ subjects: [{ events: ['tag', 'push'] }] })], []],
  [
    'one subject for two classes',
    [entry({ subject: 'identity', subjects: [{ events: ['tag'] }, { events: ['push'] }] })],
    [
      'policies.0.subject: an entry with one subject for all its builds covers one trust class, not push, tag',
    ],
  ],
  [
    'one subject for one class twice',
    [entry({ subject: 'policy', subjects: [{ events: ['tag'] }, { events: ['tag'] }] })],
    [],
  ],
  [
    'direct for classes that never get it',
    [entry({ direct: true, subjects: [{ events: ['push', 'pull_request', 'params:tag'] }] })],
    [
      'policies.0.direct: a plain ID token is never handed to pull_request, params:tag builds; give them an entry of their own',
    ],
  ],
  ['direct for pushes', [entry({ direct: true })], []],
  [
    'two entries of one subject that disagree',
    [
      entry({ subject: 'identity' }),
      entry({ name: 'b', subject: 'identity', subjects: [{ events: ['tag'] }] }),
      entry({ name: 'c', subject: 'identity' }),
    ],
    [
      'policies.1.subject: every entry with the subject identity:one covers the same trust class: this one tag, "a" push',
    ],
  ],
  [
    'two entries of two identities',
    [
      entry({ subject: 'identity' }),
      entry({ name: 'b', identity: 'two', subject: 'identity', subjects: [{ events: ['tag'] }] }),
    ],
    [],
  ],
  [
    'entries without an identity',
    [
      entry({ subject: 'identity', identity: undefined }),
      entry({
        name: 'b',
        subject: 'identity',
        identity: undefined,
        subjects: [{ events: ['tag'] }],
      }),
    ],
    [],
  ],
  [
    'an id used twice',
    [entry({ grants: [{ id: 'g' }, { id: 'g' }, { id: 'h' }] })],
    ['policies.0.grants.1.id: "g": the id is used twice'],
  ],
  ['ids that are no texts', [entry({ grants: [{ id: 1 }, { id: 1 }, {}, {}] })], []],
  [
    'create_only beside delete',
    [grant({ verbs: ['blob.create', 'blob.delete'], create_only: true })],
    ['policies.0.grants.0: create_only needs the verb create, and neither write nor delete'],
  ],
  [
    'a grant for a gateway',
    [grant({ prefix: '${build.number}/' })],
    [
      'policies.0.grants.0: only a gateway can enforce this grant (the prefix differs from build to build), and none serves it',
    ],
  ],
  [
    'create alone',
    [grant({ verbs: ['blob.create'], create_only: true })],
    [
      'policies.0.grants.0: only a gateway can enforce this grant (no Azure role lets create without overwriting), and none serves it',
    ],
  ],
  [
    'a known verb beside an unknown one',
    [grant({ verbs: ['blob.wirte', 'blob.read', 'blob.list'] })],
    [],
  ],
  ['create_only that is no yes', [grant({ create_only: 'no' })], []],
  [
    'half a read of a share',
    [grant({ service: 'file', verbs: ['file.read', 'x.list'] })],
    [
      'policies.0.grants.0: only a gateway can enforce this grant (no Azure Files role tells reading from listing), and none serves it',
    ],
  ],
]
for (const [name, policies, said] of rows) {
  test(`policy meaning › of ${name} is told ${said.length} time(s)`, () => {
    assert.deepEqual(say(policies), said)
  })
}

test('policy meaning › a gateway that serves takes its grants', () => {
  assert.deepEqual(say([grant({ prefix: '${build.number}/' })], {}, true), [])
})

test('policy meaning › tells places by their own numbers, odd neighbours counted', () => {
  const [said = ''] = say([null, 'x', entry({ identity: 'twoo' })])
  assert.equal(
    said,
    'policies.2.identity: identity "twoo" is not among identities; did you mean "two"?',
  )
})
