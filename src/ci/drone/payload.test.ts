import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import type { InstanceId } from '../build.ts'
import { parseEnvironRequest, parseSecretRequest, parseWebhook } from './payload.ts'

const origin = { instance: 'ci-main' as InstanceId, scm: 'gitea' as const }
const canary = 'canary-repo-secret-8d1f'

// facts/drone.md §1.4, whole: what drone-runner-docker sent for a fork's pull request.
const live = `{"path":"oidc","name":"aud",
 "repo":{"id":1,"uid":"42","user_id":1,"namespace":"octo","name":"hello","slug":"octo/hello","scm":"","git_http_url":"…","git_ssh_url":"…",
  "link":"…","default_branch":"main","private":false,"visibility":"public","active":true,"config_path":".drone.yml","trusted":false,
  "protected":false,"ignore_forks":false,"ignore_pull_requests":false,"auto_cancel_pull_requests":false,"auto_cancel_pushes":false,
  "auto_cancel_running":false,"throttle":0,"timeout":60,"counter":1,"synced":1,"created":1,"updated":1,"version":3,"secret":"${canary}",
  "build":{"id":0,"…":"zero value, ignore"}},
 "build":{"id":2,"repo_id":1,"trigger":"@hook","number":2,"status":"pending","event":"pull_request","action":"opened","link":"…/pulls/7",
  "timestamp":0,"title":"evil PR","message":"body","before":"","after":"ccc…","ref":"refs/pull/7/head","source_repo":"mallory/hello",
  "source":"main","target":"main","author_login":"mallory","author_name":"","author_email":"…","author_avatar":"…","sender":"mallory",
  "debug":false,"started":0,"finished":0,"created":1,"updated":1,"version":1,
  "stages":[{"id":2,"build_id":2,"number":1,"name":"one","kind":"pipeline","type":"docker","status":"pending","errignore":false,
   "exit_code":0,"machine":"r1","os":"linux","arch":"amd64","started":0,"stopped":0,"created":1,"updated":1,"version":2,
   "on_success":true,"on_failure":false}]}}`

type Json = Record<string, unknown>

const encode = (json: unknown) => Buffer.from(JSON.stringify(json))
const small = {
  repo: { uid: '42', slug: 'octo/hello' },
  build: { id: 2, number: 2, event: 'push' },
}
const withRepo = (changes: Json) => encode({ ...small, repo: { ...small.repo, ...changes } })
const withBuild = (changes: Json) => encode({ ...small, build: { ...small.build, ...changes } })

test('drone payload › of a docker runner is read whole', () => {
  assert.deepEqual(parseSecretRequest(origin, Buffer.from(live)), {
    path: 'oidc',
    name: 'aud',
    build: {
      instance: 'ci-main',
      scm: 'gitea',
      repository: {
        uid: '42',
        slug: 'octo/hello',
        defaultBranch: 'main',
        visibility: 'public',
        isTrusted: false,
        isProtected: false,
        timeoutMinutes: 60,
      },
      id: 2,
      number: 2,
      parent: 0,
      event: 'pull_request',
      action: 'opened',
      status: 'pending',
      ref: 'refs/pull/7/head',
      sha: 'ccc…',
      sourceRepository: 'mallory/hello',
      sourceBranch: 'main',
      targetBranch: 'main',
      sender: 'mallory',
      trigger: '@hook',
      cron: '',
      deployTo: '',
      parameterNames: [],
      version: 1,
      stages: [{ number: 1, name: 'one', status: 'pending', machine: 'r1', type: 'docker' }],
    },
  })
})

test('drone payload › leaves repo.secret behind at every door, and the search for it works', () => {
  const bytes = Buffer.from(live)
  const webhook = encode({ event: 'build', ...(JSON.parse(live) as Json) })
  const results = [
    parseSecretRequest(origin, bytes),
    parseEnvironRequest(origin, bytes),
    parseWebhook(origin, webhook),
  ]
  for (const result of results) assert.ok(!JSON.stringify(result).includes(canary))
  assert.ok(JSON.stringify([...results, { planted: { deep: [canary] } }]).includes(canary))
})

test('drone payload › of an old exec runner lacks most fields, and is read all the same', () => {
  const build = parseEnvironRequest(origin, encode(small))
  assert.equal(build.event, 'push')
  assert.equal(build.ref, '')
  assert.equal(build.trigger, '')
  assert.equal(build.repository.timeoutMinutes, 0)
  assert.deepEqual(build.parameterNames, [])
  assert.deepEqual(build.stages, [])
})

test("drone payload › may hold Go's null for empty lists and maps", () => {
  const build = parseEnvironRequest(origin, withBuild({ stages: null, params: null }))
  assert.deepEqual([build.stages, build.parameterNames], [[], []])
})

test('drone payload › takes instance and SCM from the configuration, never from the runner', () => {
  const body = encode({
    ...small,
    instance: 'evil',
    scm: 'evil',
    repo: { ...small.repo, scm: 'github' },
  })
  const { instance, scm } = parseEnvironRequest(origin, body)
  assert.deepEqual({ instance, scm }, origin)
})

const parameters: { name: string; text: string; names: string[] }[] = [
  { name: 'none', text: '{}', names: [] },
  { name: 'two', text: '{"A":"1","B":""}', names: ['A', 'B'] },
  { name: 'one without a name', text: '{"":"1"}', names: [''] },
  { name: 'one that every object has', text: '{"constructor":"1"}', names: ['constructor'] },
  { name: 'one that sets a prototype', text: '{"__proto__":"1"}', names: ['__proto__'] },
  { name: 'values of any form', text: '{"A":null,"B":[{"c":1}]}', names: ['A', 'B'] },
]

for (const { name, text, names } of parameters) {
  test(`drone payload › counts parameters: ${name}`, () => {
    const body = JSON.stringify(small).replace('"event"', `"params":${text},"event"`)
    assert.deepEqual(parseEnvironRequest(origin, Buffer.from(body)).parameterNames, names)
  })
}

const unusable: { name: string; body: Uint8Array; field?: RegExp }[] = [
  { name: 'nothing', body: Buffer.alloc(0), field: /not JSON/ },
  { name: 'words', body: Buffer.from('hello'), field: /not JSON/ },
  { name: 'a cut body', body: Buffer.from(live.slice(0, -1)), field: /not JSON/ },
  { name: 'two documents', body: Buffer.from('{}{}'), field: /not JSON/ },
  { name: 'UTF-16', body: Buffer.from(live, 'utf16le'), field: /not JSON/ },
  {
    name: 'bytes that are no UTF-8',
    body: Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    field: /not JSON/,
  },
  { name: 'null', body: Buffer.from('null'), field: /the body/ },
  { name: 'a list', body: Buffer.from('[]'), field: /the body/ },
  { name: 'a number', body: Buffer.from('7'), field: /the body/ },
  { name: 'an empty object', body: Buffer.from('{}'), field: /repo.*build/ },
  { name: 'no build', body: encode({ repo: small.repo }), field: /build/ },
  { name: 'no repository', body: encode({ build: small.build }), field: /repo/ },
  { name: 'a build that is a list', body: encode({ ...small, build: [] }), field: /build/ },
  { name: 'a number as uid', body: withRepo({ uid: 42 }), field: /repo\.uid/ },
  { name: 'an empty uid', body: withRepo({ uid: '' }), field: /repo\.uid/ },
  { name: 'no uid', body: encode({ ...small, repo: { slug: 'a/b' } }), field: /repo\.uid/ },
  { name: 'a slug without owner', body: withRepo({ slug: 'hello' }), field: /repo\.slug/ },
  { name: 'a slug without name', body: withRepo({ slug: 'octo/' }), field: /repo\.slug/ },
  { name: 'a slug with a blank', body: withRepo({ slug: 'octo/he llo' }), field: /repo\.slug/ },
  { name: 'a slug with a newline', body: withRepo({ slug: 'octo/hello\n' }), field: /repo\.slug/ },
  { name: 'a negative time-out', body: withRepo({ timeout: -1 }), field: /repo\.timeout/ },
  { name: 'a trusted of "true"', body: withRepo({ trusted: 'true' }), field: /repo\.trusted/ },
  { name: 'build id 0 (a call at trigger time)', body: withBuild({ id: 0 }), field: /build\.id/ },
  { name: 'build number 0', body: withBuild({ number: 0 }), field: /build\.number/ },
  { name: 'a negative id', body: withBuild({ id: -1 }), field: /build\.id/ },
  { name: 'half a build', body: withBuild({ id: 1.5 }), field: /build\.id/ },
  { name: 'an id as text', body: withBuild({ id: '2' }), field: /build\.id/ },
  { name: 'an id no number can hold', body: withBuild({ id: 2 ** 53 }), field: /build\.id/ },
  { name: 'no event', body: withBuild({ event: undefined }), field: /build\.event/ },
  { name: 'a ref that is a list', body: withBuild({ ref: ['refs/heads/main'] }), field: /ref/ },
  { name: 'a null ref', body: withBuild({ ref: null }), field: /build\.ref/ },
  {
    name: 'a ref of a kilobyte and more',
    body: withBuild({ ref: 'x'.repeat(1025) }),
    field: /ref/,
  },
  { name: 'a lone surrogate in the ref', body: withBuild({ ref: 'r\ud83d' }), field: /build\.ref/ },
  { name: 'parameters that are a list', body: withBuild({ params: ['A'] }), field: /params/ },
  { name: 'parameters that are a text', body: withBuild({ params: 'A=1' }), field: /params/ },
  { name: 'stages that are a map', body: withBuild({ stages: {} }), field: /build\.stages/ },
  { name: 'a stage without number', body: withBuild({ stages: [{}] }), field: /stages\.0\.number/ },
]

for (const { name, body, field } of unusable) {
  test(`drone payload › that is or has ${name} is refused`, () => {
    const expected = { code: 'ci_request_invalid', status: 400, message: field }
    assert.throws(() => parseSecretRequest(origin, body), expected)
    assert.throws(() => parseEnvironRequest(origin, body), expected)
  })
}

test('drone payload › holds a time-out of a year at most, so that its end is a date', () => {
  const timeouts = [60, 525_600, 525_601, Number.MAX_SAFE_INTEGER]
  const read = timeouts.map((timeout) => parseEnvironRequest(origin, withRepo({ timeout })))
  const minutes = read.map((build) => build.repository.timeoutMinutes)
  assert.deepEqual(minutes, [60, 525_600, 525_600, 525_600])
})

test('drone payload › lists every unusable field at once', () => {
  const body = encode({ repo: { uid: 1, slug: '' }, build: { id: 0, number: 0 } })
  assert.throws(() => parseEnvironRequest(origin, body), {
    message: /repo\.uid, repo\.slug, build\.id, build\.number, build\.event/,
  })
})

test('drone payload › is not quoted by its refusal, however deep one looks', () => {
  for (const body of [`{"repo":{"secret":"${canary}"`, `"${canary}`, `{"secret":${canary}}`]) {
    try {
      parseEnvironRequest(origin, Buffer.from(body))
      assert.fail('it was accepted')
    } catch (error) {
      let each: unknown = error
      while (each instanceof Error) {
        assert.ok(!`${each.message}${each.stack}`.includes('canary'), each.message)
        each = each.cause
      }
    }
  }
})

test('drone payload › nests 32 levels deep at most, also where nobody looks', () => {
  const nested = (levels: number) => {
    const deep = '['.repeat(levels) + ']'.repeat(levels)
    const body = JSON.stringify(small).replace('"event"', `"params":{"A":${deep}},"event"`)
    return () => parseEnvironRequest(origin, Buffer.from(body))
  }
  assert.deepEqual(nested(29)().parameterNames, ['A'])
  for (const levels of [30, 100_000]) {
    assert.throws(nested(levels), { code: 'ci_request_invalid', message: /deeper than 32/ })
  }
})

test('drone payload › property: any JSON gives a build or a Fault, never a bug', () => {
  const anything = fc.oneof(
    fc.jsonValue().map((json) => Buffer.from(JSON.stringify(json))),
    fc.uint8Array(),
    fc.jsonValue().map((json) => withBuild({ params: json, stages: json, ref: json })),
    fc.jsonValue().map((json) => withRepo({ uid: json, timeout: json })),
  )
  fc.assert(
    fc.property(anything, (body) => {
      for (const parse of [parseSecretRequest, parseEnvironRequest, parseWebhook]) {
        try {
          parse(origin, body)
        } catch (error) {
          assert.ok(error instanceof Fault)
        }
      }
    }),
  )
})

const hooks: { name: string; json: Json; isBuild: boolean }[] = [
  { name: 'a build', json: { event: 'build', action: 'created', ...small }, isBuild: true },
  {
    name: 'a user',
    json: { event: 'user', action: 'created', user: { login: 'x' } },
    isBuild: false,
  },
  { name: 'a repository', json: { event: 'repo', action: 'enabled', repo: {} }, isBuild: false },
  { name: 'a build without one', json: { event: 'build', repo: small.repo }, isBuild: false },
  { name: 'a user, with a build beside', json: { event: 'user', ...small }, isBuild: false },
]

for (const { name, json, isBuild } of hooks) {
  test(`drone payload › of a webhook about ${name} ${isBuild ? 'is one' : 'is none'}`, () => {
    assert.equal(parseWebhook(origin, encode(json))?.id, isBuild ? 2 : undefined)
  })
}

test('drone payload › of a webhook with a broken build, or without an event, is refused', () => {
  const broken = encode({ event: 'build', ...small, build: { id: 2 } })
  assert.throws(() => parseWebhook(origin, broken), { code: 'ci_request_invalid' })
  assert.throws(() => parseWebhook(origin, encode(small)), { code: 'ci_request_invalid' })
})
