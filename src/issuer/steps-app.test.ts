import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'

import { hashSecret } from '../core/digest.ts'
import { Secret } from '../core/secret.ts'
import { parsePolicy } from '../policy/schema.ts'
import {
  audience,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  partOf,
  policyText,
  tokenOf,
  urls,
  type Json,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

/** A rehearsal with a confirmed push and its request token. */
async function begin() {
  const rehearsal = createRehearsal(signer)
  const token = await tokenOf(rehearsal.ask())
  await rehearsal.tell()
  return { ...rehearsal, token }
}

test('exchange › answers in the form of GitHub, with the identity to become', async () => {
  const { exchange, token } = await begin()
  const answer = await exchange(token)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const { value, trace, ...rest } = (await answer.json()) as { value: string; trace: string }
  assert.match(trace, /^[0-9a-f]{32}$/)
  assert.deepEqual(rest, {
    count: value.length,
    identity: {
      name: 'artifacts',
      tenant_id: '11111111-2222-4333-8444-555555555555',
      client_id: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
    },
  })
})

test('exchange › mints a token that the published key verifies', async () => {
  const { exchange, token } = await begin()
  const value = String((await jsonOf(exchange(token)))['value'])
  const [header, claims, signature = ''] = value.split('.')
  const [jwk] = signer.publicKeys()
  assert.deepEqual(partOf(value, 0), { alg: 'RS256', typ: 'JWT', kid: jwk?.kid })
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const signed = Buffer.from(`${header}.${claims}`)
  assert.ok(verify('sha256', signed, key, Buffer.from(signature, 'base64url')))
})

test('exchange › mints exactly these claims for a push to main', async () => {
  const { exchange, token, world } = await begin()
  const claims = partOf(String((await jsonOf(exchange(token)))['value']), 1)
  const now = world.time / 1000
  assert.deepEqual(claims, {
    iss: `${urls.issuer}/ci-main`,
    sub: 'repo:octo/hello@42:ref:refs/heads/main',
    aud: audience,
    iat: now - 60,
    nbf: now - 60,
    exp: now + 540,
    jti: 'jti-1',
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

test('exchange › gives a token that lives, even for the shortest lifetime, and at most ten minutes', async () => {
  for (const [lifetime, left] of [
    ['1m', 60],
    ['5m', 300],
    ['9m', 540],
    ['10m', 540],
  ] as const) {
    const { exchange, ask, tell, world } = createRehearsal(signer)
    world.policy = parsePolicy(policyText.replace('lifetime: 1m', `lifetime: ${lifetime}`))
    const build = { event: 'tag', ref: 'refs/tags/v1' }
    const token = await tokenOf(ask({ name: 'release', build }))
    await tell({ build })
    const { iat, exp } = partOf(String((await jsonOf(exchange(token)))['value']), 1) as {
      iat: number
      exp: number
    }
    assert.equal(exp - world.time / 1000, left)
    assert.ok(exp - iat <= 600)
  }
})

test('exchange › gives every token its own id, and one audience as a text', async () => {
  const { exchange, token } = await begin()
  const ids = new Set<unknown>()
  for (const wanted of [audience, audience, 'sts.amazonaws.com']) {
    const answer = await exchange(token, `audience=${encodeURIComponent(wanted)}`)
    const claims = partOf(String((await jsonOf(answer))['value']), 1)
    assert.equal(claims['aud'], wanted)
    ids.add(claims['jti'])
  }
  assert.equal(ids.size, 3)
})

test('exchange › is on record with hash, id, audience, subject and identity of the token', async () => {
  const { exchange, token, records } = await begin()
  const value = String((await jsonOf(exchange(token)))['value'])
  const record = (await records()).at(-1)
  assert.equal(record?.type, 'token.issued')
  assert.equal(record.decision, 'allow')
  assert.equal(record.rule, 'publish')
  assert.deepEqual(record.principal, { sub: 'repo:octo/hello@42:ref:refs/heads/main' })
  assert.deepEqual(record.token, {
    kind: 'id',
    sha256: hashSecret(new Secret(value)),
    jti: 'jti-1',
    aud: audience,
    exp: partOf(value, 1)['exp'],
  })
  assert.deepEqual(record.azure, {
    tenant: '11111111-2222-4333-8444-555555555555',
    client_id: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
  })
  assert.equal(record.build?.class, 'push')
  const [requested] = await records()
  assert.equal(requested?.trace, record.trace)
  assert.ok(record.detail?.includes(hashSecret(new Secret(token)).slice(0, 12)))
})

const encoded = encodeURIComponent(audience)

const questions: { name: string; query: string; status: number; code: string }[] = [
  { name: 'no audience', query: 'v=1', status: 400, code: 'issuer_audience_missing' },
  { name: 'an empty audience', query: 'audience=', status: 400, code: 'issuer_audience_missing' },
  {
    name: 'an audience in other case of the key',
    query: `Audience=${encoded}`,
    status: 400,
    code: 'issuer_audience_missing',
  },
  {
    name: 'an audience twice',
    query: `audience=${encoded}&audience=${encoded}`,
    status: 400,
    code: 'issuer_audience_repeated',
  },
  {
    name: 'two audiences, both allowed',
    query: `audience=${encoded}&v=1&audience=sts.amazonaws.com`,
    status: 400,
    code: 'issuer_audience_repeated',
  },
  {
    name: 'an audience and an empty one',
    query: `audience=${encoded}&audience=`,
    status: 400,
    code: 'issuer_audience_repeated',
  },
  {
    name: 'an audience that is not allowed',
    query: 'audience=https%3A%2F%2Fevil.example',
    status: 403,
    code: 'policy_audience_denied',
  },
  {
    name: 'an audience with a blank after it',
    query: `audience=${encoded}%20`,
    status: 403,
    code: 'policy_audience_denied',
  },
  {
    name: 'a list of audiences in one text',
    query: `audience=${encoded},sts.amazonaws.com`,
    status: 403,
    code: 'policy_audience_denied',
  },
  {
    name: 'a version given twice',
    query: `v=1&v=2&audience=${encoded}`,
    status: 400,
    code: 'issuer_version_unknown',
  },
  { name: 'v=2', query: `v=2&audience=${encoded}`, status: 400, code: 'issuer_version_unknown' },
  {
    name: 'an empty v',
    query: `v=&audience=${encoded}`,
    status: 400,
    code: 'issuer_version_unknown',
  },
  { name: 'v=01', query: `v=01&audience=${encoded}`, status: 400, code: 'issuer_version_unknown' },
]

for (const { name, query, status, code } of questions) {
  test(`exchange › with ${name} is refused`, async () => {
    const { exchange, token, records } = await begin()
    const answer = await exchange(token, query)
    const problem = await jsonOf(answer)
    assert.deepEqual([answer.status, problem['code'], problem['status']], [status, code, status])
    assert.ok(!Object.hasOwn(problem, 'value'))
    assert.ok((await records()).every((record) => record.type !== 'token.issued'))
  })
}

test('exchange › without v, or in another order, is the same exchange', async () => {
  const { exchange, token } = await begin()
  assert.equal((await exchange(token, `audience=${encoded}`)).status, 200)
  assert.equal((await exchange(token, `audience=${encoded}&v=1&x=y`)).status, 200)
})

const bearers: { name: string; header: (token: string) => string | undefined }[] = [
  { name: 'no bearer', header: () => undefined },
  { name: 'an empty bearer', header: () => 'Bearer ' },
  { name: 'a token nobody made', header: () => 'Bearer asd1.e30.AAAA' },
  { name: 'the secret part only', header: (token) => `Bearer ${token.split('.')[2]}` },
  { name: 'a cut token', header: (token) => `Bearer ${token.slice(0, -1)}` },
  { name: 'a longer token', header: (token) => `Bearer ${token}A` },
  { name: 'another service in the token', header: (token) => `Bearer ${moved(token)}` },
  { name: 'the token twice', header: (token) => `Bearer ${token}, Bearer ${token}` },
  { name: 'the token as a password', header: (token) => `Basic ${btoa(`x:${token}`)}` },
  { name: 'its hash', header: (token) => `Bearer ${hashSecret(new Secret(token))}` },
]

for (const { name, header } of bearers) {
  test(`exchange › with ${name} is unknown, and nothing is on record`, async () => {
    const { steps, token, records } = await begin()
    const authorization = header(token)
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
    const answer = await steps.request(`/v1/id-token?audience=${encoded}`, { headers })
    assert.equal(answer.status, 401)
    assert.equal((await jsonOf(answer))['code'], 'issuer_token_unknown')
    assert.equal((await records()).length, 1)
  })
}

test('exchange › takes its token from the header only, and only by GET', async () => {
  const { steps, token } = await begin()
  const path = `/v1/id-token?audience=${encoded}`
  assert.equal((await steps.request(`${path}&token=${token}&access_token=${token}`)).status, 401)
  const headers = { authorization: `Bearer ${token}` }
  for (const method of ['POST', 'PUT', 'DELETE']) {
    assert.equal((await steps.request(path, { method, headers })).status, 404)
  }
})

test('exchange › with an expired request token is refused at that very moment, on record', async () => {
  const { exchange, token, world, records } = await begin()
  world.time += 65 * 60_000 - 1
  assert.equal((await exchange(token)).status, 200)
  world.time += 1
  const answer = await exchange(token)
  assert.equal(answer.status, 401)
  assert.equal((await jsonOf(answer))['code'], 'issuer_token_expired')
  assert.deepEqual((await records()).at(-1)?.reasons, ['issuer_token_expired'])
})

test('exchange › obeys a policy that was narrowed after the token was handed out', async () => {
  const changes: { text: string; code: string }[] = [
    { text: policyText.replace('name: publish', 'name: gone'), code: 'policy_entry_unknown' },
    { text: policyText.replace('events: [push]', 'events: [cron]'), code: 'policy_event_denied' },
    { text: policyText.replace('heads/main', 'heads/next'), code: 'policy_ref_denied' },
    { text: policyText.replaceAll("'42'", "'43'"), code: 'policy_repository_denied' },
    { text: policyText.replace(`[${audience}, `, '['), code: 'policy_audience_denied' },
  ]
  for (const { text, code } of changes) {
    const { exchange, token, world, records } = await begin()
    assert.equal((await exchange(token)).status, 200)
    world.policy = parsePolicy(text)
    const answer = await exchange(token)
    assert.equal(answer.status, 403)
    assert.equal((await jsonOf(answer))['code'], code)
    assert.deepEqual((await records()).at(-1)?.reasons, [code])
  }
})

function moved(token: string): string {
  const where: Json = { url: 'https://evil.example' }
  return token.replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify(where)).toString('base64url')}.`)
}
