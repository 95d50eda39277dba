// Our tokens before verifiers that know nothing of us: openid-client discovers the issuer over TLS,
// jsonwebtoken (its own signature code, not jose) checks tokens against the key set it serves.
import assert from 'node:assert/strict'
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { get } from 'node:https'
import { after, test } from 'node:test'

import { getRequestListener } from '@hono/node-server'
import jwt from 'jsonwebtoken'
import { customFetch, discovery, None } from 'openid-client'

import {
  audience,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  tokenOf,
} from '../src/issuer/rehearsal.fixture.ts'
import { createAuthority } from '../src/lab/authority.ts'
import { listenTls } from '../src/lab/listen.ts'
import { partyKinds } from '../suites/parties.ts'
import { expectedMatrix } from '../suites/parties/party.ts'

const authority = await createAuthority()
const signer = await createRehearsalSigner()
// The port is known once the door listens, and the issuer's name only then.
const door: { handle: ReturnType<typeof getRequestListener> | undefined } = { handle: undefined }
const listener = await listenTls({ authority }, (request, response) => {
  void door.handle?.(request, response)
})
after(() => listener.close())
const issuer = `${listener.url}/drone/ci-main`
const rehearsal = createRehearsal(signer, { issuerUrl: `${listener.url}/drone` })
door.handle = getRequestListener(rehearsal.publicApp.fetch)

const requestToken = await tokenOf(rehearsal.ask())
await rehearsal.tell()
const token = String((await jsonOf(rehearsal.exchange(requestToken)))['value'])
const clockTimestamp = rehearsal.world.time / 1000

/** A fetch that trusts the lab's authority and nobody else. */
function fetchLab(url: string): Promise<Response> {
  return new Promise((resolve, reject) => {
    get(url, { ca: authority.caPem, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const type = response.headers['content-type'] ?? ''
        const init = { status: response.statusCode ?? 0, headers: { 'content-type': type } }
        resolve(new Response(Buffer.concat(chunks), init))
      })
    }).on('error', reject)
  })
}

const discover = (url: string) =>
  discovery(new URL(url), 'a-client', undefined, None(), { [customFetch]: fetchLab })

async function servedKey(kid: string | undefined): Promise<KeyObject> {
  const { jwks_uri: uri = '' } = (await discover(issuer)).serverMetadata()
  const { keys } = (await (await fetchLab(uri)).json()) as {
    keys: (JsonWebKey & { kid: string })[]
  }
  const key = keys.find((each) => each.kid === kid)
  assert.ok(key)
  return createPublicKey({ key, format: 'jwk' })
}

const key = await servedKey(jwt.decode(token, { complete: true })?.header.kid)
const expected = {
  algorithms: ['RS256'],
  issuer,
  audience,
  subject: 'repo:octo/hello@42:ref:refs/heads/main',
  clockTimestamp,
} satisfies jwt.VerifyOptions

const verify = (given: string, more: jwt.VerifyOptions = {}, by: KeyObject = key) =>
  jwt.verify(given, by, { ...expected, ...more })

test('openid-client › discovers the issuer from its URL alone', async () => {
  const metadata = (await discover(issuer)).serverMetadata()
  assert.equal(metadata.issuer, issuer)
  assert.equal(metadata.jwks_uri, `${issuer}/.well-known/jwks.json`)
  assert.deepEqual(metadata.id_token_signing_alg_values_supported, ['RS256'])
})

test('openid-client › refuses the issuer of another instance under our name, and an unknown one', async () => {
  await assert.rejects(discover(`${issuer}/`))
  await assert.rejects(discover(issuer.replace('ci-main', 'ci-three')))
  // Served under another host name, the document still names its own issuer.
  await assert.rejects(discover(issuer.replace('localhost', '127.0.0.1')))
})

test('jsonwebtoken › accepts a token with the key that discovery leads to', () => {
  const claims = verify(token) as jwt.JwtPayload
  assert.equal(claims['repository_id'], '42')
  assert.equal(claims.jti, 'jti-1')
})

const refusals: { name: string; more: jwt.VerifyOptions; says: RegExp }[] = [
  { name: 'another audience', more: { audience: 'sts.amazonaws.com' }, says: /audience invalid/ },
  {
    name: 'an audience in other case',
    more: { audience: audience.toLowerCase() },
    says: /audience/,
  },
  { name: 'another issuer', more: { issuer: 'https://id.example/drone/ci-main' }, says: /issuer/ },
  {
    name: 'the issuer of another instance',
    more: { issuer: issuer.replace('main', 'two') },
    says: /issuer/,
  },
  { name: 'the issuer with a slash', more: { issuer: `${issuer}/` }, says: /issuer invalid/ },
  { name: 'another subject', more: { subject: 'repo:octo/hello@42:tag' }, says: /subject invalid/ },
  { name: 'ten minutes later', more: { clockTimestamp: clockTimestamp + 600 }, says: /expired/ },
  {
    name: 'the very second of expiry',
    more: { clockTimestamp: clockTimestamp + 540 },
    says: /expired/,
  },
  { name: 'two minutes before', more: { clockTimestamp: clockTimestamp - 61 }, says: /not active/ },
  { name: 'older than allowed', more: { maxAge: '30s' }, says: /maxAge exceeded/ },
  { name: 'another algorithm of RSA', more: { algorithms: ['PS256'] }, says: /invalid algorithm/ },
]

for (const { name, more, says } of refusals) {
  test(`jsonwebtoken › refuses a token for or at ${name}`, () => {
    assert.throws(() => verify(token, more), says)
  })
}

test('jsonwebtoken › takes a token a clock of up to a minute behind', () => {
  assert.ok(verify(token, { clockTimestamp: clockTimestamp - 60 }))
  assert.ok(verify(token, { clockTimestamp: clockTimestamp + 539 }))
})

test('jsonwebtoken › refuses a token with another key', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  assert.throws(() => verify(token, {}, publicKey), /invalid signature/)
})

const encode = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url')
const [header = '', claims = '', signature = ''] = token.split('.')
const pem = key.export({ type: 'spki', format: 'pem' })
const forge = (alg: string, sign: (text: string) => string) => {
  const head = encode({ alg, typ: 'JWT', kid: jwt.decode(token, { complete: true })?.header.kid })
  return `${head}.${claims}.${sign(`${head}.${claims}`)}`
}
const changed = encode({ ...(jwt.decode(token) as object), sub: 'repo:octo/hello@42:tag' })

const forgeries: { name: string; forged: string }[] = [
  { name: 'alg none and no signature', forged: forge('none', () => '') },
  { name: 'alg none and our signature', forged: forge('none', () => signature) },
  { name: 'alg NONE', forged: forge('NONE', () => '') },
  {
    name: 'HS256 with our public key as the secret',
    forged: forge('HS256', (text) => createHmac('sha256', pem).update(text).digest('base64url')),
  },
  { name: 'HS256 in the header over our signature', forged: forge('HS256', () => signature) },
  { name: 'RS512 in the header over our signature', forged: forge('RS512', () => signature) },
  { name: 'changed claims', forged: `${header}.${changed}.${signature}` },
  { name: 'no signature', forged: `${header}.${claims}.` },
  { name: 'a cut signature', forged: `${header}.${claims}.${signature.slice(0, -4)}` },
]

for (const { name, forged } of forgeries) {
  test(`jsonwebtoken › refuses a token with ${name}`, () => {
    const { algorithms, subject: _, ...lax } = expected
    const refusal = /invalid (signature|algorithm|token)|jwt signature is required/
    assert.throws(() => jwt.verify(forged, key, { ...lax, algorithms }), refusal)
    // Also a verifier that fixes no algorithm: the key is an RSA key, and that decides.
    assert.throws(() => jwt.verify(forged, key, lax), refusal)
    assert.throws(() => jwt.verify(forged, pem, lax), refusal)
  })
}

// Formatters pad tables as they like.
const unpadded = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-')

test('docs/relying-parties.md shows the matrix that the suite asserts', () => {
  const page = unpadded(readFileSync('docs/relying-parties.md', 'utf8'))
  assert.ok(page.includes(unpadded(expectedMatrix(partyKinds).join('\n'))))
})

test('the suite of parties asserts that each accepts the right token, and what it checks', () => {
  for (const { name, expects } of partyKinds.flatMap(({ rows }) => rows)) {
    assert.equal(expects.right, 'accepts', name)
    for (const column of ['aud', 'iss', 'key', 'kid', 'exp'] as const) {
      assert.ok(expects[column] instanceof RegExp, `${name} does not check ${column}`)
    }
  }
})
