import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'

import { generateKeyPair } from 'jose'

import { createAuthority } from './authority.ts'
import { type EntraCode, refusals } from './entra-errors.ts'
import { type EntraKit, readAnswer, startEntraKit, trusted } from './entra.fixture.ts'
import { startTestIssuer, type TestAnswer } from './issuer.fixture.ts'

let kit: EntraKit

type Case = { code: EntraCode; name: string; ask: () => Promise<TestAnswer> }

const cases: Case[] = [
  { code: 50027, name: 'a text that is no JWT', ask: () => kit.ask('***') },
  { code: 50027, name: 'a quoted JWT', ask: async () => kit.ask(`"${await kit.issuer.sign()}"`) },
  {
    code: 50027,
    name: 'a JWT cut short',
    ask: async () => kit.ask((await kit.issuer.sign()).slice(0, 40)),
  },
  {
    code: 50027,
    name: 'claims that are no JSON',
    ask: () => kit.ask('eyJhbGciOiJSUzI1NiJ9.bm8.c2ln'),
  },
  {
    code: 50027,
    name: 'a subject that is a number',
    ask: () => kit.askSigned({ claims: { sub: 7 } }),
  },
  {
    code: 50027,
    name: 'an expiry that is a text',
    ask: () => kit.askSigned({ claims: { exp: 'soon' } }),
  },
  {
    code: 5002727,
    name: 'another token type',
    ask: () => kit.askSigned({ header: { typ: 'at+jwt' } }),
  },
  {
    code: 5002727,
    name: 'no token type',
    ask: () => kit.askSigned({ header: { typ: undefined } }),
  },
  { code: 5002723, name: 'no key id', ask: () => kit.askSigned({ header: { kid: undefined } }) },
  {
    code: 5002738,
    name: 'a shared-secret algorithm',
    ask: () => kit.askSigned({ header: { alg: 'HS256' }, key: new Uint8Array(32) }),
  },
  {
    code: 5002738,
    name: 'an elliptic curve algorithm',
    ask: async () =>
      kit.askSigned({ header: { alg: 'ES256' }, key: (await generateKeyPair('ES256')).privateKey }),
  },
  ...['iss', 'sub', 'aud', 'exp'].map((claim): Case => ({
    code: 90014,
    name: `no ${claim}`,
    ask: () => kit.askSigned({ claims: { [claim]: undefined } }),
  })),
  {
    code: 70025,
    name: 'an app without credentials',
    ask: () => {
      kit.app.removeCredential('main')
      return kit.askSigned({})
    },
  },
  {
    code: 700211,
    name: 'another issuer',
    ask: () => kit.askSigned({ claims: { iss: 'https://x.test' } }),
  },
  {
    code: 700211,
    name: 'an issuer with a trailing slash',
    ask: () => kit.askSigned({ claims: { iss: `${kit.issuer.url}/` } }),
  },
  {
    code: 700212,
    name: 'another audience',
    ask: () => kit.askSigned({ claims: { aud: `${trusted.audience}China` } }),
  },
  {
    code: 700212,
    name: 'an audience in another case',
    ask: () => kit.askSigned({ claims: { aud: trusted.audience.toLowerCase() } }),
  },
  {
    code: 700213,
    name: 'another subject',
    ask: () => kit.askSigned({ claims: { sub: `${trusted.subject}2` } }),
  },
  {
    code: 7002138,
    name: 'a subject in another case',
    ask: () => kit.askSigned({ claims: { sub: trusted.subject.replace('main', 'Main') } }),
  },
  {
    code: 501661,
    name: 'an empty authorization_endpoint',
    ask: () => {
      kit.issuer.document['authorization_endpoint'] = ''
      return kit.askSigned({})
    },
  },
  {
    code: 501661,
    name: 'empty subject_types_supported',
    ask: () => {
      kit.issuer.document['subject_types_supported'] = []
      return kit.askSigned({})
    },
  },
  {
    code: 501661,
    name: 'a discovery document of another issuer',
    ask: () => {
      kit.issuer.document['issuer'] = `${kit.issuer.url}/`
      return kit.askSigned({})
    },
  },
  {
    code: 501661,
    name: 'keys served without TLS',
    ask: () => {
      kit.issuer.document['jwks_uri'] = kit.issuer.url.replace('https', 'http')
      return kit.askSigned({})
    },
  },
  {
    code: 501661,
    name: 'an issuer that answers 503',
    ask: () => {
      kit.issuer.failWith.status = 503
      return kit.askSigned({})
    },
  },
  {
    code: 501661,
    name: 'an issuer that answers a page',
    ask: () => {
      kit.issuer.failWith.body = '<html>'
      return kit.askSigned({})
    },
  },
  {
    code: 501661,
    name: 'an issuer that is down',
    ask: async () => {
      kit.app.addCredential({ name: 'down', issuer: 'https://localhost:1', ...trusted })
      return kit.askSigned({ claims: { iss: 'https://localhost:1' } })
    },
  },
  {
    code: 501661,
    name: 'an issuer whose certificate nobody trusts',
    ask: async () => {
      const foreign = await startTestIssuer({
        authority: await createAuthority(),
        now: () => kit.time,
      })
      kit.app.addCredential({ name: 'foreign', issuer: foreign.url, ...trusted })
      const answer = await kit.ask(await foreign.sign())
      await foreign.close()
      return answer
    },
  },
  {
    code: 7000272,
    name: 'an unpublished key',
    ask: () => kit.askSigned({ header: { kid: 'key-2' } }),
  },
  {
    code: 700027,
    name: 'another key under the same id',
    ask: async () => kit.askSigned({ key: (await generateKeyPair('RS256')).privateKey }),
  },
  {
    code: 700027,
    name: 'claims altered after signing',
    ask: async () => {
      const [header, , signature] = (await kit.issuer.sign()).split('.')
      const [, claims] = (await kit.issuer.sign()).split('.')
      return kit.ask([header, claims, signature].join('.'))
    },
  },
  {
    code: 700024,
    name: 'an assertion at the second it expires',
    ask: async () => {
      const token = await kit.issuer.sign()
      kit.time = new Date(kit.time.getTime() + 600_000)
      return kit.ask(token)
    },
  },
  {
    code: 700024,
    name: 'an assertion of the future',
    ask: () => kit.askSigned({ claims: { nbf: Math.floor(kit.time.getTime() / 1000) + 1 } }),
  },
  {
    code: 900023,
    name: 'a malformed tenant',
    ask: () => kit.askSigned({}, { tenant: 'no_tenant' }),
  },
  {
    code: 90002,
    name: 'an unknown tenant',
    ask: () => kit.askSigned({}, { tenant: randomUUID() }),
  },
  { code: 90002, name: 'an unknown domain', ask: () => kit.askSigned({}, { tenant: 'acme.test' }) },
  {
    code: 700016,
    name: 'an unknown app',
    ask: () => kit.askSigned({}, { form: { client_id: randomUUID() } }),
  },
  {
    code: 7000112,
    name: 'a disabled app',
    ask: () => {
      kit.app.enabled = false
      return kit.askSigned({})
    },
  },
  { code: 7000215, name: 'a secret', ask: () => kit.ask('', { form: { client_secret: 'guess' } }) },
  { code: 7000222, name: 'an expired secret', ask: () => kit.askWithSecret(-1) },
  { code: 7000218, name: 'no credential', ask: () => kit.ask('') },
  {
    code: 9002313,
    name: 'a SAML assertion type',
    ask: () => kit.askSigned({}, { form: { client_assertion_type: 'urn:x' } }),
  },
  {
    code: 70003,
    name: 'a password grant',
    ask: () => kit.askSigned({}, { form: { grant_type: 'password' } }),
  },
  ...['grant_type', 'client_id', 'scope', 'client_assertion_type'].map((parameter): Case => ({
    code: 900144,
    name: `an empty ${parameter}`,
    ask: () => kit.askSigned({}, { form: { [parameter]: '' } }),
  })),
  {
    code: 1002012,
    name: 'a scope without /.default',
    ask: () =>
      kit.askSigned({}, { form: { scope: 'https://storage.azure.com/user_impersonation' } }),
  },
  {
    code: 700022,
    name: 'two resources',
    ask: () =>
      kit.askSigned(
        {},
        { form: { scope: 'https://storage.azure.com/.default https://x.test/.default' } },
      ),
  },
  {
    code: 500011,
    name: 'an unknown resource',
    ask: () => kit.askSigned({}, { form: { scope: 'https://vault.azure.net/.default' } }),
  },
]

describe('entra refusals', () => {
  before(async () => {
    kit = await startEntraKit()
  })
  beforeEach(() => kit.reset())
  after(() => kit.close())

  for (const { code, name, ask: askCase } of cases) {
    test(`refuses ${name} with AADSTS${code}`, async () => {
      const issued = kit.entra.issuedTokens.length
      const answer = await askCase()
      const body = readAnswer(answer)
      assert.equal(answer.status, refusals[code].status, answer.text)
      assert.deepEqual(body['error_codes'], [code], answer.text)
      assert.equal(body['error'], refusals[code].error)
      const record = kit.entra.exchanges.at(-1)
      assert.equal(record?.resultCode, code)
      assert.equal(record?.accessTokenSha256, '')
      assert.equal(kit.entra.issuedTokens.length, issued)
    })
  }

  test('every code of its table has a test', () => {
    const tested = new Set(cases.map(({ code }) => String(code)))
    assert.ok(Object.keys(refusals).every((code) => tested.has(code)))
  })
})
