// The list of a Drone server's repositories: whole for an administrator, one's own for others.
import assert from 'node:assert/strict'
import { before, test, type TestContext } from 'node:test'

import { Secret } from '../../core/secret.ts'
import { createAuthority, type LabAuthority } from '../../lab/authority.ts'
import { startDroneServer } from '../../lab/drone-server.ts'
import type { LabRepository } from '../../lab/drone.ts'
import { findRepository, listRepositories } from './api-repositories.ts'
import { callOnce, type Call } from './call.ts'

const userToken = new Secret('lab-user-token-0123456789abcdef-0123')

const labRepository = (uid: number, slug = `octo/r${uid}`): LabRepository => ({
  id: uid,
  uid: String(uid),
  slug,
  secret: 'lab-repository-secret',
  timeout: 60,
})

let authority: LabAuthority
before(async () => {
  authority = await createAuthority()
})

async function begin(t: TestContext, count: number) {
  const server = await startDroneServer({ authority }, { userToken })
  t.after(() => server.close())
  for (let uid = 1; uid <= count; uid += 1) server.know(labRepository(uid))
  const pauses: number[] = []
  const sleep = async (milliseconds: number) => void pauses.push(milliseconds)
  const endpoint = { url: server.url, token: userToken, ca: authority.caPem }
  return { server, endpoint, pauses, deps: { call: callOnce, sleep } }
}

test('drone API › lists 5,000 repositories page by page, and not one call each', async (t) => {
  const { server, endpoint, deps } = await begin(t, 5000)
  const { repositories, isWhole } = await listRepositories(deps, endpoint)
  assert.equal(isWhole, true)
  assert.equal(new Set(repositories.map(({ uid }) => uid)).size, 5000)
  assert.equal(server.requests.length, 51)
})

test('drone API › whose pages are shorter than asked for is read to its end', async (t) => {
  const { server, endpoint, deps } = await begin(t, 60)
  server.settings.maxPageSize = 25
  assert.equal((await listRepositories(deps, endpoint)).repositories.length, 60)
})

test('drone API › tells names and who is inactive, as of now', async (t) => {
  const { server, endpoint, deps } = await begin(t, 1)
  server.know(labRepository(1, 'octo/renamed'))
  server.know(labRepository(2), { isActive: false })
  assert.deepEqual((await listRepositories(deps, endpoint)).repositories, [
    { uid: '1', slug: 'octo/renamed', isActive: true },
    { uid: '2', slug: 'octo/r2', isActive: false },
  ])
})

test('drone API › shows anybody else their own, and says that this is not all', async (t) => {
  const { server, endpoint, deps } = await begin(t, 3)
  server.settings.isAdmin = false
  server.settings.members.add('2')
  assert.deepEqual(await listRepositories(deps, endpoint), {
    repositories: [{ uid: '2', slug: 'octo/r2', isActive: true }],
    isWhole: false,
  })
  assert.equal(await findRepository(deps, endpoint, 'octo/r3'), undefined)
  assert.equal((await findRepository(deps, endpoint, 'octo/r2'))?.uid, '2')
})

test('drone API › that is busy is given the pause it asks for, four tries in all', async (t) => {
  const { server, endpoint, deps, pauses } = await begin(t, 1)
  server.settings.busyAnswers = 3
  assert.equal((await listRepositories(deps, endpoint)).repositories.length, 1)
  assert.deepEqual(pauses, [2000, 2000, 2000])
  server.settings.busyAnswers = 4
  await assert.rejects(listRepositories(deps, endpoint), {
    code: 'ci_api_unavailable',
    message: /answered 429/,
  })
})

test('drone API › refuses a wrong token at once', async (t) => {
  const { endpoint, deps } = await begin(t, 1)
  const wrong = { ...endpoint, token: new Secret('wrong-0123456789abcdef-0123456789') }
  await assert.rejects(listRepositories(deps, wrong), { code: 'ci_api_denied' })
})

test('drone API › that answers nonsense is unavailable', async (t) => {
  const { server, endpoint, deps } = await begin(t, 1)
  server.trouble('speaks nonsense')
  await assert.rejects(listRepositories(deps, endpoint), { code: 'ci_api_unavailable' })
})

test('drone API › whose list never ends is given up', async () => {
  let uid = 0
  const call: Call = async () => {
    const body = Buffer.from(JSON.stringify([{ uid: String((uid += 1)), slug: 'a/b' }]))
    return { status: 200, headers: new Map(), body }
  }
  const deps = { call, sleep: async () => undefined }
  await assert.rejects(
    listRepositories(deps, { url: 'https://drone.example', token: userToken }),
    /no end in 1000 pages/,
  )
})

for (const slug of ['../users', 'octo/..', './x', 'octo//x']) {
  test(`drone API › is not asked for ${slug}: no name leads our token elsewhere`, async (t) => {
    const { server, endpoint, deps } = await begin(t, 0)
    assert.equal(await findRepository(deps, endpoint, slug), undefined)
    assert.deepEqual(server.requests, [])
  })
}
