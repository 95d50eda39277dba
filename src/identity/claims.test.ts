import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { sampleBuild } from '../ci/build.fixture.ts'
import { toClaims } from './claims.ts'

test("claims › say what is known of a push, in GitHub's words and Drone's", () => {
  assert.deepEqual(toClaims(sampleBuild(), 'push', 'webhook'), {
    instance: 'ci-main',
    repository: 'octo/hello',
    repository_id: '42',
    repository_owner: 'octo',
    repository_visibility: 'private',
    repository_protected: 'false',
    repository_trusted: 'false',
    trust_class: 'push',
    event_name: 'push',
    ref: 'refs/heads/main',
    ref_type: 'branch',
    sha: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
    is_fork: 'false',
    has_params: 'false',
    actor: 'octocat',
    trigger: '@hook',
    run_id: '1001',
    run_number: '7',
    runner_name: 'docker-1',
    runner_type: 'docker',
    verified_by: 'webhook',
  })
})

test('claims › of a pull request name its branches, and a fork is called one', () => {
  const build = sampleBuild({
    event: 'pull_request',
    action: 'opened',
    ref: 'refs/pull/7/head',
    sourceRepository: 'mallory/hello',
    sourceBranch: 'patch-1',
    parent: 6,
    parameterNames: ['A'],
  })
  const claims = toClaims(build, 'fork', 'api')
  assert.equal(claims['head_ref'], 'patch-1')
  assert.equal(claims['base_ref'], 'main')
  assert.equal(claims['is_fork'], 'true')
  assert.equal(claims['has_params'], 'true')
  assert.equal(claims['ref_type'], 'pull')
  assert.equal(claims['run_parent'], '6')
  assert.equal(claims['source_repository'], 'mallory/hello')
  assert.equal(claims['verified_by'], 'api')
})

test('claims › name the machine of the stage that runs, not of one that is over', () => {
  const stage = (status: string, machine: string) => ({
    number: 1,
    name: 's',
    type: 'docker',
    status,
    machine,
  })
  const machineOf = (...stages: ReturnType<typeof stage>[]) =>
    toClaims(sampleBuild({ stages }), 'push', 'webhook')['runner_name']
  assert.equal(machineOf(stage('success', 'a'), stage('running', 'b')), 'b')
  assert.equal(machineOf(stage('success', 'a')), 'a')
  assert.equal(machineOf(), undefined)
})

test('claims › of a nested group name everything before the last slash as owner', () => {
  const build = sampleBuild()
  const repository = { ...build.repository, slug: 'group/sub/project' }
  assert.equal(
    toClaims({ ...build, repository }, 'push', 'webhook')['repository_owner'],
    'group/sub',
  )
})

test('claims › property: are texts, never empty, and none is a registered one', () => {
  const text = fc.string()
  const changes = fc.record({
    event: text,
    action: text,
    ref: text,
    sha: text,
    sender: text,
    cron: text,
    deployTo: text,
    sourceRepository: text,
  })
  fc.assert(
    fc.property(changes, (each) => {
      const claims = toClaims(sampleBuild(each), 'push', 'webhook')
      for (const value of Object.values(claims))
        assert.ok(typeof value === 'string' && value !== '')
      for (const name of ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti']) {
        assert.ok(!Object.hasOwn(claims, name))
      }
    }),
  )
})

test('claims › never list what parameters were called or held', () => {
  const claims = toClaims(sampleBuild({ parameterNames: ['CANARY'] }), 'params:push', 'webhook')
  assert.ok(!JSON.stringify(claims).includes('CANARY'))
})

const refTypes: [ref: string, type: string | undefined][] = [
  ['refs/heads/refs/tags/', 'branch'],
  ['refs/tags/v1', 'tag'],
  ['refs/pull/7/head', 'pull'],
  ['x/refs/tags/', undefined],
  ['', undefined],
]
for (const [ref, type] of refTypes) {
  test(`claims › call the ref “${ref}” ${type ?? 'nothing'}`, () => {
    assert.equal(toClaims(sampleBuild({ ref }), 'push', 'api')['ref_type'], type)
  })
}

test('claims › name the stage that is pending where none runs', () => {
  const stage = { number: 1, name: 'one', status: 'success', machine: 'a', type: 'docker' }
  const stages = [stage, { ...stage, number: 2, status: 'pending', machine: 'b' }]
  assert.equal(toClaims(sampleBuild({ stages }), 'push', 'api')['runner_name'], 'b')
})
