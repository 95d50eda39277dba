// Entries on trial and entries with a subject of their own.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sampleBuild } from '../ci/build.fixture.ts'
import { checkMode, decide, decideAlone } from './decide.ts'
import { sampleEntry } from './entry.fixture.ts'
import { toPolicy, type PolicyEntry } from './schema.ts'

const hello = sampleEntry('x').subjects.map((each) => ({ ...each, refs: ['refs/heads/**'] }))
const entry = (name: string, changes: Partial<PolicyEntry> = {}): PolicyEntry =>
  sampleEntry(name, { subjects: hello, ...changes })

const audit = { mode: 'audit' as const }

test('trial › an entry on trial decides as any other, and says that it is on trial', () => {
  const policy = toPolicy([entry('trial', audit)])
  const admission = decide(policy, sampleBuild(), 'trial')
  assert.equal(admission.mode, 'audit')
  assert.equal(admission.subject, 'repo:octo/hello@42:ref:refs/heads/main')
  assert.throws(() => checkMode(admission), {
    code: 'policy_audit_only',
    status: 403,
    exitCode: 3,
    message: /"trial" is on trial.*repo:octo\/hello@42:ref:refs\/heads\/main/,
  })
  assert.throws(() => decide(policy, sampleBuild({ event: 'custom' }), 'trial'), {
    code: 'policy_event_denied',
  })
})

test('trial › an enforced entry passes the check of the mode', () => {
  checkMode(decide(toPolicy([entry('real')]), sampleBuild(), 'real'))
})

test('trial › an entry on trial never disturbs the one that is enforced', () => {
  const policy = toPolicy([entry('one', audit), entry('real'), entry('two', audit)])
  assert.equal(decideAlone(policy, sampleBuild()).entry.name, 'real')
})

test('trial › alone, an entry on trial is the answer where nothing is enforced; two are ambiguous', () => {
  assert.equal(decideAlone(toPolicy([entry('one', audit)]), sampleBuild()).mode, 'audit')
  const two = toPolicy([entry('one', audit), entry('two', audit)])
  assert.throws(() => decideAlone(two, sampleBuild()), { code: 'policy_ambiguous' })
})

test('subject form › policy and identity give one subject for every branch', () => {
  const policy = toPolicy([
    entry('publish', { subjectForm: 'policy' }),
    entry('shared', { subjectForm: 'identity' }),
  ])
  for (const ref of ['refs/heads/main', 'refs/heads/x', `refs/heads/${'y'.repeat(300)}`]) {
    const build = sampleBuild({ ref })
    assert.equal(decide(policy, build, 'publish').subject, 'policy:publish')
    assert.equal(decide(policy, build, 'shared').subject, 'identity:artifacts')
  }
})

test('subject form › a build outside the class of the entry never gets its subject', () => {
  const policy = toPolicy([entry('publish', { subjectForm: 'policy' })])
  const others = [
    { event: 'custom' },
    { parameterNames: ['A'] },
    { event: 'tag', ref: 'refs/tags/v1' },
    { event: 'pull_request', ref: 'refs/heads/main', sourceRepository: 'octo/hello' },
    { event: 'pull_request', ref: 'refs/heads/main', sourceRepository: 'mallory/hello' },
    { sourceRepository: 'mallory/hello' },
  ]
  for (const changes of others) {
    assert.throws(() => decide(policy, sampleBuild(changes), 'publish'), { status: 403 })
  }
})

test('decision › names the entry that was probably meant', () => {
  assert.throws(() => decide(toPolicy([entry('publish')]), sampleBuild(), 'publsih'), {
    code: 'policy_entry_unknown',
    message: /no entry named "publsih"; did you mean "publish"\?/,
  })
})

test('decision › does not trust an index that was made of other entries', () => {
  const policy = toPolicy([entry('publish')])
  const changed = { ...policy, entries: new Map([['other', entry('other')]]) }
  assert.equal(decideAlone(changed, sampleBuild()).entry.name, 'other')
  assert.throws(() => decide(changed, sampleBuild(), 'publish'), { code: 'policy_entry_unknown' })
})
