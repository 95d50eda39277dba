// Refusals at their edges: which field is named, and in what words.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as z from 'zod'

import { sampleBuild } from '../ci/build.fixture.ts'
import type { Build, InstanceId } from '../ci/build.ts'
import { Fault } from '../core/fault.ts'
import { decide, decideAlone, refusalOf } from './decide.ts'
import { sampleEntry } from './entry.fixture.ts'
import { checkForm } from './form.ts'
import { compileGlob, coversGlob, matchesGlob } from './glob.ts'
import { explainBadPrefix } from './grant.ts'
import { toPolicy, type PolicySubject } from './schema.ts'

const [hello] = sampleEntry('a').subjects as [PolicySubject]
const build = sampleBuild({})

const fields: [name: string, subject: Partial<PolicySubject>, code?: string][] = [
  ['nothing', {}],
  ['the instance', { instance: 'ci-two' }, 'policy_repository_denied'],
  ['the id', { repositoryId: '43' }, 'policy_repository_denied'],
  ['the slug', { repository: 'octo/other' }, 'policy_repository_denied'],
  ['the event', { events: ['tag'] }, 'policy_event_denied'],
]
for (const [name, changes, code] of fields) {
  test(`decision › a subject that differs in ${name} says ${code ?? 'yes'}`, () => {
    const subject = { ...hello, ...changes }
    const candidate = { entry: sampleEntry('a'), subject, matchesRef: () => true }
    assert.equal(refusalOf(candidate, build, 'push'), code)
    assert.equal(
      refusalOf({ ...candidate, matchesRef: () => false }, build, 'push'),
      code ?? 'policy_ref_denied',
    )
  })
}

const repositoryOf = (changes: Partial<Build['repository']>) =>
  sampleBuild({ repository: { ...build.repository, ...changes } })
const sentences: [name: string, build: Build, says: RegExp][] = [
  [
    'another repository',
    repositoryOf({ uid: '7', slug: 'octo/x' }),
    /does not name the repository octo\/x \(id 7\) of instance ci-main\.$/,
  ],
  [
    'a renamed repository',
    repositoryOf({ slug: 'octo/x' }),
    /, which it knows as octo\/hello: the repository was renamed before the policy knew\.$/,
  ],
  [
    'a repository of the same name',
    repositoryOf({ uid: '7' }),
    /The entry knows octo\/hello with the id 42: is this another repository of the same name\?$/,
  ],
  [
    'another ref',
    sampleBuild({ ref: 'refs/heads/x' }),
    /does not admit the ref "refs\/heads\/x"\.$/,
  ],
  [
    'another class',
    sampleBuild({ event: 'tag', ref: 'refs/tags/v1' }),
    /does not admit a tag build of octo\/hello, ref "refs\/tags\/v1"\.$/,
  ],
  [
    'parameters',
    sampleBuild({ parameterNames: ['A', 'B'] }),
    /a push build whose caller set parameters \(A, B\) of octo\/hello/,
  ],
  [
    'a fork',
    sampleBuild({ event: 'pull_request', ref: 'refs/pull/1/head', sourceRepository: 'mallory/x' }),
    /fork pull requests, and this build runs code of mallory\/x\.$/,
  ],
  [
    'a fork that is gone',
    sampleBuild({ event: 'pull_request', ref: 'refs/pull/1/head', sourceRepository: '' }),
    /fork pull requests, and this build runs code of a deleted repository\.$/,
  ],
  ['an unknown event', sampleBuild({ event: 'x' }), /The event "x" is not one we know\.$/],
]
for (const [name, asked, says] of sentences) {
  test(`decision › tells of ${name} in its own words`, () => {
    assert.throws(() => decide(toPolicy([sampleEntry('a')]), asked, 'a'), { message: says })
  })
}

test('decision › a fork refused by its ref is told by its ref', () => {
  const subjects = [{ ...hello, events: ['fork' as const] }]
  const fork = sampleBuild({
    event: 'pull_request',
    ref: 'refs/pull/1/head',
    sourceRepository: 'm/x',
  })
  const policy = toPolicy([sampleEntry('a', { subjects })])
  assert.throws(() => decide(policy, fork, 'a'), { code: 'policy_ref_denied' })
  assert.throws(() => decideAlone(policy, fork), {
    code: 'policy_fork_denied',
    message: /^No policy entry admits a fork pull request of octo\/hello, ref/,
  })
})

test('decision › suggests a name among 500 entries and none among more', () => {
  const policyOf = (count: number) =>
    toPolicy(Array.from({ length: count }, (_, index) => sampleEntry(`entry-${index}`)))
  const ask = (count: number) => () => decide(policyOf(count), build, 'entry-00')
  assert.throws(ask(500), { message: /no entry named "entry-00"; did you mean "entry-/ })
  assert.throws(ask(501), { message: 'The policy has no entry named "entry-00".' })
})

test('decision › an instance is part of who a repository is', () => {
  const other = sampleBuild({ instance: 'ci-two' as InstanceId })
  assert.throws(() => decide(toPolicy([sampleEntry('a')]), other, 'a'), {
    code: 'policy_repository_denied',
  })
})

const schema = z.strictObject({
  kind: z.enum(['one', 'two']),
  only: z.literal('x').optional(),
  count: z.number({ error: 'must be a number' }),
  plain: z.boolean(),
  map: z.record(z.string().regex(/^k/, 'must begin with k'), z.number()).optional(),
})
const good = { kind: 'one', count: 1, plain: true }
const forms: [name: string, data: unknown, path: string, says: string][] = [
  ['an unknown key', { ...good, plan: 1 }, 'plan', 'unknown key; did you mean "plain"?'],
  [
    'a value of none',
    { ...good, kind: 'tow' },
    'kind',
    '"tow" is none of one, two; did you mean "two"?',
  ],
  [
    'a value that is no text',
    { ...good, kind: 1 },
    'kind',
    'Invalid option: expected one of "one"|"two"',
  ],
  ['a value where one is possible', { ...good, only: 'y' }, 'only', 'Invalid input: expected "x"'],
  [
    'a missing value with its own words',
    { kind: 'one', plain: true },
    'count',
    'is missing; must be a number',
  ],
  ['a missing value', { kind: 'one', count: 1 }, 'plain', 'is missing'],
  ['a value of another type', { ...good, count: 'x' }, 'count', 'must be a number'],
  ['a bad key', { ...good, map: { a: 1 } }, 'map.a', 'must begin with k'],
]
for (const [name, data, path, says] of forms) {
  test(`form › of ${name} says so where it stands`, () => {
    const checked = checkForm(schema, data, () => Object.keys(schema.shape))
    const [first] = checked.problems
    assert.equal(checked.problems.length, 1)
    assert.equal(first?.path.map(String).join('.'), path)
    assert.equal(first?.message, says)
    assert.equal(first?.on, /key/.test(name) ? 'key' : undefined)
  })
}

test('form › of good data gives the data', () => {
  assert.deepEqual(
    checkForm(schema, good, () => []),
    { value: good, problems: [] },
  )
})

const globs: [pattern: string, text: string, matches: boolean][] = [
  ['a*', 'a', true],
  ['a*b', 'ab', true],
  ['a*ba', 'aba', true],
  ['ab*ba', 'aba', false],
  ['a*b', 'a/b', false],
  ['a/*', 'a/b/c', false],
  ['a/**', 'a/b/c', true],
  ['a/**', 'a/', true],
  ['a/**', 'a', false],
  ['a**', 'ab', true],
  ['a**', 'a/b', false],
  ['/a**', '/a/b', false],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'abbc', true],
  ['a*bb*c', 'abc', false],
  ['a*bc*c', 'abc', false],
  ['a*b*b*c', 'abc', false],
  ['a*b*b*c', 'abbc', true],
  ['a*xy*yz', 'axyz', false],
  ['a*xy*xy*z', 'axyz', false],
  ['**/a', 'a', false],
  ['**/a', 'b/a', true],
  ['**/a/**', 'x/a/a', true],
  ['a/**/b', 'a/b', false],
  ['a/**/b', 'a/x/y/b', true],
  ['a/**/b/**', 'a/x/b', false],
]
for (const [pattern, text, matches] of globs) {
  test(`glob › ${pattern} ${matches ? 'matches' : 'does not match'} ${text}, compiled or not`, () => {
    assert.deepEqual([matchesGlob(pattern, text), compileGlob(pattern)(text)], [matches, matches])
  })
}

test('glob › one that spans more covers one that spans less, and not the other way', () => {
  assert.deepEqual(
    [coversGlob('a/**', 'a/*'), coversGlob('a/*', 'a/**'), coversGlob('a/**', 'a/**')],
    [true, false, true],
  )
})

test('prefix › of 900 signs is one, and of more or of broken text is none', () => {
  assert.equal(explainBadPrefix(`${'x'.repeat(899)}/`), undefined)
  assert.equal(explainBadPrefix(`${'x'.repeat(900)}/`), 'is longer than 900 signs')
  assert.equal(explainBadPrefix('\ud83d/'), 'is not valid Unicode text')
  assert.match(
    explainBadPrefix('$x/') ?? '',
    /segment \$\{build\.number\} and \$\{repository\.id\}$/,
  )
})

test('refusal › names the command after a rename, and no name that a shell would read', () => {
  const hintOf = (slug: string) => {
    try {
      decide(toPolicy([sampleEntry('a')]), repositoryOf({ slug }), 'a')
    } catch (error) {
      return error instanceof Fault ? error.hint : ''
    }
    return ''
  }
  assert.match(
    hintOf('octo/renamed'),
    /`azure-storage-drone trust rotate --rename octo\/hello=octo\/renamed`/,
  )
  for (const odd of ['octo/`id`', 'octo/a b', 'octo/$(id)', '-x/y', 'octo/a;b', 'octo/*']) {
    assert.match(hintOf(odd), /--rename OLD=NEW`/, odd)
  }
})
