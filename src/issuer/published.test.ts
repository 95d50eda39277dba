import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { JWK } from 'jose'

import { createHttp } from '../http/node.ts'
import { openLocalSigner, type LocalSigner } from '../keys/local.ts'
import { createAuthority } from '../lab/authority.ts'
import { listenTls, type LabListener } from '../lab/listen.ts'
import { discoveryDocument, discoveryPath, documentHeaders, jwksPath } from './discovery.ts'
import { findDifferences, readPublished, servedKids, type Difference } from './published.ts'

type Json = Record<string, unknown>

/** What the server is to say, laid over what is right. */
type Spoilt = {
  discovery?: Json
  keys?: (keys: JWK[]) => unknown
  headers?: Record<string, string>
  status?: number
  body?: string
  path?: string
}

const folder = mkdtempSync(join(tmpdir(), 'asd-published-'))
let signer: LocalSigner
let listener: LabListener
let issuer = ''
let spoilt: Spoilt = {}
let http: ReturnType<typeof createHttp>
const kids = { revoked: '', retired: '', active: '', next: '' }

function answer(request: IncomingMessage, response: ServerResponse): void {
  const isDiscovery = request.url === `/id/main${discoveryPath}`
  const isSpoilt = spoilt.path === undefined || request.url?.endsWith(spoilt.path)
  const its = isSpoilt ? spoilt : {}
  const keys = structuredClone(signer.publicKeys()) as JWK[]
  const document = isDiscovery
    ? { ...discoveryDocument(issuer), ...its.discovery }
    : { keys: its.keys ? its.keys(keys) : keys }
  response.writeHead(its.status ?? 200, { ...documentHeaders, ...its.headers })
  response.end(its.body ?? JSON.stringify(document))
}

const reverse = (keys: JWK[]) => keys.toReversed()
const without = (kid: () => string) => (keys: JWK[]) => keys.filter((key) => key.kid !== kid())
const withKid = (kid: () => string) => (keys: JWK[]) => [...keys, { ...keys[0], kid: kid() }]

const table: { name: string; spoilt: Spoilt; says: RegExp; kind?: Difference['kind'] }[] = [
  {
    name: 'another issuer',
    spoilt: { discovery: { issuer: 'https://evil.example' } },
    says: /names another issuer, https:\/\/evil\.example; tokens say/,
  },
  {
    name: 'no issuer',
    spoilt: { discovery: { issuer: undefined } },
    says: /names another issuer, undefined/,
  },
  {
    name: 'a path in another case',
    spoilt: { discovery: { issuer: 'https://localhost/ID/main' } },
    says: /another issuer/,
  },
  {
    name: 'keys elsewhere',
    spoilt: { discovery: { jwks_uri: 'https://evil.example/jwks' } },
    says: /sends readers to the keys at https:\/\/evil\.example\/jwks/,
  },
  {
    name: 'no RS256',
    spoilt: { discovery: { id_token_signing_alg_values_supported: ['ES256'] } },
    says: /does not list RS256/,
  },
  {
    name: 'no subject types',
    spoilt: { discovery: { subject_types_supported: [] } },
    says: /does not list public .* Entra insists/,
  },
  {
    name: 'an empty endpoint',
    spoilt: { discovery: { authorization_endpoint: '' } },
    says: /empty authorization_endpoint/,
  },
  {
    name: 'no active key',
    spoilt: { keys: without(() => kids.active) },
    says: /lacks the active key /,
  },
  { name: 'no next key', spoilt: { keys: without(() => kids.next) }, says: /lacks the next key / },
  {
    name: 'no retired key',
    spoilt: { keys: without(() => kids.retired) },
    says: /lacks the retired key /,
  },
  {
    name: 'a revoked key',
    spoilt: { keys: withKid(() => kids.revoked) },
    says: /still has the revoked key .* pass for any build/,
  },
  {
    name: 'a foreign key',
    spoilt: { keys: withKid(() => 'foreign') },
    says: /still has a key that is not ours, foreign/,
  },
  {
    name: 'another key under our kid',
    spoilt: { keys: ([first, ...rest]) => [{ ...first, n: 'AQAB' }, ...rest] },
    says: /another key under the kid .* tokens will not verify/,
  },
  {
    name: 'keys in another order',
    spoilt: { keys: reverse },
    says: /does not begin with the active key/,
  },
  { name: 'no array of keys', spoilt: { keys: () => 'none' }, says: /is no key set/ },
  { name: 'a key that is null', spoilt: { keys: () => [null] }, says: /is no key set/ },
  {
    name: 'text/plain',
    spoilt: { path: jwksPath, headers: { 'content-type': 'text/plain' } },
    says: /jwks\.json is served with the content type text\/plain; it must be application\/json/,
  },
  {
    name: 'a long cache',
    spoilt: { path: discoveryPath, headers: { 'cache-control': 'public, max-age=86400' } },
    says: /openid-configuration may be cached for 86400 s/,
  },
  {
    name: 'a redirect',
    spoilt: { path: jwksPath, status: 302, headers: { location: '/x' } },
    says: /status 302/,
    kind: 'unreachable',
  },
  {
    name: 'an absent file',
    spoilt: { path: jwksPath, status: 404 },
    says: /jwks\.json is answered with status 404/,
    kind: 'unreachable',
  },
  {
    name: 'a proxy page',
    spoilt: { path: discoveryPath, body: '<html>' },
    says: /is no JSON object/,
    kind: 'unreachable',
  },
]

describe('published documents', () => {
  before(async () => {
    const authority = await createAuthority()
    http = createHttp({ maxConnections: 4, ca: [authority.caPem] })
    listener = await listenTls({ authority }, answer)
    issuer = `${listener.url}/id/main`
    signer = await openLocalSigner({ now: () => new Date() }, join(folder, 'keys.json'))
    kids.revoked = signer.publicKeys()[0]?.kid ?? ''
    await signer.change({ command: { kind: 'revoke', kid: kids.revoked } })
    kids.retired = signer.publicKeys()[0]?.kid ?? ''
    await signer.change({ command: { kind: 'activate', isEmergency: true } })
    await signer.change({ command: { kind: 'prepare' } })
    for (const { kid, state } of signer.ring()) if (state !== 'removed') kids[state] = kid
  })
  after(async () => {
    http.close()
    await listener.close()
    rmSync(folder, { recursive: true })
  })

  const expected = () => ({ keys: signer.publicKeys(), ring: signer.ring() })
  const check = async (spoil: Spoilt, url = issuer) => {
    spoilt = spoil
    const seen = await readPublished(http, url)
    return { seen, differences: findDifferences(expected(), seen) }
  }

  test('that are right have no difference, and every key counts as served', async () => {
    const { seen, differences } = await check({})
    assert.deepEqual(differences, [])
    assert.deepEqual(servedKids(expected(), seen), new Set([kids.active, kids.next, kids.retired]))
  })

  for (const { name, spoilt: spoil, says, kind = 'differs' } of table) {
    test(`with ${name} differ in one sentence`, async () => {
      const { differences } = await check(spoil)
      assert.equal(differences.length, 1, JSON.stringify(differences))
      assert.match(differences[0]?.sentence ?? '', says)
      assert.match(differences[0]?.sentence ?? '', /\.$/)
      assert.equal(differences[0]?.kind, kind)
    })
  }

  test('with a trailing slash say so, and no key counts as served', async () => {
    const { seen, differences } = await check({ discovery: { issuer: `${issuer}/` } })
    assert.deepEqual(
      differences.map(({ sentence }) => sentence),
      [
        `${issuer}${discoveryPath} names the issuer ${issuer}/ with a trailing slash; tokens say ${issuer}.`,
      ],
    )
    assert.equal(servedKids(expected(), seen), undefined)
  })

  test('that nobody serves are unreachable, both of them', async () => {
    const { differences } = await check({}, 'https://localhost:1/id/main')
    assert.deepEqual(
      differences.map(({ kind }) => kind),
      ['unreachable', 'unreachable'],
    )
    assert.match(differences[0]?.sentence ?? '', /cannot be reached: .*ECONNREFUSED/)
  })

  test('behind a certificate nobody trusts are unreachable', async () => {
    const strict = createHttp({ maxConnections: 1 })
    try {
      const seen = await readPublished(strict, issuer)
      assert.match(seen.keys.trouble, /certificate/)
      assert.equal(servedKids(expected(), seen), undefined)
    } finally {
      strict.close()
    }
  })

  test('a key that lies there altered does not count as served', async () => {
    const { seen } = await check({ keys: ([first, ...rest]) => [{ ...first, n: 'AQAB' }, ...rest] })
    assert.deepEqual(servedKids(expected(), seen), new Set([kids.next, kids.retired]))
  })
})
