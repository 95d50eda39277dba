import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createHealthApp } from './health.ts'
import { createPublicApp } from './public-app.ts'
import {
  audience,
  createRehearsal,
  createRehearsalSigner,
  tokenOf,
  urls,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()
const discovery = '/drone/ci-main/.well-known/openid-configuration'
const jwks = '/drone/ci-main/.well-known/jwks.json'
const quiet = { info: () => {}, warn: () => {}, error: () => {} }

/** What a proxy or an attacker may claim about where we are. */
const elsewhere: Record<string, string>[] = [
  { host: 'evil.example' },
  { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http', 'x-forwarded-port': '1' },
  { forwarded: 'host=evil.example;proto=http' },
  { 'x-original-url': '/evil', 'x-rewrite-url': '/evil', 'x-forwarded-prefix': '/evil' },
]

test('discovery › names the issuer, its keys and what the tokens are', async () => {
  const { publicApp } = createRehearsal(signer)
  const answer = await publicApp.request(discovery)
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  assert.equal(answer.headers.get('cache-control'), 'public, max-age=300')
  assert.deepEqual(await answer.json(), {
    issuer: `${urls.issuer}/ci-main`,
    jwks_uri: `${urls.issuer}/ci-main/.well-known/jwks.json`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti'],
  })
})

test('discovery › has no empty field, which some relying parties refuse', async () => {
  const { publicApp } = createRehearsal(signer)
  for (const path of [discovery, jwks]) {
    const json: unknown = await (await publicApp.request(path)).json()
    assert.doesNotMatch(JSON.stringify(json), /:(""|null|\[\]|\{\})/)
  }
})

test('discovery › of every instance is its own, and instances nobody configured have none', async () => {
  const { publicApp } = createRehearsal(signer)
  const other = await publicApp.request(discovery.replace('ci-main', 'ci-two'))
  assert.equal(((await other.json()) as { issuer: string }).issuer, `${urls.issuer}/ci-two`)
  for (const path of ['ci-three', 'CI-MAIN', '', '__proto__', 'ci-main/', '%63i-main%2f']) {
    assert.equal((await publicApp.request(discovery.replace('ci-main', path))).status, 404)
  }
})

test('discovery › belongs to an issuer at the root of a host as well', async () => {
  const app = createPublicApp({
    issuerUrl: 'https://id.example',
    instances: ['ci-main'],
    signer,
    log: quiet,
  })
  const answer = await app.request('/ci-main/.well-known/openid-configuration')
  assert.equal(((await answer.json()) as { issuer: string }).issuer, 'https://id.example/ci-main')
})

test('key set › holds the public keys and no part of a private one', async () => {
  const { publicApp } = createRehearsal(signer)
  const answer = await publicApp.request(jwks)
  assert.equal(answer.headers.get('cache-control'), 'public, max-age=300')
  const { keys } = (await answer.json()) as { keys: Record<string, string>[] }
  assert.deepEqual(keys, signer.publicKeys())
  for (const key of keys) {
    for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.ok(!Object.hasOwn(key, part))
  }
})

test('public door › serves two documents, and neither tokens nor extensions', async () => {
  const { publicApp } = createRehearsal(signer)
  for (const path of ['/', '/drone', '/v1/id-token', '/healthz', '/drone/ci-main']) {
    assert.equal((await publicApp.request(path)).status, 404)
  }
  assert.equal((await publicApp.request(discovery, { method: 'POST' })).status, 404)
})

for (const [index, headers] of elsewhere.entries()) {
  const name = Object.keys(headers).join(', ')
  test(`documents › are not changed by ${name}`, async () => {
    const { publicApp } = createRehearsal(signer)
    for (const path of [discovery, jwks]) {
      const [plain, moved] = await Promise.all([
        publicApp.request(path),
        publicApp.request(path, { headers }),
      ])
      assert.equal(await moved.text(), await plain.text())
      assert.deepEqual([...moved.headers], [...plain.headers])
    }
  })

  test(`tokens › are not changed by ${name}`, async () => {
    const { ask, tell, steps } = createRehearsal(signer)
    const token = await tokenOf(ask({ headers }))
    assert.equal(token, await tokenOf(createRehearsal(signer).ask()))
    await tell({ headers })
    const answer = await steps.request(`/v1/id-token?audience=${encodeURIComponent(audience)}`, {
      headers: { ...headers, authorization: `Bearer ${token}` },
    })
    const { value } = (await answer.json()) as { value: string }
    const claims = Buffer.from(value.split('.')[1] ?? '', 'base64url').toString()
    assert.ok(
      claims.includes(`"iss":"${urls.issuer}/ci-main"`) && !claims.includes('evil'),
      `${index}`,
    )
  })
}

test('health › is well while the ledger answers, and 503 with the reason when not', async () => {
  const { store, deps } = createRehearsal(signer)
  const app = createHealthApp({ store, ledger: deps.ledger, signer, version: '1.2.3' })
  const well = await app.request('/healthz')
  assert.deepEqual(
    [well.status, await well.json()],
    [200, { status: 'ok', version: '1.2.3', keys: 1 }],
  )
  await store.close()
  const ill = await app.request('/healthz')
  assert.equal(ill.status, 503)
  assert.match(await ill.text(), /"failing","reason":"The database does not answer/)
})
