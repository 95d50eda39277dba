import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sampleBuild } from './build.fixture.ts'
import { contradictions, isLive, type Build } from './build.ts'

const one = sampleBuild()

for (const status of ['pending', 'running', 'blocked', 'waiting_on_dependencies']) {
  test(`build › that is ${status} may still run steps`, () => assert.equal(isLive(status), true))
}

for (const status of [
  'success',
  'failure',
  'killed',
  'error',
  'skipped',
  'declined',
  '',
  'RUNNING',
]) {
  test(`build › of status "${status}" has ended`, () => assert.equal(isLive(status), false))
}

const differences: { name: string; other: Build; found: string[] }[] = [
  { name: 'nothing', other: sampleBuild(), found: [] },
  { name: 'id', other: sampleBuild({ id: 1002 }), found: ['id'] },
  { name: 'number', other: sampleBuild({ number: 8 }), found: ['number'] },
  { name: 'parent', other: sampleBuild({ parent: 6 }), found: ['parent'] },
  { name: 'event', other: sampleBuild({ event: 'tag' }), found: ['event'] },
  { name: 'ref', other: sampleBuild({ ref: 'refs/heads/Main' }), found: ['ref'] },
  { name: 'sha', other: sampleBuild({ sha: '' }), found: ['sha'] },
  {
    name: 'source repository',
    other: sampleBuild({ sourceRepository: 'octo/hello' }),
    found: ['sourceRepository'],
  },
  { name: 'word on forks', other: sampleBuild({ isFork: true }), found: ['isFork'] },
  { name: 'trigger', other: sampleBuild({ trigger: 'mallory' }), found: ['trigger'] },
  { name: 'cron', other: sampleBuild({ cron: 'nightly' }), found: ['cron'] },
  { name: 'deployment target', other: sampleBuild({ deployTo: 'prod' }), found: ['deployTo'] },
  {
    name: 'repository id',
    other: sampleBuild({ repository: { ...one.repository, uid: '43' } }),
    found: ['repository id'],
  },
  {
    name: 'repository name',
    other: sampleBuild({ repository: { ...one.repository, slug: 'Octo/hello' } }),
    found: ['repository'],
  },
  {
    name: 'instance',
    other: sampleBuild({ instance: 'other' as Build['instance'] }),
    found: ['instance'],
  },
  { name: 'parameters', other: sampleBuild({ parameterNames: ['A'] }), found: ['params'] },
  {
    name: 'several',
    other: sampleBuild({ id: 1, ref: '', parameterNames: ['A'] }),
    found: ['id', 'ref', 'params'],
  },
]

for (const { name, other, found } of differences) {
  test(`build › two witnesses disagree on: ${name}`, () => {
    assert.deepEqual(contradictions(one, other), found)
    assert.deepEqual(contradictions(other, one), found)
  })
}

test('build › what changes while it runs is no contradiction', () => {
  const later = sampleBuild({ status: 'running', version: 9, stages: [] })
  assert.deepEqual(contradictions(sampleBuild({ status: 'pending' }), later), [])
})

test('build › parameters are compared as a set, and names cannot run together', () => {
  const having = (parameterNames: string[]) => sampleBuild({ parameterNames })
  assert.deepEqual(contradictions(having(['A', 'B']), having(['B', 'A'])), [])
  assert.deepEqual(contradictions(having(['A\nB']), having(['A', 'B'])), ['params'])
  assert.deepEqual(contradictions(having(['']), having([])), ['params'])
})
