// Every event × source × ref × trigger × parameters × SCM that matters, to its one class and subject.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sampleBuild } from '../ci/build.fixture.ts'
import { toSubject } from './subject.ts'
import { none, trustCases } from './trust-cases.fixture.ts'
import { classify, trustClasses } from './trust-class.ts'

test('trust class › is tried on at least 60 rows, each with a title of its own', () => {
  assert.ok(trustCases.length >= 60)
  assert.equal(new Set(trustCases.map(([title]) => title)).size, trustCases.length)
})

for (const [title, changes, verdict] of trustCases) {
  test(`trust class › of ${title} is ${verdict}`, () => {
    const build = sampleBuild(changes)
    const trustClass = classify(build)
    const [expectedClass, tail = expectedClass] = verdict.split(' | ')
    if (verdict === none) return assert.equal(trustClass, undefined)
    assert.equal(trustClass, expectedClass)
    assert.ok(trustClass && trustClasses.includes(trustClass))
    assert.equal(toSubject(build, trustClass), `repo:octo/hello@42:${tail}`)
  })
}

test('trust class › folds the case of ASCII letters only: a Kelvin sign is no k', () => {
  const repository = { ...sampleBuild().repository, slug: 'octo/kilo' }
  // U+212A KELVIN SIGN is "k" in lower case.
  const build = sampleBuild({
    event: 'pull_request',
    ref: 'refs/pull/7/head',
    repository,
    sourceRepository: 'octo/\u212ailo',
  })
  assert.equal(classify(build), 'fork')
})

const oddly: [name: string, changes: Parameters<typeof sampleBuild>[0]][] = [
  ['of a deleted repository', { sourceRepository: '' }],
  ['at GitLab', { scm: 'gitlab', sourceRepository: 'octo/hello' }],
]
for (const [name, changes] of oddly) {
  test(`trust class › of a pull request ${name} is fork, whatever its ref`, () => {
    const build = sampleBuild({ event: 'pull_request', ref: 'refs/heads/main', ...changes })
    assert.equal(classify(build), 'fork')
  })
}
