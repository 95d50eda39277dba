import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { sampleBuild } from '../ci/build.fixture.ts'
import type { Build } from '../ci/build.ts'
import {
  formatSubject,
  parseSubject,
  toNamedSubject,
  toSubject,
  type RepositoryFacts,
  type SubjectFacts,
} from './subject.ts'
import { classify, trustClasses } from './trust-class.ts'

// Text as an attacker would choose it: our own separators and words, percent signs, any Unicode.
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc
    .array(
      fc.constantFrom(
        ...':|@|%|/|*|?|#|\n|\0| |é|💥|\u2028'.split('|'),
        ...'repo: %3A % ref refs/heads/main octo/hello 42 a A'.split(' '),
      ),
    )
    .map((parts) => parts.join(''))
    .filter((text) => text.isWellFormed()),
)
const nonEmpty = hostile.filter((text) => text !== '')
const kind = fc.stringMatching(/^[a-z_]+$/)
const named = fc.constantFrom('policy' as const, 'identity' as const)
const facts: fc.Arbitrary<SubjectFacts> = fc.oneof(
  fc.record({ slug: nonEmpty, uid: nonEmpty, kind, value: hostile }, { noNullPrototype: true }),
  fc.record({ named, name: nonEmpty }, { noNullPrototype: true }),
)

/** What a subject of one repository says; undefined for any other text. */
function parseRepository(subject: string): RepositoryFacts | undefined {
  const read = parseSubject(subject)
  return read && 'slug' in read ? read : undefined
}

test('subject › property: reads back to the facts it was written from', () => {
  fc.assert(
    fc.property(facts, (written) => {
      assert.deepEqual(parseSubject(formatSubject(written)), written)
    }),
    { numRuns: 1000 },
  )
})

test('subject › property: two different sets of facts never share one', () => {
  fc.assert(
    fc.property(facts, facts, (one, other) => {
      const isSame = JSON.stringify(Object.values(one)) === JSON.stringify(Object.values(other))
      assert.equal(formatSubject(one) === formatSubject(other), isSame)
    }),
    { numRuns: 1000 },
  )
})

test('subject › property: is printable ASCII with exactly our separators', () => {
  fc.assert(
    fc.property(facts, (written) => {
      const form = /^(repo:[\w.%/-]+@[\w.%/-]+:[a-z_]+(:[\w.%/-]+)?|(policy|identity):[\w.%/-]+)$/
      assert.match(formatSubject(written), form)
    }),
  )
})

test('subject › property: any text is one of ours in its one spelling, or nothing', () => {
  fc.assert(
    fc.property(fc.constantFrom('repo', 'policy', 'identity'), hostile, (first, text) => {
      const read = parseSubject(`${first}:${text}`)
      if (read) assert.equal(formatSubject(read), `${first}:${text}`)
    }),
  )
})

const anyBuild: fc.Arbitrary<Build> = fc
  .record({
    event: fc.constantFrom(...'push tag pull_request promote rollback cron custom x'.split(' ')),
    ref: fc.oneof(
      hostile,
      fc.constantFrom('refs/heads/main', 'refs/tags/v1', 'refs/pull/7/head', 'refs/heads/ref:x'),
    ),
    sourceRepository: fc.constantFrom('', 'octo/hello', 'OCTO/HELLO', 'mallory/hello'),
    trigger: fc.constantFrom('@hook', '@cron', 'octocat', ''),
    parent: fc.constantFrom(0, 6),
    scm: fc.constantFrom('github' as const, 'gitlab' as const),
    parameterNames: fc.array(hostile, { maxLength: 2 }),
    cron: hostile,
    deployTo: fc.oneof(hostile, fc.constantFrom('prod:ref:refs/heads/main', ':ref:', '')),
    sourceBranch: hostile,
    targetBranch: hostile,
    sender: hostile,
  })
  .map((changes) => sampleBuild(changes))

test('subject › property: only a push from the hook, with no parameters, is called by its ref', () => {
  fc.assert(
    fc.property(anyBuild, (build) => {
      const subject = subjectOf(build)
      if (!subject?.includes(':ref:')) return
      assert.equal(classify(build), 'push')
      assert.equal(build.event, 'push')
      assert.deepEqual(build.parameterNames, [])
      assert.notEqual(build.sourceRepository, 'mallory/hello')
      assert.ok(build.trigger.startsWith('@') || build.parent > 0)
      assert.equal(parseRepository(subject)?.value, build.ref)
    }),
    { numRuns: 5000 },
  )
})

test('subject › property: classes never meet: the kind in the subject tells the class', () => {
  const kinds = { push: 'ref', promote: 'environment' } as Record<string, string>
  fc.assert(
    fc.property(anyBuild, (build) => {
      const subject = subjectOf(build)
      const trustClass = classify(build)
      if (subject === undefined || trustClass === undefined) return
      const read = parseRepository(subject)
      assert.deepEqual([read?.slug, read?.uid], ['octo/hello', '42'])
      if (trustClass.startsWith('params:')) {
        assert.equal(`${read?.kind}:${read?.value}`, trustClass)
      } else {
        assert.equal(read?.kind, kinds[trustClass] ?? trustClass)
      }
    }),
    { numRuns: 5000 },
  )
})

test('subject › exists for every class, and each has another', () => {
  const build = sampleBuild({ cron: 'x', deployTo: 'x', ref: 'x' })
  const subjects = trustClasses.map((trustClass) => toSubject(build, trustClass))
  assert.equal(new Set(subjects).size, trustClasses.length)
})

const main = 'repo:octo/hello@42:ref:refs/heads/main'

const imitations: { name: string; changes: Partial<Build> }[] = [
  { name: 'a target with a colon', changes: target('x:ref:refs/heads/main') },
  { name: 'a target already encoded', changes: target('x%3Aref%3Arefs/heads/main') },
  { name: 'a target with a newline', changes: target('x\nrepo:octo/hello@42:ref:refs/heads/main') },
  { name: 'a target with NUL', changes: target('\0:ref:refs/heads/main') },
  { name: 'a target with a full-width colon', changes: target('x：ref：refs/heads/main') },
  { name: 'a target that is a whole subject', changes: target(main) },
  {
    name: 'a slug with a subject in it',
    changes: repository(`octo/hello@42:ref:refs/heads/main`, '1'),
  },
  { name: 'a slug with an at sign', changes: repository('octo/hello@42', '1') },
  {
    name: 'a uid with a subject in it',
    changes: repository('octo/hello', '42:ref:refs/heads/main'),
  },
  { name: 'a uid in full-width digits', changes: repository('octo/hello', '４２') },
  { name: 'a slug with an encoded slash', changes: repository('octo%2Fhello', '42') },
  { name: 'a slug with a combining letter', changes: repository('octo/he\u0301llo', '42') },
  { name: 'a ref with an encoded slash', changes: { ref: 'refs%2Fheads%2Fmain' } },
  { name: 'a ref in other case', changes: { ref: 'refs/heads/Main' } },
  { name: 'a ref with a blank after it', changes: { ref: 'refs/heads/main ' } },
  { name: 'a custom build of main', changes: { event: 'custom' } },
  { name: 'a push of main with params', changes: { parameterNames: ['A'] } },
]

test('subject › of a push to main is the one to imitate', () => {
  assert.equal(subjectOf(sampleBuild()), main)
})

for (const { name, changes } of imitations) {
  test(`subject › is not that of a push to main for ${name}`, () => {
    const subject = subjectOf(sampleBuild(changes))
    assert.ok(subject)
    assert.notEqual(subject, main)
    // Entra's flexible matching and other clouds' prefixes read up to a separator of ours.
    assert.ok(!subject.startsWith(`${main}:`) && !`${subject}:`.startsWith(`${main}:`))
    assert.equal(subject.split(':').length, parseRepository(subject)?.value ? 4 : 3)
  })
}

test('subject › keeps composed and decomposed letters apart', () => {
  const [one, other] = ['é', 'e\u0301'].map((cron) =>
    subjectOf(sampleBuild({ event: 'cron', cron })),
  )
  assert.equal(one, 'repo:octo/hello@42:cron:%C3%A9')
  assert.equal(other, 'repo:octo/hello@42:cron:e%CC%81')
})

const room = 127 - 'repo:octo/hello@42:ref:'.length

const lengths: { name: string; ref: string; fits: boolean }[] = [
  { name: '127 bytes', ref: 'x'.repeat(room), fits: true },
  { name: '128 bytes', ref: 'x'.repeat(room + 1), fits: false },
  { name: '127 bytes once encoded', ref: `${'x'.repeat(room - 3)}:`, fits: true },
  { name: '128 bytes once encoded', ref: `${'x'.repeat(room - 2)}:`, fits: false },
  { name: 'few letters of four bytes each', ref: '💥'.repeat(9), fits: false },
]

for (const { name, ref, fits } of lengths) {
  test(`subject › of ${name} is ${fits ? 'whole' : 'refused, never cut'}`, () => {
    const build = sampleBuild({ ref })
    if (fits) assert.equal(toSubject(build, 'push').length, 127)
    else {
      const expected = { code: 'identity_subject_too_long', status: 403, message: /127/ }
      assert.throws(() => toSubject(build, 'push'), expected)
    }
  })
}

const broken: { name: string; changes: Partial<Build> }[] = [
  { name: 'in the ref', changes: { ref: 'refs/heads/\ud83d' } },
  { name: 'of the second half', changes: { ref: 'refs/heads/\ude00x' } },
  { name: 'in the slug', changes: repository('octo/\ud83d', '42') },
  { name: 'in the uid', changes: repository('octo/hello', '\ude00') },
  { name: 'split over slug and uid', changes: repository('octo/\ud83d', '\ude00') },
]

for (const { name, changes } of broken) {
  test(`subject › with a lone surrogate ${name} is refused`, () => {
    assert.throws(() => toSubject(sampleBuild(changes), 'push'), { code: 'identity_name_invalid' })
  })
}

for (const text of [
  '',
  'repo:',
  'repo:octo/hello:ref:refs/heads/main',
  'repo:octo/hello@42',
  'repo:octo/hello@42:',
  'repo:octo/hello@42:ref:',
  'repo:octo/hello@42:ref:a:b',
  'repo:octo/hello@42@43:tag',
  'repo:octo/hello@42:REF:x',
  'repo:octo/h%65llo@42:tag',
  'repo:octo/hello@42:ref:%3a',
  'repo:octo/hello@42:ref:%',
  'repo:octo/hello@42:ref:%FF',
  'repo:octo/hello@42:ref:é',
  ' repo:octo/hello@42:tag',
  'repo:octo/hello@42:tag\n',
  'system:serviceaccount:x:y',
  'policy:',
  'policy:a:b',
  'xpolicy:a',
  'policy:%',
  'repo:%@42:tag',
  'repo:octo/hello@%:tag',
  'xrepo:octo/hello@42:tag',
  'policy:a@b',
  'policy:%61',
  'policy:%3a',
  'identity:a\n',
  'Identity:a',
  'entry:a',
]) {
  test(`subject › ${JSON.stringify(text)} is none of ours`, () => {
    assert.equal(parseSubject(text), undefined)
  })
}

test('subject › of a policy entry or identity is its name, whatever the build is called', () => {
  const build = sampleBuild({ ref: `refs/heads/${'x'.repeat(200)}` })
  assert.equal(toNamedSubject(build, 'policy', 'publish'), 'policy:publish')
  assert.equal(toNamedSubject(build, 'identity', 'artifacts'), 'identity:artifacts')
  assert.deepEqual(parseSubject('policy:publish'), { named: 'policy', name: 'publish' })
})

test('subject › of a policy entry is refused for a build whose names are not valid Unicode', () => {
  for (const { changes } of broken) {
    const build = sampleBuild(changes)
    const expected = { code: 'identity_name_invalid' }
    assert.throws(() => toNamedSubject(build, 'policy', 'publish'), expected)
  }
})

function target(deployTo: string): Partial<Build> {
  return { event: 'promote', deployTo }
}

function repository(slug: string, uid: string): Partial<Build> {
  return { repository: { ...sampleBuild().repository, slug, uid } }
}

/** The subject a build would get; undefined when it gets none. */
function subjectOf(build: Build): string | undefined {
  const trustClass = classify(build)
  if (trustClass === undefined) return undefined
  try {
    return toSubject(build, trustClass)
  } catch (error) {
    assert.match((error as { code: string }).code, /^identity_/)
    return undefined
  }
}
