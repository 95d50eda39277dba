// The API as a witness, asked of a server that really listens and checks the token.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { Secret } from '../../core/secret.ts'
import { createAuthority } from '../../lab/authority.ts'
import { startDroneServer, type LabTrouble } from '../../lab/drone-server.ts'
import { pushBuild, type LabBuild } from '../../lab/drone.ts'
import { sampleBuild } from '../build.fixture.ts'
import type { Build } from '../build.ts'
import { createBuildApi } from './api.ts'
import { callOnce, type Call, type Endpoint } from './call.ts'
import { parseApiBuild } from './payload.ts'

const authority = await createAuthority()
const token = new Secret('55f24eb3d61ef6ac5e83d550178638dc')
const repository = { id: 1, uid: '42', slug: 'octo/hello', secret: 'never shown', timeout: 60 }
const origin = { instance: sampleBuild().instance, scm: 'gitea' } as const

async function begin(
  t: TestContext,
  changes: Partial<LabBuild> = {},
  more: Partial<Endpoint> = {},
) {
  const server = await startDroneServer({ authority }, { userToken: token })
  t.after(() => server.close())
  const build = pushBuild(repository, { status: 'running', version: 4, ...changes })
  server.put(repository, build)
  const clock = { time: Date.parse('2026-11-23T12:00:00Z') }
  const endpoint = { url: server.url, token, ca: authority.caPem, ...more }
  const api = createBuildApi({ now: () => new Date(clock.time), call: callOnce }, endpoint, origin)
  const claimed = sampleBuild({ number: build.number })
  const ask = (claim: Partial<Build> = {}) => api({ ...claimed, ...claim })
  return { server, build, clock, ask, claimed }
}

test('drone API › tells of a build and of its repository, as they are now', async (t) => {
  const { ask, server } = await begin(t, { params: { A: '1' }, parent: 6, cron: 'nightly' })
  assert.deepEqual(await ask(), {
    instance: 'ci-main',
    scm: 'gitea',
    repository: {
      uid: '42',
      slug: 'octo/hello',
      defaultBranch: 'main',
      visibility: 'private',
      isTrusted: false,
      isProtected: false,
      timeoutMinutes: 60,
    },
    id: 1001,
    number: 7,
    parent: 6,
    event: 'push',
    action: '',
    status: 'running',
    ref: 'refs/heads/main',
    sha: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
    sourceRepository: '',
    sourceBranch: 'main',
    targetBranch: 'main',
    sender: 'octocat',
    trigger: '@hook',
    cron: 'nightly',
    deployTo: '',
    parameterNames: ['A'],
    version: 4,
    stages: [
      { number: 1, name: 'default', status: 'running', machine: 'docker-1', type: 'docker' },
    ],
  })
  assert.deepEqual(server.requests.toSorted(), [
    'GET /api/repos/octo/hello',
    'GET /api/repos/octo/hello/builds/7',
  ])
})

test('drone API › knows nothing of another number or repository', async (t) => {
  const { ask, claimed } = await begin(t)
  assert.equal(await ask({ number: 8 }), undefined)
  const other = { ...claimed.repository, slug: 'octo/other' }
  assert.equal(await ask({ repository: other }), undefined)
})

for (const slug of ['../hello', 'octo/..', './x', 'octo/.']) {
  test(`drone API › is not asked for ${slug}: no name leads our token to another path`, async (t) => {
    const { ask, claimed, server } = await begin(t)
    assert.equal(await ask({ repository: { ...claimed.repository, slug } }), undefined)
    assert.deepEqual(server.requests, [])
  })
}

test('drone API › is asked with every name encoded', async (t) => {
  const { ask, claimed, server } = await begin(t)
  await ask({ repository: { ...claimed.repository, slug: 'a?x#y/b%2e/c' } })
  assert.equal(server.requests.toSorted()[0], 'GET /api/repos/a%3Fx%23y%2Fb%252e/c')
})

const troubles: [LabTrouble, RegExp][] = [
  ['fails', /answered 500/],
  ['leads away', /answered 302/],
  ['floods', /longer than 4194304 bytes/],
  ['speaks nonsense', /unusable/],
  ['hangs', /no answer within 2000 ms/],
]

for (const [trouble, says] of troubles) {
  test(`drone API › that ${trouble} is unavailable, and asked again`, async (t) => {
    const { ask, server } = await begin(t)
    server.trouble(trouble)
    const startedAt = performance.now()
    await assert.rejects(ask(), { code: 'ci_api_unavailable', status: 503, message: says })
    assert.ok(performance.now() - startedAt < 4000)
    server.trouble(undefined)
    assert.equal((await ask())?.status, 'running')
  })
}

test('drone API › that nobody serves is unavailable', async (t) => {
  const { ask, server } = await begin(t)
  await server.close()
  await assert.rejects(ask(), { code: 'ci_api_unavailable', message: /ECONNREFUSED/ })
})

test('drone API › whose certificate nobody vouches for is unavailable', async (t) => {
  const stranger = await createAuthority()
  const { ask, server } = await begin(t, {}, { ca: stranger.caPem })
  await assert.rejects(ask(), { code: 'ci_api_unavailable', message: /certificate/ })
  assert.deepEqual(server.requests, [])
})

test('drone API › that refuses our token says so, and not the token', async (t) => {
  const { ask } = await begin(t, {}, { token: new Secret('wrong-0123456789abcdef-0123456789') })
  await assert.rejects(ask(), (error: Error) => {
    assert.match(error.message, /refuses our token \(401\)/)
    assert.ok(!error.stack?.includes('wrong-0123'))
    return true
  })
})

test('drone API › is believed for three seconds, counted from the question', async (t) => {
  const { ask, server, clock, build } = await begin(t)
  await ask()
  server.put(repository, { ...build, status: 'killed' })
  clock.time += 2999
  assert.equal((await ask())?.status, 'running')
  assert.equal(server.requests.length, 2)
  clock.time += 1
  assert.equal((await ask())?.status, 'killed')
  clock.time -= 3_600_000
  server.put(repository, { ...build, status: 'success' })
  assert.equal((await ask())?.status, 'success')
})

test('drone API › is asked once by many at a time', async (t) => {
  const { ask, server } = await begin(t)
  await Promise.all(Array.from({ length: 20 }, () => ask()))
  assert.equal(server.requests.length, 2)
})

test('drone API › remembers no build that was not there', async (t) => {
  const { ask, server, build } = await begin(t)
  assert.equal(await ask({ number: 8 }), undefined)
  server.put(repository, { ...build, number: 8, id: 1002 })
  assert.equal((await ask({ number: 8 }))?.id, 1002)
})

test('drone API › keeps a thousand answers and no more', async () => {
  let calls = 0
  const call: Call = async ({ url }) => {
    calls += 1
    const number = Number(/\d+$/.exec(url)?.[0] ?? 0)
    const json = url.includes('/builds/')
      ? { repo_id: 1, ...pushBuild(repository, { number }) }
      : { id: 1, uid: '42', slug: 'octo/hello' }
    return { status: 200, headers: new Map(), body: Buffer.from(JSON.stringify(json)) }
  }
  const endpoint = { url: 'https://drone.example', token }
  const api = createBuildApi({ now: () => new Date(0), call }, endpoint, origin)
  for (let number = 1; number <= 1001; number += 1) await api(sampleBuild({ number }))
  const before = calls
  await api(sampleBuild({ number: 2 }))
  assert.equal(calls, before)
  await api(sampleBuild({ number: 1 }))
  assert.equal(calls, before + 2)
})

test('drone API › whose build belongs to another repository is not believed', () => {
  const encode = (json: object) => Buffer.from(JSON.stringify(json))
  const answers = {
    repository: encode({ id: 2, uid: '42', slug: 'octo/hello' }),
    build: encode({ repo_id: 1, ...pushBuild(repository) }),
  }
  assert.throws(() => parseApiBuild(origin, answers), { code: 'ci_api_unavailable' })
})
