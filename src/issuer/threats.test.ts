// The threat model (facts/guardrails.md §3), T1 to T9 but T2: every title names the threat, and every
// test fails when its defence is taken out. T2 and the rest are in threats-*.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { hashSecret } from '../core/digest.ts'
import { Secret } from '../core/secret.ts'
import { parsePolicy } from '../policy/schema.ts'
import { createApiStage, withApi } from './api.fixture.ts'
import {
  audience,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  partOf,
  policyText,
  tokenOf,
  type Json,
  type Sending,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

async function codeOf(answer: Response | Promise<Response>): Promise<[number, unknown]> {
  const response = await answer
  return [response.status, (await jsonOf(response))['code']]
}

const withoutSignature = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'signature'))

test('T1 › a question without its signature is 401, at every door', async () => {
  const { ask, askEnviron, tell, records } = createRehearsal(signer)
  for (const send of [ask, askEnviron, tell]) {
    const answer = await send({ alter: withoutSignature })
    assert.deepEqual(await codeOf(answer), [401, 'ci_signature_invalid'])
  }
  assert.deepEqual(await records(), [])
})

const lies: { name: string; sending: Sending }[] = [
  { name: 'repository', sending: { repo: { slug: 'octo/evil' } } },
  { name: 'repository id', sending: { repo: { uid: '43' } } },
  { name: 'ref', sending: { build: { ref: 'refs/heads/main' } } },
  { name: 'commit', sending: { build: { after: 'e'.repeat(40) } } },
]

for (const { name, sending } of lies) {
  for (const isDigestAltered of [false, true]) {
    const how = isDigestAltered ? ', with a digest that fits,' : ''
    test(`T1 › a ${name} that was altered on the way${how} is 401`, async () => {
      const { ask } = createRehearsal(signer)
      const alter = (headers: Record<string, string>) => ({ ...headers, ...digests })
      const digests: Record<string, string> = {}
      const before = { build: { ref: 'refs/heads/feature' } }
      let signed: Record<string, string> = {}
      await ask({ ...before, alter: (headers) => (signed = headers) })
      if (isDigestAltered) {
        await ask({
          ...sending,
          alter: (headers) => ((digests['digest'] = headers['digest'] ?? ''), headers),
        })
      }
      const answer = await ask({ ...sending, alter: () => alter(signed) })
      assert.deepEqual(await codeOf(answer), [401, 'ci_signature_invalid'])
    })
  }

  test(`T1 › a ${name} that a runner forges with its own signature gives no ID token`, async () => {
    const { ask, tell, exchange, world } = createRehearsal(signer)
    // The policy knows the forged facts: what stops the runner is the server's word alone.
    const { slug = 'octo/hello', uid = '42' } = (sending.repo ?? {}) as Record<string, string>
    world.policy = parsePolicy(
      policyText.replaceAll('octo/hello', slug).replaceAll("'42'", `'${uid}'`),
    )
    await tell({ build: { ref: 'refs/heads/feature' } })
    const [status, code] = await codeOf(exchange(await tokenOf(ask(sending))))
    assert.deepEqual([status, code], [403, 'issuer_build_contradicted'])
  })
}

test('T1 › what a step says of itself is read nowhere', async () => {
  const { ask, tell, steps } = createRehearsal(signer)
  const token = await tokenOf(ask())
  await tell()
  const lie = 'repository=octo/evil&ref=refs/heads/evil&sub=evil&run_id=1&iss=https://evil'
  const answer = await steps.request(
    `/v1/id-token?audience=${encodeURIComponent(audience)}&${lie}`,
    { headers: { authorization: `Bearer ${token}`, 'x-drone-repo': 'octo/evil' } },
  )
  const claims = partOf(String((await jsonOf(answer))['value']), 1)
  assert.ok(!JSON.stringify(claims).includes('evil'))
  assert.equal(claims['run_id'], '1001')
})

for (const [name, repo, said] of [
  ['recreated with a new id', { uid: '9999' }, /id 42.*another repository/],
  ['renamed', { slug: 'octo/renamed' }, /was renamed before the policy knew/],
] as const) {
  test(`T3 › a repository that was ${name} is another one, by webhook and by API`, async () => {
    const api = createApiStage()
    const { ask, tell, exchange } = createRehearsal(signer, { call: api.call, instance: withApi() })
    api.state.repository = { ...api.state.repository, ...repo }
    await tell({ repo })
    const problem = await jsonOf(exchange(await tokenOf(ask({ repo }))))
    assert.equal(problem['code'], 'policy_repository_denied')
    assert.match(String(problem['detail']), said)
  })
}

test('T3 › a runner that still tells the old id of a recreated repository is contradicted by the API', async () => {
  const api = createApiStage()
  const { ask, exchange } = createRehearsal(signer, { call: api.call, instance: withApi() })
  api.state.repository['uid'] = '9999'
  const [, code] = await codeOf(exchange(await tokenOf(ask())))
  assert.equal(code, 'issuer_build_contradicted')
})

const oddNames = fc.string({
  unit: fc.constantFrom('a', ':', '@', '*', '%', '3A', '%3A', 'policy', 'é'),
  minLength: 1,
  maxLength: 6,
})
const alike = [
  encodeURIComponent,
  (name: string) => name.replaceAll('%3A', ':'),
  (name: string) => name.replaceAll('@', ':'),
  (name: string) => `${name}:a`,
]

test('T4 › property: no two branches have one subject, whatever stands in their names', async () => {
  await fc.assert(
    fc.asyncProperty(oddNames, fc.constantFrom(...alike), async (one, change) => {
      const other = change(one)
      fc.pre(one !== other)
      const subjects = [await subjectOf(one), await subjectOf(other)]
      assert.notEqual(subjects[0], subjects[1])
      for (const subject of subjects) assert.match(subject, /^repo:octo\/hello@42:ref:[^:@*]+$/)
    }),
    { numRuns: 40 },
  )
})

async function subjectOf(branch: string): Promise<string> {
  const { ask, tell, exchange, world } = createRehearsal(signer)
  world.policy = parsePolicy(policyText.replace('refs/heads/main', 'refs/heads/**'))
  const build = { ref: `refs/heads/${branch}` }
  await tell({ build })
  const answer = await jsonOf(exchange(await tokenOf(ask({ build }))))
  return String(partOf(String(answer['value']), 1)['sub'])
}

test('T4 › a policy entry cannot have a name that reads like another subject', () => {
  for (const name of ['x:policy:y', 'x@1', '../x', 'X', 'x*']) {
    const text = policyText.replace('name: publish', `name: '${name}'`)
    assert.throws(() => parsePolicy(text), { code: 'config_invalid' })
  }
})

test('T5 › no algorithm but HMAC-SHA256 signs a question', async () => {
  for (const algorithm of ['hmac-sha1', 'none', 'rsa-sha256', 'HMAC-SHA256', 'hs2019', '']) {
    const { ask } = createRehearsal(signer)
    const alter = (headers: Record<string, string>) => ({
      ...headers,
      signature: String(headers['signature']).replace('hmac-sha256', algorithm),
    })
    assert.deepEqual(await codeOf(ask({ alter })), [401, 'ci_signature_invalid'])
  }
})

test('T5 › ID tokens are RS256 by our key id, and a JWT of any kind is no request token', async () => {
  const { ask, tell, exchange } = createRehearsal(signer)
  const token = await tokenOf(ask())
  await tell()
  const value = String((await jsonOf(exchange(token)))['value'])
  const keys = signer.publicKeys().map(({ kid }) => kid)
  const { kid, ...rest } = partOf(value, 0)
  assert.deepEqual(rest, { alg: 'RS256', typ: 'JWT' })
  assert.ok(keys.includes(String(kid)))
  const claims = value.split('.')[1]
  for (const header of [
    { alg: 'none' },
    { alg: 'HS256', kid },
    { alg: 'RS256', jku: 'https://evil.example/jwks', kid: 'x' },
    { alg: 'RS256', jwk: {} },
  ]) {
    const encoded = Buffer.from(JSON.stringify(header)).toString('base64url')
    for (const forged of [value, `${encoded}.${claims}.`, `${encoded}.${claims}.AAAA`]) {
      assert.deepEqual(await codeOf(exchange(forged)), [401, 'issuer_token_unknown'])
    }
  }
})

for (const lost of [false, true]) {
  test(`T6 › a stolen request token is dead within 5 s of its build's end${lost ? ', also when the last webhook is lost' : ''}`, async () => {
    const api = createApiStage()
    const { ask, tell, exchange, world } = createRehearsal(signer, {
      call: api.call,
      instance: withApi(),
    })
    const stolen = await tokenOf(ask())
    await tell()
    assert.equal((await exchange(stolen)).status, 200)
    const end: Json = { status: 'killed', version: 3 }
    api.state.build = { ...api.state.build, ...end }
    if (lost) world.time += 5000
    else await tell({ build: end })
    assert.deepEqual(await codeOf(exchange(stolen)), [403, 'issuer_build_finished'])
  })
}

test('T6 › an ID token that is stolen lives ten minutes at most', async () => {
  const { ask, tell, exchange, world } = createRehearsal(signer)
  await tell()
  const { value } = await jsonOf(exchange(await tokenOf(ask())))
  const { exp, iat } = partOf(String(value), 1)
  assert.ok(Number(exp) - world.time / 1000 <= 600 && Number(exp) - Number(iat) <= 600)
})

test('T7 (nearest form: our token endpoint) › another process without the token gets nothing, and with it no other audience', async () => {
  const { ask, tell, exchange, steps, store } = createRehearsal(signer)
  const token = await tokenOf(ask())
  await tell()
  const path = `/v1/id-token?audience=${encodeURIComponent(audience)}`
  for (const authorization of [undefined, 'Bearer', 'Basic x', `bearer: ${token}`]) {
    const headers: Record<string, string> = authorization ? { authorization } : {}
    assert.equal((await steps.request(path, { headers })).status, 401)
  }
  assert.equal((await steps.request(`${path}&token=${token}`)).status, 401)
  const other = await exchange(token, 'audience=https%3A%2F%2Fstorage.azure.com')
  assert.deepEqual(await codeOf(other), [403, 'policy_audience_denied'])
  // What the database holds is no token either.
  const hash = hashSecret(new Secret(token))
  assert.ok(await store.findRequestToken(hash))
  assert.equal((await exchange(hash)).status, 401)
})

test('T8 (nearest form: no policy file comes from a repository) › a pull request that names a wider entry in its pipeline changes nothing', async () => {
  const build = { event: 'pull_request', ref: 'refs/pull/7/head', source_repo: 'octo/hello' }
  for (const name of ['release', 'publish', 'admin', '**', '../publish']) {
    const { ask, tell, exchange } = createRehearsal(signer)
    await tell({ build })
    const repo = { config_path: 'wide-policy.yaml', policy: 'version: 1', trusted: true }
    const [status, code] = await codeOf(exchange(await tokenOf(ask({ name, build, repo }))))
    assert.equal(status, 403)
    assert.match(String(code), /^policy_(entry_unknown|event_denied)$/)
  }
})

test('T9 (nearest form: words of the server, and the policy) › an older word on a build is no news, and a narrowed policy holds for older tokens', async () => {
  const { ask, tell, exchange, store, world } = createRehearsal(signer)
  const token = await tokenOf(ask())
  await tell({ build: { version: 5, ref: 'refs/heads/evil' } })
  await tell({ build: { version: 4 } })
  assert.equal((await store.findBuild('ci-main', 1001))?.version, 5)
  assert.deepEqual(await codeOf(exchange(token)), [403, 'issuer_build_contradicted'])
  await tell({ build: { version: 6 } })
  assert.equal((await exchange(token)).status, 200)
  world.policy = parsePolicy(policyText.replace('events: [push]', 'events: [cron]'))
  assert.deepEqual(await codeOf(exchange(token)), [403, 'policy_event_denied'])
  world.policy = parsePolicy(policyText)
  await tell({ build: { version: 7, status: 'killed' } })
  for (const version of [6, 7, 8]) await tell({ build: { version } })
  assert.deepEqual(await codeOf(exchange(token)), [403, 'issuer_build_finished'])
})
