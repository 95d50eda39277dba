// The scripted Gitea: who gets in, and what its hooks are signed with.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { test, type TestContext } from 'node:test'

import { startScm } from './scm.ts'

type Heard = { event: string; signature: string; body: string }

async function begin(t: TestContext) {
  const scm = await startScm([{ id: 4711, slug: 'octo/hello', isPrivate: true }])
  const heard: Heard[] = []
  const drone = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (text: string) => (body += text))
    request.on('end', () => {
      const { 'x-gitea-event': event, 'x-gitea-signature': signature } = request.headers
      heard.push({ event: String(event), signature: String(signature), body })
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => drone.listen(0, '127.0.0.1', resolve))
  const address = drone.address()
  assert.ok(address !== null && typeof address === 'object')
  t.after(async () => {
    drone.close()
    drone.closeAllConnections()
    await scm.close()
  })
  const self = `http://127.0.0.1:${address.port}`
  const authorize = async (clientId = scm.clientId) => {
    const query = { client_id: clientId, redirect_uri: `${self}/login`, state: 'abc' }
    const url = `${scm.url}/login/oauth/authorize?${new URLSearchParams(query).toString()}`
    const response = await fetch(url, { redirect: 'manual' })
    const location = response.headers.get('location')
    return { status: response.status, to: location === null ? undefined : new URL(location) }
  }
  const exchange = async (form: Record<string, string>) => {
    const client = { client_id: scm.clientId, client_secret: scm.clientSecret.reveal() }
    const body = new URLSearchParams({ ...client, grant_type: 'authorization_code', ...form })
    const response = await fetch(`${scm.url}/login/oauth/access_token`, { method: 'POST', body })
    const answer = (await response.json()) as { access_token: string; refresh_token: string }
    return { status: response.status, ...answer }
  }
  const call = (token: string, path: string, json?: unknown) =>
    fetch(`${scm.url}/api/v1/${path}`, {
      method: json === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}` },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
  const signIn = async () => {
    const { to } = await authorize()
    return exchange({ code: to?.searchParams.get('code') ?? '' })
  }
  return { scm, heard, self, authorize, exchange, call, signIn }
}

const paths = [
  'user',
  'user/repos',
  'user/orgs',
  'repos/octo/hello',
  'repos/octo/hello/hooks',
  'repos/octo/hello/branches/main',
]

test('lab Gitea › tells nothing to who has no token, and all that Drone asks to who has', async (t) => {
  const { scm, call, signIn } = await begin(t)
  const sha = scm.commit('octo/hello', 'kind: pipeline\n')
  const { access_token: token, refresh_token: refresh } = await signIn()
  await assert.rejects(scm.push('octo/hello', sha), /no hook/)
  const files = [
    `repos/octo/hello/raw/${sha}/.drone.yml`,
    `repos/octo/hello/raw/.drone.yml?ref=${sha}`,
    `repos/octo/hello/git/commits/${sha}`,
  ]
  for (const path of [...paths, ...files]) {
    for (const wrong of ['', 'wrong', refresh]) {
      assert.equal((await call(wrong, path)).status, 401, path)
    }
    assert.equal((await call(token, path)).status, 200, path)
  }
  const [first = ''] = files
  assert.equal(await (await call(token, first)).text(), 'kind: pipeline\n')
  assert.equal((await call(token, 'repos/octo/other')).status, 404)
  const status = { state: 'success', context: 'ci' }
  assert.equal((await call('', `repos/octo/hello/statuses/${sha}`, status)).status, 401)
  assert.equal((await call(token, `repos/octo/hello/statuses/${sha}`, status)).status, 201)
  assert.deepEqual(scm.statuses, [{ slug: 'octo/hello', sha, ...status }])
})

test('lab Gitea › signs in whoever is its client, and takes each code and refresh token once', async (t) => {
  const { scm, authorize, exchange } = await begin(t)
  assert.equal((await authorize('stranger')).status, 400)
  const { status, to } = await authorize()
  assert.deepEqual([status, to?.searchParams.get('state')], [302, 'abc'])
  const code = to?.searchParams.get('code') ?? ''
  assert.equal((await exchange({ code, client_secret: 'wrong' })).status, 400)
  const first = await exchange({ code })
  assert.equal(first.status, 200)
  assert.equal((await exchange({ code })).status, 400)
  const again = { grant_type: 'refresh_token', refresh_token: first.refresh_token }
  assert.equal((await exchange(again)).status, 200)
  assert.equal((await exchange(again)).status, 400)
  assert.equal(scm.tokens.includes(first.access_token), true)
})

test('lab Gitea › delivers pushes and pull requests signed with the key of the hook', async (t) => {
  const { scm, heard, self, call, signIn } = await begin(t)
  const { access_token: token } = await signIn()
  const config = { url: `${self}/hook`, secret: 'hook-key', content_type: 'json' }
  assert.equal((await call(token, 'repos/octo/hello/hooks', { config })).status, 201)
  const shas = [1, 2, 3].map(() => scm.commit('octo/hello', 'x'))
  assert.equal(new Set(shas).size, 3)
  const [first = '', second = '', third = ''] = shas
  await scm.push('octo/hello', first)
  await scm.push('octo/hello', second)
  await scm.openPullRequest('octo/hello', third, 'mallory/hello')
  await scm.openPullRequest('octo/hello', third, undefined)
  const [, push, pull, gone] = heard.map(({ body }) => JSON.parse(body) as Payload)
  assert.deepEqual(
    [push?.ref, push?.before, push?.after, push?.repository.full_name],
    ['refs/heads/main', first, second, 'octo/hello'],
  )
  assert.equal(pull?.pull_request.head.repo?.full_name, 'mallory/hello')
  assert.equal(gone?.pull_request.head.repo, null)
  assert.deepEqual(
    heard.map(({ event }) => event),
    ['push', 'push', 'pull_request', 'pull_request'],
  )
  for (const { body, signature } of heard) {
    assert.equal(signature, createHmac('sha256', 'hook-key').update(body).digest('hex'))
  }
})

type Payload = {
  ref: string
  before: string
  after: string
  repository: { full_name: string }
  pull_request: { head: { repo: { full_name: string } | null } }
}
