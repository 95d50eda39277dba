// Which subjects get a credential: exactly those of builds that the entry admits, as identity/subject.ts
// writes them when a token is minted.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { sampleBuild } from '../ci/build.fixture.ts'
import type { Build, InstanceId } from '../ci/build.ts'
import { Fault } from '../core/fault.ts'
import { plainClasses, trustClasses } from '../identity/trust-class.ts'
import { issuerOf } from '../issuer/discovery.ts'
import { decide } from '../policy/decide.ts'
import { sampleEntry } from '../policy/entry.fixture.ts'
import { toPolicy, type PolicyEntry } from '../policy/schema.ts'
import { toDesired } from './desired.ts'
import { issuerUrl } from './policy.fixture.ts'
import { listEntrySubjects } from './subjects.ts'

const refs = [
  'refs/heads/main',
  'refs/heads/Main',
  'refs/heads/release/1',
  'refs/heads/a:b@c*'.replace('*', '%'),
  'refs/tags/v1',
  'refs/pull/1/head',
]
const patterns = ['refs/heads/release/*', 'refs/tags/*', 'refs/pull/*/head', 'refs/**']
const instances = ['main', 'other']

// Every build there can be, as far as class, ref and instance go.
const builds: Build[] = instances.flatMap((instance) =>
  [...plainClasses].flatMap((event) =>
    refs.flatMap((ref) =>
      ['', 'octo/hello', 'mallory/hello'].flatMap((sourceRepository) =>
        ['@hook', 'somebody'].flatMap((trigger) =>
          [[], ['A']].map((parameterNames) =>
            sampleBuild({
              instance: instance as InstanceId,
              event,
              ref,
              sourceRepository,
              trigger,
              parameterNames,
              cron: event === 'cron' ? 'nightly' : '',
              deployTo: event === 'promote' || event === 'rollback' ? 'prod' : '',
            }),
          ),
        ),
      ),
    ),
  ),
)

const entries = fc
  .record({
    subjectForm: fc.constantFrom('repository', 'policy', 'identity'),
    subjects: fc.array(
      fc.record({
        instance: fc.constantFrom(...instances),
        events: fc.uniqueArray(fc.constantFrom(...trustClasses), { minLength: 1, maxLength: 3 }),
        refs: fc.uniqueArray(fc.constantFrom(...refs, ...patterns), { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  } as const)
  .map(({ subjectForm, subjects }): PolicyEntry =>
    sampleEntry('entry', {
      subjectForm,
      subjects: subjects.map((each) => ({
        ...each,
        repository: 'octo/hello',
        repositoryId: '42',
      })),
    }),
  )

function mintedBy(entry: PolicyEntry): Set<string> {
  const policy = toPolicy([entry])
  return new Set(
    builds.flatMap((build) => {
      try {
        const { subject } = decide(policy, build, entry.name)
        return [`${issuerOf(issuerUrl, build.instance)} ${subject}`]
      } catch (error) {
        if (error instanceof Fault) return []
        throw error
      }
    }),
  )
}

test('subjects › with a credential are those of admitted builds, and no others', () => {
  let complete = 0
  fc.assert(
    fc.property(entries, (entry) => {
      const minted = mintedBy(entry)
      const { desired, findings } = toDesired({ policy: toPolicy([entry]), issuerUrl })
      const credentials = desired.identities.flatMap((identity) => identity.credentials)
      const trusted = new Set(credentials.map(({ issuer, subject }) => `${issuer} ${subject}`))
      assert.deepEqual(
        [...trusted].filter((each) => !minted.has(each)),
        [],
      )
      const isOpen = findings.some(({ code }) => code === 'trust_subject_open')
      if (isOpen) return
      complete += 1
      assert.deepEqual(
        [...minted].filter((each) => !trusted.has(each)),
        [],
      )
    }),
    { numRuns: 60 },
  )
  // Otherwise the property would say nothing of the second half.
  assert.ok(complete > 5, String(complete))
})

test('subjects › of an entry with one subject for all are complete, whatever its patterns', () => {
  const entry = sampleEntry('entry', {
    subjectForm: 'policy',
    subjects: instances.map((instance) => ({
      instance,
      repository: 'octo/hello',
      repositoryId: '42',
      events: ['promote'],
      refs: ['refs/**'],
    })),
  })
  const { subjects, findings } = listEntrySubjects(entry, 0)
  assert.deepEqual(findings, [])
  assert.deepEqual(
    subjects.map(({ instance, subject }) => [instance, subject]),
    [
      ['main', 'policy:entry'],
      ['other', 'policy:entry'],
    ],
  )
})

test('subjects › that cannot be written are left out: too long, or not valid text', () => {
  const subject = { instance: 'main', repository: 'octo/hello', repositoryId: '42' }
  const entry = sampleEntry('entry', {
    subjects: [
      {
        ...subject,
        events: ['push'],
        refs: [`refs/heads/${'x'.repeat(120)}`, 'refs/heads/\ud800'],
      },
    ],
  })
  const { subjects, findings } = listEntrySubjects(entry, 3)
  assert.deepEqual(subjects, [])
  assert.deepEqual(
    findings.map(({ code, path }) => [code, path.join('.')]),
    [['trust_subject_long', 'policies.3.subjects.0.refs.0']],
  )
})
