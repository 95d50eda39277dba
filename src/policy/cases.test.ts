// Cases files: what is read, what is said of mistakes, and what a case answers.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sampleBuild } from '../ci/build.fixture.ts'
import { parseCases, runCase } from './cases.ts'
import { compileIndex, findSubjects } from './compile.ts'
import { sampleEntry } from './entry.fixture.ts'
import { keysAt } from './file-form.ts'
import { toPolicy } from './schema.ts'

const text = `version: 1
defaults: { instance: ci-main, repository: octo/hello, repository_id: '42', event: push }
cases:
  - { build: { event: push }, expect: policy_ref_denied }
  - { name: mine, build: { event: tag }, entry: a, expect: 'policy:a', mode: audit }
`

test('cases › are read with the defaults, numbered from 1 where they have no name', () => {
  const build = { instance: 'ci-main', repository: 'octo/hello', repository_id: '42' }
  assert.deepEqual(parseCases(text), [
    {
      name: 'case 1: push of octo/hello',
      build: { ...build, event: 'push' },
      entry: undefined,
      expect: 'policy_ref_denied',
      mode: 'enforce',
    },
    {
      name: 'mine',
      build: { ...build, event: 'tag' },
      entry: 'a',
      expect: 'policy:a',
      mode: 'audit',
    },
  ])
})

const mistakes: [name: string, from: string, to: string, says: RegExp][] = [
  ['a misspelt key of the file', 'defaults:', 'default:', /unknown key; did you mean "defaults"/],
  [
    'a misspelt key of a case',
    'entry: a',
    'entri: a',
    /cases\[1\]\.entri: unknown key; did you mean "entry"/,
  ],
  ['an empty name', 'name: mine', "name: ''", /cases\[1\]\.name/],
  ['an empty entry', 'entry: a', "entry: ''", /cases\[1\]\.entry/],
  ['an empty answer', "expect: 'policy:a'", "expect: ''", /cases\[1\]\.expect/],
  ['another version', 'version: 1', 'version: 2', /version/],
  ['a wrong word', 'event: tag', 'number: 0', /cases\[1\]\.build\.number/],
]
for (const [name, from, to, says] of mistakes) {
  test(`cases › with ${name} are refused where it stands`, () => {
    assert.throws(() => parseCases(text.replace(from, to)), {
      code: 'config_invalid',
      message: says,
    })
  })
}

test('cases › none at all are refused', () => {
  assert.throws(() => parseCases('version: 1\ncases: []\n'), { message: /cases/ })
})

test('cases › an error that is no refusal is passed on', () => {
  const [first] = parseCases(text)
  assert.ok(first)
  const entry = sampleEntry('a', { subjects: undefined as unknown as [] })
  assert.throws(() => runCase({ entries: new Map([['a', entry]]) }, first), TypeError)
})

test('index › of other entries is not used, and a build of nobody finds none', () => {
  const [one, two] = [sampleEntry('a'), sampleEntry('b')]
  const index = compileIndex(toPolicy([one]).entries)
  const entries = toPolicy([two]).entries
  const names = (build = sampleBuild({}), entry?: string) =>
    findSubjects({ entries, index }, build, entry).map((each) => each.entry.name)
  assert.deepEqual(names(), ['b'])
  assert.deepEqual(names(sampleBuild({}), 'b'), ['b'])
  assert.deepEqual(names(sampleBuild({}), 'a'), [])
  const repository = { ...sampleBuild({}).repository, uid: '43' }
  assert.deepEqual(names(sampleBuild({ repository })), [])
  assert.deepEqual(
    findSubjects({ entries }, sampleBuild({})).map((each) => each.entry.name),
    ['b'],
  )
})

test('keys › are those of the map at the path', () => {
  const rows: [path: (string | number)[], first: string][] = [
    [[], 'version accounts identities policies'],
    [['accounts', 'x'], 'subscription resource_group cloud'],
    [
      ['identities', 'x'],
      'tenant_id client_id kind display_name subscription resource_group location',
    ],
    [['policies', 0, 'subjects', 0], 'instance repository_id repository events refs'],
    [['policies', 0, 'grants', 0], 'id account service container prefix verbs create_only share'],
    [
      ['policies', 0],
      'name description mode subjects subject identity audiences lifetime direct grants',
    ],
  ]
  for (const [path, keys] of rows) assert.equal(keysAt(path).join(' '), keys)
})
