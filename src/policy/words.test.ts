// A build in few words: what each word becomes, and what is taken where it is left out.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { toBuild, wordsSchema, type BuildWords } from './words.ts'

const few: BuildWords = {
  instance: 'main',
  repository: 'octo/hello',
  repository_id: '42',
  event: 'push',
}

test('words › become a build of an ordinary private repository', () => {
  assert.deepEqual(toBuild(few), {
    instance: 'main',
    scm: 'github',
    repository: {
      uid: '42',
      slug: 'octo/hello',
      defaultBranch: 'main',
      visibility: 'private',
      isTrusted: false,
      isProtected: false,
      timeoutMinutes: 60,
    },
    id: 1,
    number: 1,
    parent: 0,
    event: 'push',
    action: '',
    status: 'running',
    ref: 'refs/heads/main',
    sha: '0'.repeat(40),
    sourceRepository: '',
    sourceBranch: '',
    targetBranch: '',
    sender: '',
    trigger: '@hook',
    cron: '',
    deployTo: '',
    parameterNames: [],
    version: 1,
    stages: [],
  })
})

test('words › that are given are taken as they are', () => {
  const build = toBuild({
    ...few,
    ref: 'refs/heads/x',
    source: 'mallory/hello',
    scm: 'gitea',
    trigger: 'jane',
    parent: 6,
    cron: 'nightly',
    target: 'production',
    params: ['A'],
    number: 7,
  })
  assert.deepEqual(
    [
      build.ref,
      build.sourceRepository,
      build.scm,
      build.trigger,
      build.parent,
      build.cron,
      build.deployTo,
      build.parameterNames,
      build.number,
    ],
    ['refs/heads/x', 'mallory/hello', 'gitea', 'jane', 6, 'nightly', 'production', ['A'], 7],
  )
})

const events: [event: string, ref: string, source: string, trigger: string][] = [
  ['push', 'refs/heads/main', '', '@hook'],
  ['tag', 'refs/heads/main', '', '@hook'],
  ['pull_request', 'refs/pull/1/head', 'octo/hello', '@hook'],
  ['cron', 'refs/heads/main', '', '@cron'],
  ['promote', 'refs/heads/main', '', 'somebody'],
  ['custom', 'refs/heads/main', '', 'somebody'],
]
for (const [event, ref, source, trigger] of events) {
  test(`words › a build by ${event} is of ${ref} and started by ${trigger}`, () => {
    const build = toBuild({ ...few, event })
    assert.deepEqual([build.ref, build.sourceRepository, build.trigger], [ref, source, trigger])
  })
}

const forms: [name: string, words: Record<string, unknown>, isRead: boolean][] = [
  ['the fewest', {}, true],
  ['a parent of 0', { parent: 0 }, true],
  ['a parent of 9', { parent: 9 }, true],
  ['a parent below 0', { parent: -1 }, false],
  ['the number 1', { number: 1 }, true],
  ['the number 9', { number: 9 }, true],
  ['the number 0', { number: 0 }, false],
  ['an empty instance', { instance: '' }, false],
  ['an empty repository', { repository: '' }, false],
  ['an empty id', { repository_id: '' }, false],
  ['an empty event', { event: '' }, false],
  ['a word nobody knows', { evnet: 'push' }, false],
]
for (const [name, words, isRead] of forms) {
  test(`words › with ${name} are ${isRead ? 'read' : 'refused'}`, () => {
    assert.equal(wordsSchema.safeParse({ ...few, ...words }).success, isRead)
  })
}

test('words › an id that is a number is refused with the way to write it', () => {
  const { error } = wordsSchema.safeParse({ ...few, repository_id: 42 })
  assert.match(String(error?.message), /SCM id in quotes/)
})
