import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sampleBuild } from '../ci/build.fixture.ts'
import { sampleEntry } from './entry.fixture.ts'
import { lint, listSubjects, type LintCode } from './lint.ts'
import { explainBadPath, meetPrefix, resolvePrefix } from './place.ts'
import { toPolicy, type PolicyEntry, type PolicySubject } from './schema.ts'
import { didYouMean, quote } from './spelling.ts'

const [hello] = sampleEntry('x').subjects as [PolicySubject]
const on = (changes: Partial<PolicySubject>): Partial<PolicyEntry> => ({
  subjects: [{ ...hello, ...changes }],
})
const grant = {
  id: 'g',
  account: 'acmeart',
  service: 'blob',
  container: 'builds',
  prefix: '',
  verbs: ['blob.read', 'blob.list'],
  enforcedBy: 'rbac',
} as const
const link = { ...grant, verbs: [...grant.verbs, 'sas.delegate'] } as const
const own = { identity: { name: 'other', tenantId: 't', clientId: 'own' } }
const heads = Array.from({ length: 21 }, (_, index) => `refs/heads/b${index}`)

const rows: [name: string, entries: PolicyEntry[], codes: LintCode[]][] = [
  ['one branch', [sampleEntry('a')], []],
  [
    'a branch pattern',
    [sampleEntry('a', on({ refs: ['refs/heads/*'] }))],
    ['lint_subjects_unbounded'],
  ],
  [
    'a pattern of custom builds',
    [sampleEntry('a', on({ events: ['custom'], refs: ['refs/**'] }))],
    ['lint_subjects_unbounded'],
  ],
  [
    'a branch pattern with one subject',
    [sampleEntry('a', { ...on({ refs: ['refs/heads/*'] }), subjectForm: 'policy' })],
    [],
  ],
  ['links', [sampleEntry('a', { grants: [link] })], ['lint_link_outlives_build']],
  ['a tag pattern', [sampleEntry('a', on({ events: ['tag'], refs: ['refs/tags/v*'] }))], []],
  ['21 branches', [sampleEntry('a', on({ refs: heads }))], ['lint_subjects_many']],
  ['20 branches', [sampleEntry('a', on({ refs: heads.slice(1) }))], []],
  [
    '21 branches over two entries',
    [
      sampleEntry('a', on({ refs: heads.slice(0, 11) })),
      sampleEntry('b', on({ refs: heads.slice(11) })),
    ],
    ['lint_subjects_many'],
  ],
  [
    'the same branches on two instances',
    [
      sampleEntry('a', {
        subjects: ['one', 'two'].map((instance) => ({
          ...hello,
          instance,
          refs: heads.slice(0, 11),
        })),
      }),
    ],
    ['lint_subjects_many'],
  ],
  [
    'refs that differ in case',
    [sampleEntry('a', on({ refs: ['refs/heads/main', 'refs/heads/Main'] }))],
    ['lint_refs_case'],
  ],
  [
    'a long branch',
    [sampleEntry('a', on({ refs: [`refs/heads/${'x'.repeat(120)}`] }))],
    ['lint_subject_too_long'],
  ],
  [
    'forks beside others',
    [sampleEntry('a'), sampleEntry('q', on({ events: ['fork'] }))],
    ['lint_fork_shares_identity'],
  ],
  [
    'forks by themselves',
    [sampleEntry('a'), sampleEntry('q', { ...on({ events: ['fork'] }), ...own })],
    [],
  ],
  [
    'two clouds',
    [sampleEntry('a', { audiences: ['api://AzureADTokenExchange', 'sts.amazonaws.com'] })],
    ['lint_clouds_mixed'],
  ],
  [
    'two Azures',
    [
      sampleEntry('a', {
        audiences: ['api://AzureADTokenExchange', 'api://AzureADTokenExchangeUSGov'],
      }),
    ],
    ['lint_clouds_mixed'],
  ],
  [
    'two audiences of one cloud',
    [sampleEntry('a', { audiences: ['//iam.googleapis.com/a', '//iam.googleapis.com/b'] })],
    [],
  ],
  [
    'one application with different grants',
    [sampleEntry('a', { grants: [grant] }), sampleEntry('b')],
    ['lint_identity_shared', 'lint_identity_shared'],
  ],
  [
    'one application under two names and cases',
    [
      sampleEntry('a', { grants: [grant] }),
      sampleEntry('b', { identity: { name: 'z', tenantId: 'T', clientId: 'C' } }),
    ],
    ['lint_identity_shared', 'lint_identity_shared'],
  ],
  [
    'one application with the same grants',
    [sampleEntry('a', { grants: [grant] }), sampleEntry('b', { grants: [grant] })],
    [],
  ],
  [
    'a custom role',
    [sampleEntry('a', { grants: [{ ...grant, verbs: ['blob.create', 'blob.write'] }] })],
    ['lint_role_custom'],
  ],
  [
    'a role that is wider',
    [
      sampleEntry('a', {
        grants: [{ ...grant, service: 'file', verbs: ['file.read', 'file.list'] }],
      }),
    ],
    ['lint_role_wider'],
  ],
]

for (const [name, entries, codes] of rows) {
  test(`policy lint › of ${name} says ${codes.join(', ') || 'nothing'}`, () => {
    const { findings } = lint(toPolicy(entries))
    assert.deepEqual(
      findings.map(({ code }) => code),
      codes,
    )
    for (const { message } of findings) assert.match(message, /^[A-Z].*\.$/)
  })
}

test('policy lint › counts subjects as far as they are finite', () => {
  const entry = sampleEntry('a', on({ events: ['tag', 'fork', 'params:push', 'cron'] }))
  assert.deepEqual(listSubjects(entry), {
    subjects: ['tag', 'fork', 'params:push'].map((tail) => `ci-main repo:octo/hello@42:${tail}`),
    isFinite: false,
  })
})

test('place › a template prefix takes the numbers and ids of the build, nothing else', () => {
  const build = sampleBuild({ number: 12 })
  assert.equal(resolvePrefix('r/${repository.id}/${build.number}/', build), 'r/42/12/')
  for (const uid of ['../x', 'a/b', '', '42.', ' 42', 'é', '${build.number}', 'x'.repeat(65)]) {
    const other = { ...build, repository: { ...build.repository, uid } }
    assert.throws(() => resolvePrefix('${repository.id}/', other), {
      code: 'policy_template_invalid',
    })
  }
})

const meetings: [prefix: string, path: string, reach: 'whole' | 'part' | undefined][] = [
  ['', '', 'whole'],
  ['', 'x', 'whole'],
  ['app/', '', 'part'],
  ['app/', 'app/', 'whole'],
  ['app/', 'app', undefined],
  ['app/', 'app2/', undefined],
  ['app/${build.number}/', 'app/7/x', 'whole'],
  ['app/${build.number}/', 'app/', 'part'],
  ['app/${build.number}/', 'app/a b/', undefined],
  ['app/${build.number}/', 'app/${build.number}/', 'whole'],
  ['app/', 'app/../', undefined],
]
for (const [prefix, path, reach] of meetings) {
  test(`place › ${prefix || 'all'} and ${path || 'all'} meet: ${reach}`, () => {
    assert.equal(meetPrefix(prefix, path), reach)
  })
}

for (const path of [
  '/x',
  'a//b',
  'a/./b',
  '..',
  'a/..',
  'a\\b',
  'a\nb',
  'a\u2028',
  '\ud83d',
  'a./b',
  '/',
]) {
  test(`place › ${JSON.stringify(path)} names no place`, () => {
    assert.ok(explainBadPath(path))
  })
}

const spellings: [text: string, suggestion: string][] = [
  ['repositoryId', 'repository_id'],
  ['audience', 'audiences'],
  ['refs', 'refs'],
  ['ref', 'refs'],
  ['evnets', 'events'],
  ['x', ''],
  ['completely', ''],
  ['x'.repeat(100_000), ''],
]
for (const [text, suggestion] of spellings) {
  test(`spelling › ${text.slice(0, 20)} is ${suggestion || 'nothing known'}`, () => {
    const known = ['repository_id', 'audiences', 'refs', 'events']
    assert.equal(didYouMean(text, known), suggestion && `; did you mean "${suggestion}"?`)
  })
}

test('spelling › quotes on one line and not for ever', () => {
  assert.equal(quote('a\n"b'), String.raw`"a\n\"b"`)
  assert.ok(quote('x'.repeat(1000)).length < 90)
})
