import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { sampleBuild } from '../ci/build.fixture.ts'
import type { Build } from '../ci/build.ts'
import { Fault } from '../core/fault.ts'
import { trustClasses } from '../identity/trust-class.ts'
import { checkAudience, decide, decideAlone } from './decide.ts'
import { sampleEntry } from './entry.fixture.ts'
import { toPolicy, type PolicyEntry, type PolicySubject } from './schema.ts'

const hello: PolicySubject = {
  instance: 'ci-main',
  repositoryId: '42',
  repository: 'octo/hello',
  events: ['push'],
  refs: ['refs/heads/main'],
}

const entry = (name: string, ...subjects: Partial<PolicySubject>[]): PolicyEntry =>
  sampleEntry(name, {
    subjects: subjects.map((subject) => ({ ...hello, ...subject })),
    audiences: ['api://AzureADTokenExchange', 'sts.amazonaws.com'],
  })

const policyOf = (...entries: PolicyEntry[]) => toPolicy(entries)

const repository = (slug: string, uid: string): Pick<Build, 'repository'> => ({
  repository: { ...sampleBuild().repository, slug, uid },
})

const policy = policyOf(
  entry('publish', {}),
  entry('release', { events: ['tag'], refs: ['refs/tags/v*'] }),
  entry(
    'both',
    {},
    { events: ['tag'], refs: ['refs/tags/v*'] },
    { repository: 'octo/b', repositoryId: '43' },
  ),
  entry('quarantine', { events: ['fork'], refs: ['refs/pull/**'] }),
)

const fork: Partial<Build> = {
  event: 'pull_request',
  ref: 'refs/pull/7/head',
  sourceRepository: 'mallory/hello',
}

test('decision › of a push to main names entry, class and subject', () => {
  assert.deepEqual(decide(policy, sampleBuild(), 'publish'), {
    entry: policy.entries.get('publish'),
    mode: 'enforce',
    trustClass: 'push',
    subject: 'repo:octo/hello@42:ref:refs/heads/main',
  })
})

test('decision › is yes when any one subject of the entry admits the build', () => {
  const admitted: Partial<Build>[] = [
    {},
    { event: 'tag', ref: 'refs/tags/v1' },
    repository('octo/b', '43'),
  ]
  for (const changes of admitted) assert.ok(decide(policy, sampleBuild(changes), 'both'))
})

test('decision › admits a fork only where a quarantine entry names it', () => {
  const { subject, trustClass } = decide(policy, sampleBuild(fork), 'quarantine')
  assert.deepEqual([subject, trustClass], ['repo:octo/hello@42:fork', 'fork'])
})

type Refusal = {
  name: string
  entry?: string
  changes: Partial<Build>
  code: string
  says: RegExp
}

const refusals: Refusal[] = [
  {
    name: 'an entry that is not there',
    entry: 'publsih',
    changes: {},
    code: 'policy_entry_unknown',
    says: /no entry named "publsih"/,
  },
  {
    name: 'an entry named like something every object has',
    entry: 'constructor',
    changes: {},
    code: 'policy_entry_unknown',
    says: /"constructor"/,
  },
  {
    name: 'a repository the entry does not know',
    changes: repository('octo/other', '99'),
    code: 'policy_repository_denied',
    says: /"publish" does not name the repository octo\/other \(id 99\) of instance ci-main\.$/,
  },
  {
    name: 'a renamed repository (same id)',
    changes: repository('octo/renamed', '42'),
    code: 'policy_repository_denied',
    says: /octo\/renamed \(id 42\) of instance ci-main, which it knows as octo\/hello: the repository was renamed before the policy knew\.$/,
  },
  {
    name: 'a repository in other case',
    changes: repository('Octo/Hello', '42'),
    code: 'policy_repository_denied',
    says: /which it knows as octo\/hello/,
  },
  {
    name: 'a reborn repository (same name, other id)',
    changes: repository('octo/hello', '4711'),
    code: 'policy_repository_denied',
    says: /knows octo\/hello with the id 42: is this another repository of the same name\?/,
  },
  {
    name: 'an id that only reads as the same number',
    changes: repository('octo/hello', '042'),
    code: 'policy_repository_denied',
    says: /id 042/,
  },
  {
    name: 'the same repository on another CI instance',
    changes: { instance: 'ci-lab' as Build['instance'] },
    code: 'policy_repository_denied',
    says: /of instance ci-lab/,
  },
  {
    name: 'a tag where only pushes may',
    changes: { event: 'tag', ref: 'refs/tags/v1' },
    code: 'policy_event_denied',
    says: /a tag build of octo\/hello, ref "refs\/tags\/v1"/,
  },
  {
    name: 'a push with params',
    changes: { parameterNames: ['NODE_OPTIONS'] },
    code: 'policy_event_denied',
    says: /a push build whose caller set parameters \(NODE_OPTIONS\)/,
  },
  {
    name: 'a custom build of main',
    changes: { event: 'custom' },
    code: 'policy_event_denied',
    says: /a custom build/,
  },
  {
    name: 'a fork pull request',
    changes: fork,
    code: 'policy_fork_denied',
    says: /fork pull requests, and this build runs code of mallory\/hello/,
  },
  {
    name: 'a pull request of a deleted repository',
    changes: { ...fork, sourceRepository: '' },
    code: 'policy_fork_denied',
    says: /code of a deleted repository/,
  },
  {
    name: 'a promoted fork pull request',
    changes: { ...fork, event: 'promote', deployTo: 'production' },
    code: 'policy_fork_denied',
    says: /mallory/,
  },
  {
    name: 'another branch',
    changes: { ref: 'refs/heads/main-attacker' },
    code: 'policy_ref_denied',
    says: /the ref "refs\/heads\/main-attacker"/,
  },
  {
    name: 'an unknown event',
    changes: { event: 'deployment' },
    code: 'identity_event_unknown',
    says: /"deployment"/,
  },
  {
    name: 'a subject that would be too long',
    entry: 'release',
    changes: { event: 'tag', ref: 'refs/tags/v1', ...repository(`octo/${'x'.repeat(120)}`, '42') },
    code: 'policy_repository_denied',
    says: /renamed/,
  },
]

for (const { name, entry: entryName = 'publish', changes, code, says } of refusals) {
  test(`decision › refuses ${name}`, () => {
    assert.throws(() => decide(policy, sampleBuild(changes), entryName), {
      code,
      status: 403,
      exitCode: 3,
      message: says,
      hint: /[a-z].*\.$/,
    })
  })
}

test('decision › tells the nearest miss when an entry has many subjects', () => {
  const build = sampleBuild({ ref: 'refs/heads/other' })
  assert.throws(() => decide(policy, build, 'both'), { code: 'policy_ref_denied' })
  const custom = sampleBuild({ event: 'custom' })
  assert.throws(() => decide(policy, custom, 'both'), { code: 'policy_event_denied' })
})

test('decision › does not mix one subject with the ref or event of another', () => {
  const build = sampleBuild({ event: 'push', ref: 'refs/heads/v1', ...repository('octo/b', '43') })
  const mixed = entry(
    'mixed',
    {},
    { repository: 'octo/b', repositoryId: '43', events: ['tag'], refs: ['refs/heads/**'] },
  )
  assert.throws(() => decide(policyOf(mixed), build, 'mixed'), { code: 'policy_event_denied' })
})

test('decision › refuses a name that is too long for a subject although the policy admits it', () => {
  const wide = policyOf(entry('wide', { refs: ['refs/heads/**'] }))
  const build = sampleBuild({ ref: `refs/heads/${'x'.repeat(120)}` })
  assert.throws(() => decide(wide, build, 'wide'), { code: 'identity_subject_too_long' })
})

test('decision alone › takes the one entry that admits the build', () => {
  const alone = policyOf(entry('publish', {}), entry('release', { events: ['tag'] }))
  assert.equal(decideAlone(alone, sampleBuild()).entry.name, 'publish')
  assert.equal(decideAlone(policy, sampleBuild(fork)).entry.name, 'quarantine')
})

test('decision alone › refuses when none admits it, and names forks as forks', () => {
  const alone = policyOf(entry('publish', {}))
  const other = sampleBuild(repository('octo/other', '9'))
  assert.throws(() => decideAlone(alone, other), { code: 'policy_repository_denied' })
  assert.throws(() => decideAlone(policyOf(), sampleBuild()), { code: 'policy_repository_denied' })
  assert.throws(() => decideAlone(alone, sampleBuild(fork)), { code: 'policy_fork_denied' })
  const unknown = sampleBuild({ event: 'x' })
  assert.throws(() => decideAlone(alone, unknown), { code: 'identity_event_unknown' })
})

test('decision alone › refuses when many admit it, and names them', () => {
  assert.throws(() => decideAlone(policy, sampleBuild()), {
    code: 'policy_ambiguous',
    message: /publish, both/,
  })
})

test('audience › is allowed letter by letter', () => {
  const publish = entry('publish', {})
  checkAudience(publish, 'sts.amazonaws.com')
  for (const audience of ['STS.amazonaws.com', 'sts.amazonaws.com ', 'sts.amazonaws', '*', '']) {
    assert.throws(() => checkAudience(publish, audience), {
      code: 'policy_audience_denied',
      message: /it allows api:\/\/AzureADTokenExchange, sts\.amazonaws\.com\./,
    })
  }
})

test('decision › property: whatever is admitted has the class, repository and ref of a subject', () => {
  const word = fc.constantFrom('octo/hello', 'octo/b', 'x/y', '42', '43')
  const build = fc
    .record({
      event: fc.constantFrom('push', 'tag', 'pull_request', 'promote', 'cron', 'custom', 'x'),
      ref: fc.constantFrom('refs/heads/main', 'refs/heads/x', 'refs/tags/v1', 'refs/pull/7/head'),
      sourceRepository: fc.constantFrom('', 'octo/hello', 'mallory/hello'),
      parameterNames: fc.constantFrom<string[]>([], ['A']),
      deployTo: fc.constantFrom('', 'production'),
      cron: fc.constantFrom('', 'nightly'),
      slug: word,
      uid: word,
    })
    .map(({ slug, uid, ...rest }) => sampleBuild({ ...rest, ...repository(slug, uid) }))
  const subject = fc.record({
    repository: word,
    repositoryId: word,
    events: fc.subarray([...trustClasses], { minLength: 1 }),
    refs: fc.subarray(['refs/heads/main', 'refs/heads/*', 'refs/**'], { minLength: 1 }),
  })
  fc.assert(
    fc.property(build, fc.array(subject), (one, subjects) => {
      const any = policyOf(entry('any', ...subjects))
      try {
        const { trustClass } = decide(any, one, 'any')
        const isNamed = subjects.some(
          (each) =>
            each.repository === one.repository.slug &&
            each.repositoryId === one.repository.uid &&
            each.events.includes(trustClass),
        )
        assert.ok(isNamed)
      } catch (error) {
        assert.ok(error instanceof Fault, String(error))
      }
    }),
    { numRuns: 3000 },
  )
})
