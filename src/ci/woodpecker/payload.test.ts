import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { Build } from '../build.ts'
import { origin, requestBody } from './payload.fixture.ts'
import { parseApiPipeline, parseSecretsRequest, untoldVariables } from './payload.ts'

const parse = (changes: Parameters<typeof requestBody>[0] = {}) =>
  parseSecretsRequest(origin, requestBody(changes))

test('woodpecker payload › a push becomes a build', () => {
  assert.deepEqual(parse(), {
    event: 'push',
    build: {
      instance: origin.instance,
      scm: 'gitea',
      repository: {
        uid: '42',
        slug: 'octo/hello',
        defaultBranch: 'main',
        visibility: 'private',
        isTrusted: false,
        isProtected: false,
        timeoutMinutes: 60,
        serverId: 9,
      },
      id: 1001,
      number: 7,
      parent: 0,
      event: 'push',
      action: '',
      status: 'pending',
      ref: 'refs/heads/main',
      sha: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
      sourceRepository: '',
      sourceBranch: 'main',
      targetBranch: 'main',
      sender: 'octocat',
      trigger: '@hook',
      cron: '',
      deployTo: '',
      parameterNames: [],
      version: 1_795_000_000,
      stages: [],
    } satisfies Build,
  })
})

const pullRequest = { ref: 'refs/pull/7/head', refspec: 'feature:main' }
const seen: [name: string, pipeline: object, event: string, build: Partial<Build>][] = [
  ['a tag', { event: 'tag', ref: 'refs/tags/v1' }, 'tag', { event: 'tag', trigger: '@hook' }],
  [
    'a release',
    { event: 'release', ref: 'refs/tags/v1' },
    'release',
    { event: 'tag', action: 'release' },
  ],
  [
    'a pull request',
    { event: 'pull_request', ...pullRequest },
    'pull_request',
    {
      event: 'pull_request',
      action: '',
      isFork: false,
      sourceBranch: 'feature',
      targetBranch: 'main',
    },
  ],
  [
    'a closed pull request',
    { event: 'pull_request_closed', ...pullRequest },
    'pull_request',
    { event: 'pull_request', action: 'closed', isFork: false },
  ],
  [
    'a labelled pull request',
    { event: 'pull_request_metadata', ...pullRequest },
    'pull_request',
    { event: 'pull_request', action: 'metadata', isFork: false },
  ],
  [
    "a fork's pull request",
    { event: 'pull_request', ...pullRequest, from_fork: true },
    'pull_request',
    { event: 'pull_request', isFork: true },
  ],
  [
    "a deployment of a fork's pull request",
    { event: 'deployment', ...pullRequest, from_fork: true, parent: 6, deploy_to: 'prod' },
    'deployment',
    { event: 'promote', deployTo: 'prod', isFork: true },
  ],
  [
    'a deployment',
    { event: 'deployment', deploy_to: 'prod' },
    'deployment',
    { event: 'promote', deployTo: 'prod', trigger: '@hook', parameterNames: [] },
  ],
  [
    'a cron job',
    { event: 'cron', cron: 'nightly', author: '' },
    'cron',
    { event: 'cron', cron: 'nightly', trigger: '@cron' },
  ],
  [
    'a cron job with variables',
    { event: 'cron', cron: 'nightly', variables: { LEVEL: '1' } },
    'cron',
    { parameterNames: ['LEVEL'] },
  ],
  ['one by hand', { event: 'manual' }, 'manual', { event: 'custom', trigger: 'octocat' }],
  [
    'one by hand with variables',
    { event: 'manual', variables: JSON.parse('{"__proto__":"1","a":"1","A":"2"}') as object },
    'manual',
    { event: 'custom', parameterNames: ['__proto__', 'a', 'A'] },
  ],
  [
    'a restart, whose variables nobody tells',
    { parent: 6 },
    'push',
    { event: 'push', parent: 6, trigger: '', parameterNames: [untoldVariables] },
  ],
  ['one that waits for approval', { status: 'blocked' }, 'push', { status: 'blocked' }],
  [
    'one with workflows',
    { status: 'running', workflows: [{ pid: 1, name: 'ci', state: 'running', agent_id: 3 }] },
    'push',
    { stages: [{ number: 1, name: 'ci', status: 'running', machine: 'agent-3', type: '' }] },
  ],
]

for (const [name, changes, event, expected] of seen) {
  test(`woodpecker payload › ${name} is told as what it is`, () => {
    const request = parse({ pipeline: changes })
    assert.equal(request.event, event)
    assert.deepEqual({ ...request.build, ...expected }, request.build)
  })
}

for (const event of ['push', 'tag', 'release', 'deployment', 'cron', 'manual']) {
  test(`woodpecker payload › of ${event}, an unset from_fork is no word on forks`, () => {
    assert.equal('isFork' in parse({ pipeline: { event } }).build, false)
  })
}

test('woodpecker payload › nothing of netrc is kept', () => {
  const netrc = { machine: 'scm', login: 'robot', password: 'canary-5f2c', type: 'gitea' }
  assert.doesNotMatch(JSON.stringify(parse({ more: { netrc } })), /canary|netrc|robot/)
})

test('woodpecker payload › trust and approval of the repository are told', () => {
  for (const kind of ['network', 'volumes', 'security']) {
    const { build } = parse({ repo: { trusted: { [kind]: true }, require_approval: 'all_events' } })
    assert.deepEqual([build.repository.isTrusted, build.repository.isProtected], [true, true])
  }
  assert.equal(parse({ repo: { trusted: null } }).build.repository.isTrusted, false)
})

const refused: [name: string, changes: Parameters<typeof requestBody>[0], says: RegExp][] = [
  ['no repository', { more: { repo: undefined } }, /unusable repo/],
  ['no pipeline', { more: { pipeline: null } }, /unusable pipeline/],
  ['an empty id at the forge', { repo: { forge_remote_id: '' } }, /forge_remote_id/],
  ['the id "0" at the forge', { repo: { forge_remote_id: '0' } }, /forge_remote_id/],
  ['a number as id at the forge', { repo: { forge_remote_id: 42 } }, /forge_remote_id/],
  ['no forge', { repo: { forge_id: undefined } }, /forge_id/],
  ['no name', { repo: { full_name: 'hello' } }, /full_name/],
  ['a name with spaces', { repo: { full_name: 'octo/he llo' } }, /full_name/],
  ['an event we do not know', { pipeline: { event: 'custom' } }, /pipeline.event/],
  ['no event', { pipeline: { event: undefined } }, /pipeline.event/],
  ['no id', { pipeline: { id: 0 } }, /pipeline.id/],
  ['no number', { pipeline: { number: 0 } }, /pipeline.number/],
  ['from_fork as text', { pipeline: { from_fork: 'false' } }, /from_fork/],
  ['from_fork null', { pipeline: { from_fork: null } }, /from_fork/],
  ['a parent below zero', { pipeline: { parent: -1 } }, /parent/],
  ['variables as a list', { pipeline: { variables: ['A'] } }, /variables/],
  ['a ref with half a character', { pipeline: { ref: 'refs/heads/\ud800' } }, /ref/],
  ['an endless ref', { pipeline: { ref: 'x'.repeat(1025) } }, /ref/],
]

for (const [name, changes, says] of refused) {
  test(`woodpecker payload › with ${name} is refused`, () => {
    assert.throws(() => parse(changes), { code: 'ci_request_invalid', message: says })
  })
}

test('woodpecker payload › of another forge of the same server is refused, however alike', () => {
  assert.throws(() => parse({ repo: { forge_id: 2 } }), { code: 'ci_forge_other', status: 403 })
})

test('woodpecker payload › with a key twice, for us or for Go, is refused without a quotation', () => {
  for (const more of ['"from_fork":false', '"From_Fork":false']) {
    const twice = requestBody({ pipeline: { from_fork: true } })
      .toString()
      .replace('"from_fork":true', `"from_fork":true,${more}`)
    assert.throws(() => parseSecretsRequest(origin, Buffer.from(twice)), {
      code: 'ci_request_invalid',
      message: /twice/,
    })
  }
  assert.throws(
    () => parseSecretsRequest(origin, Buffer.from('{"netrc":"canary')),
    (error: Error) => {
      assert.doesNotMatch(error.message, /canary/)
      return true
    },
  )
})

test('woodpecker payload › whatever the bytes are, the answer is a build or a reason', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        assert.throws(() => parseSecretsRequest(origin, bytes), { code: 'ci_request_invalid' })
      },
    ),
  )
})

test("woodpecker payload › no change of a fork's pull request makes its code the repository's own", () => {
  const events = ['push', 'tag', 'release', 'pull_request', 'deployment', 'cron', 'manual']
  fc.assert(
    fc.property(
      fc.record({
        event: fc.constantFrom(...events),
        ref: fc.constantFrom('refs/heads/main', 'refs/pull/7/head', 'refs/tags/v1', ''),
        parent: fc.nat(9),
        status: fc.string(),
        refspec: fc.string(),
      }),
      (changes) => {
        assert.equal(parse({ pipeline: { ...changes, from_fork: true } }).build.isFork, true)
      },
    ),
  )
})

test('woodpecker payload › the API tells of the same build in the same words', () => {
  const whole = JSON.parse(requestBody().toString()) as { repo: object; pipeline: object }
  const answers = {
    repository: Buffer.from(JSON.stringify(whole.repo)),
    // The API shows the cron's name as the sender; the author is not touched.
    pipeline: Buffer.from(JSON.stringify({ ...whole.pipeline, sender: 'nightly' })),
  }
  assert.deepEqual(parseApiPipeline(origin, answers), parse().build)
  assert.throws(() => parseApiPipeline({ ...origin, forgeId: 2 }, answers), {
    code: 'ci_api_unavailable',
  })
  assert.throws(() => parseApiPipeline(origin, { ...answers, pipeline: Buffer.from('{}') }), {
    code: 'ci_api_unavailable',
  })
})
