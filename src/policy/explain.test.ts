// Why an entry admits a build or not, and why a place is covered or not, to the sentence.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sampleBuild } from '../ci/build.fixture.ts'
import { sampleEntry } from './entry.fixture.ts'
import { explain, isAllowed } from './explain.ts'
import type { Grant, Verb } from './grant.ts'
import { toPolicy, type PolicyEntry } from './schema.ts'

const build = sampleBuild({})
const own: Grant = {
  id: 'out',
  account: 'acmeart',
  service: 'blob',
  container: 'builds',
  prefix: 'app/out/',
  verbs: ['blob.read', 'blob.list'],
  enforcedBy: 'abac',
}
const place = { account: 'acmeart', container: 'builds', path: 'app/out/x' }
const askAll = (entries: PolicyEntry[], path = place.path, verb?: Verb) =>
  explain(toPolicy(entries), build, { entry: 'a', place: { ...place, path, verb } }).entries[0]

test('explain › of an entry nobody knows is a fault', () => {
  assert.throws(() => explain(toPolicy([sampleEntry('a')]), build, { entry: 'b' }), {
    code: 'policy_entry_unknown',
  })
})

test('explain › an error that is no refusal is passed on', () => {
  const broken = sampleEntry('a', { subjects: undefined as unknown as [] })
  assert.throws(() => explain({ entries: new Map([['a', broken]]) }, build), TypeError)
})

test('explain › without a place says nothing of one', () => {
  const { entries, trustClass } = explain(toPolicy([sampleEntry('a')]), build)
  assert.equal(trustClass, 'push')
  assert.deepEqual(entries, [
    {
      entry: 'a',
      mode: 'enforce',
      code: 'admitted',
      subject: 'repo:octo/hello@42:ref:refs/heads/main',
      identity: 'artifacts',
      sentence: 'Admits this build as repo:octo/hello@42:ref:refs/heads/main.',
    },
  ])
})

test('explain › a refusing entry on trial says that it is on trial', () => {
  const entry = sampleEntry('a', { mode: 'audit' })
  const answer = explain(toPolicy([entry]), sampleBuild({ ref: 'refs/heads/x' })).entries[0]
  assert.deepEqual([answer?.mode, answer?.code], ['audit', 'policy_ref_denied'])
})

const rows: [name: string, grants: Grant[], path: string, verb: Verb, sentence: RegExp][] = [
  ['covers', [own], 'app/out/x', 'blob.read', /^The grant a\/out \(abac\) covers it\.$/],
  [
    'gives less',
    [own],
    'app/out/x',
    'blob.write',
    /^The grant a\/out reaches this path but gives only blob\.read, blob\.list\.$/,
  ],
  ['reaches elsewhere', [own], 'x', 'blob.read', /^No grant reaches acmeart\/builds\/x\.$/],
  ['meets a bad path', [own], 'a//b', 'blob.read', /^The path has an empty segment\.$/],
  [
    'reaches elsewhere while another gives less',
    [{ ...own, id: 'no', prefix: 'no/' }, own],
    'app/out/x',
    'blob.write',
    /^The grant a\/out reaches/,
  ],
]
for (const [name, grants, path, verb, sentence] of rows) {
  test(`explain › a grant that ${name} is told as such`, () => {
    assert.match(
      askAll([sampleEntry('a', { grants })], path, verb)?.place?.sentence ?? '',
      sentence,
    )
  })
}

test('explain › a variable without a plain value is told as such', () => {
  const repository = { ...build.repository, uid: '4.2' }
  const entry = sampleEntry('a', { grants: [{ ...own, prefix: '${repository.id}/' }] })
  const [subject] = entry.subjects
  const policy = toPolicy([
    { ...entry, subjects: subject ? [{ ...subject, repositoryId: '4.2' }] : [] },
  ])
  const answer = explain(policy, { ...build, repository }, { place }).entries[0]?.place
  assert.deepEqual(answer, {
    code: 'policy_template_invalid',
    sentence: 'The grant a/out has a variable whose value for this build cannot stand in a path.',
  })
})

test('explain › a grant of another entry with the same application is told as shared', () => {
  const answer = askAll([sampleEntry('a'), sampleEntry('b', { grants: [own] })])?.place
  assert.deepEqual(answer, {
    code: 'covered',
    grant: 'b/out',
    enforcedBy: 'abac',
    sentence:
      'The grant b/out (abac) covers it, because both entries share one application in Azure.',
  })
})

const strangers: [name: string, changes: Partial<PolicyEntry>][] = [
  ['on trial', { mode: 'audit' }],
  ['of another application', { identity: { name: 'o', tenantId: 't', clientId: 'own' } }],
  ['that a gateway enforces', { grants: [{ ...own, enforcedBy: 'gateway' }] }],
]
for (const [name, changes] of strangers) {
  test(`explain › a grant of another entry ${name} covers nothing`, () => {
    const other = sampleEntry('b', { grants: [own], ...changes })
    assert.equal(askAll([sampleEntry('a'), other])?.place?.code, 'policy_path_denied')
  })
}

test('explain › an entry on trial has its own grants', () => {
  const answer = askAll([sampleEntry('a', { mode: 'audit', grants: [own] })])
  assert.match(answer?.sentence ?? '', /on trial: nothing is issued through it\.$/)
  assert.equal(answer?.place?.grant, 'a/out')
})

test('explain › a build is allowed by an enforced entry that covers the place, and by no other', () => {
  const isIt = (changes: Partial<PolicyEntry>) =>
    isAllowed(explain(toPolicy([sampleEntry('a', changes)]), build, { place }))
  assert.deepEqual(
    [isIt({ grants: [own] }), isIt({}), isIt({ grants: [own], mode: 'audit' })],
    [true, false, false],
  )
})
