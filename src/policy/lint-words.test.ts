// The edges of each warning, and the words it is told in.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sampleEntry } from './entry.fixture.ts'
import type { Grant } from './grant.ts'
import { lint, listSubjects } from './lint.ts'
import { toPolicy, type PolicyEntry, type PolicySubject } from './schema.ts'

const [hello] = sampleEntry('x').subjects as [PolicySubject]
const on = (...subjects: Partial<PolicySubject>[]): Partial<PolicyEntry> => ({
  subjects: subjects.map((each) => ({ ...hello, ...each })),
})
const grant: Grant = {
  id: 'g',
  account: 'acmeart',
  service: 'blob',
  container: 'builds',
  prefix: '',
  verbs: ['blob.read', 'blob.list'],
  enforcedBy: 'rbac',
}
const own = { identity: { name: 'own', tenantId: 't', clientId: 'own' } }
const tell = (...entries: PolicyEntry[]) =>
  lint(toPolicy(entries)).findings.map(({ code, entry, message }) => `${entry} ${code} ${message}`)

const clouds: [audience: string, name: string][] = [
  ['api://AzureADTokenExchangeUSGov', 'Azure USGov'],
  ['api://AzureADTokenExchange', 'Azure'],
  ['sts.amazonaws.com', 'AWS'],
  ['sts.amazonaws.com.cn', 'AWS'],
  ['sts.us-east-1.amazonaws.com', 'AWS'],
  ['sts.us-east-1.amazonaws.com.cn', 'AWS'],
  ['xsts.amazonaws.com', 'xsts.amazonaws.com'],
  ['sts.amazonaws.com.example', 'sts.amazonaws.com.example'],
  ['//iam.googleapis.com/projects/1', 'Google Cloud'],
  ['https://iam.googleapis.com/projects/1', 'Google Cloud'],
  ['x//iam.googleapis.com/projects/1', 'x//iam.googleapis.com/projects/1'],
  [
    'https://id.example/api://AzureADTokenExchange',
    'https://id.example/api://AzureADTokenExchange',
  ],
]
for (const [audience, name] of clouds) {
  test(`policy lint › counts the audience ${audience} to ${name}`, () => {
    const [said = ''] = tell(sampleEntry('a', { audiences: ['api://other', audience] }))
    assert.ok(said.includes(`more than one cloud (api://other, ${name}):`), said)
  })
}

test('policy lint › lists the subjects of each form and class', () => {
  const list = (changes: Partial<PolicyEntry>) => listSubjects(sampleEntry('a', changes))
  const repo = 'ci-main repo:octo/hello@42:'
  const rows: [Partial<PolicyEntry>, string[], boolean][] = [
    [{}, [`${repo}ref:refs/heads/main`], true],
    [on({ events: ['custom'] }), [`${repo}custom:refs/heads/main`], true],
    [on({ refs: ['refs/heads/a', 'refs/heads/*'] }), [], false],
    [on({ refs: ['refs/heads/*'], events: ['tag'] }), [`${repo}tag`], true],
    [on({ events: ['promote'] }), [], false],
    [on({ events: ['rollback'] }), [], false],
    [on({ events: ['cron'] }), [], false],
    [on({ events: ['pull_request'] }), [`${repo}pull_request`], true],
    [on({ events: ['params:push'] }), [`${repo}params:push`], true],
    [{ ...on({ refs: ['refs/**'] }), subjectForm: 'policy' }, ['ci-main policy:a'], true],
    [
      { ...on({ refs: ['refs/**'] }), subjectForm: 'identity' },
      ['ci-main identity:artifacts'],
      true,
    ],
  ]
  for (const [changes, subjects, isFinite] of rows) {
    assert.deepEqual(list(changes), { subjects, isFinite })
  }
})

test('policy lint › a subject of 127 bytes is said without its instance, one of 126 is not', () => {
  const start = 'repo:octo/hello@42:ref:'
  const subjectOf = (size: number) => `refs/heads/${'x'.repeat(size - start.length - 11)}`
  const [limit = '0'] =
    /\d+(?=: such)/.exec(tell(sampleEntry('a', on({ refs: [subjectOf(300)] }))).join()) ?? []
  const most = subjectOf(Number(limit))
  assert.deepEqual(tell(sampleEntry('a', on({ refs: [most] }))), [])
  const [said = ''] = tell(sampleEntry('a', on({ refs: [`${most}x`] })))
  assert.ok(said.includes(`The subject ${start}${most}x has ${Number(limit) + 1} bytes`), said)
})

test('policy lint › one wide subject among others, and one pattern among refs, is enough', () => {
  const wide = { refs: ['refs/heads/main', 'refs/heads/*'] }
  const [said = ''] = tell(sampleEntry('a', on({ events: ['tag'] }, wide)))
  assert.match(said, /lint_subjects_unbounded A pattern for branches/)
})

test('policy lint › counts credentials by application, however it is called', () => {
  const refs = Array.from({ length: 11 }, (_, index) => `refs/heads/${index}`)
  const more = refs.map((ref) => `${ref}x`)
  const [said = ''] = tell(sampleEntry('a', on({ refs })), sampleEntry('b', on({ refs: more })))
  assert.match(said, /^a lint_subjects_many .* need 22 federated credentials \(entries a, b\)/)
  assert.deepEqual(
    tell(sampleEntry('a', on({ refs })), sampleEntry('b', { ...on({ refs: more }), ...own })),
    [],
  )
})

test('policy lint › tells which refs differ in case only', () => {
  const refs = ['refs/heads/main', 'refs/heads/Main', 'refs/heads/x']
  const [said = ''] = tell(sampleEntry('a', on({ refs })))
  assert.match(said, /The refs refs\/heads\/main and refs\/heads\/Main of octo\/hello differ/)
  const kelvin = ['refs/heads/k', 'refs/heads/\u212a']
  assert.equal(tell(sampleEntry('a', on({ refs: kelvin }))).length, 1)
  assert.deepEqual(tell(sampleEntry('a', on({ refs: ['refs/heads/a', 'refs/heads/a'] }))), [])
})

test('policy lint › one fork subject among others is enough, and names who shares', () => {
  const entry = sampleEntry('q', on({ events: ['push'] }, { events: ['fork'] }))
  const [said = ''] = tell(sampleEntry('a'), entry)
  assert.match(said, /^q lint_fork_shares_identity .*like the builds of a\. Give/)
})

test('policy lint › names the entries whose grants are others, on both sides', () => {
  const said = tell(
    sampleEntry('a', { grants: [grant] }),
    sampleEntry('b'),
    sampleEntry('c', { grants: [grant] }),
  )
  assert.deepEqual(
    said.map((each) => / with (.*), whose grants/.exec(each)?.[1]),
    ['b', 'a, c', 'b'],
  )
})

const alike: [name: string, one: Grant[], other: Partial<PolicyEntry>][] = [
  ['on trial', [grant], { mode: 'audit' }],
  ['with a grant that a gateway enforces', [], { grants: [{ ...grant, enforcedBy: 'gateway' }] }],
  [
    'with the same grants in another order',
    [grant, { ...grant, container: 'more' }],
    { grants: [{ ...grant, container: 'more' }, grant] },
  ],
]
for (const [name, grants, other] of alike) {
  test(`policy lint › an entry ${name} shares an application in peace`, () => {
    assert.deepEqual(tell(sampleEntry('a', { grants }), sampleEntry('b', other)), [])
  })
}

test('policy lint › says which role is wider, which is custom, and marks each grant', () => {
  const verbs: Grant['verbs'] = ['file.read', 'file.list']
  const policy = toPolicy([
    sampleEntry('a', {
      grants: [
        grant,
        { ...grant, id: 'f', service: 'file', verbs },
        { ...grant, id: 'd', verbs: ['blob.delete'] },
        { ...grant, id: 'w', prefix: '${build.number}/', enforcedBy: 'gateway' },
      ],
    }),
  ])
  const { findings, grants } = lint(policy)
  assert.deepEqual(
    findings.map(({ message }) => message.slice(0, 64)),
    [
      'The grant a/f takes the role Storage File Data Privileged Reader',
      'The grant a/d fits no built-in role: Storage Blob Data Contribut',
    ],
  )
  assert.deepEqual(
    grants.map((each) => [each.grant, each.place, each.role]),
    [
      ['a/g', 'blob:acmeart/builds/', 'Storage Blob Data Reader'],
      ['a/f', 'file:acmeart/builds/', 'Storage File Data Privileged Reader'],
      ['a/d', 'blob:acmeart/builds/', 'a custom role'],
      ['a/w', 'blob:acmeart/builds/${build.number}/', ''],
    ],
  )
})
