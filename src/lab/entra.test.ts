import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'

import { compactVerify, createLocalJWKSet, exportJWK, generateKeyPair } from 'jose'

import { sha256Hex } from '../core/digest.ts'
import { createDirectory } from './entra-directory.ts'
import { toUti } from './entra-tokens.ts'
import { type EntraKit, readAnswer, startEntraKit, trusted } from './entra.fixture.ts'
import { startEntra } from './entra.ts'
import { send } from './issuer.fixture.ts'

let kit: EntraKit

describe('entra', () => {
  before(async () => {
    kit = await startEntraKit()
  })
  beforeEach(() => kit.reset())
  after(() => kit.close())

  test("words a refusal as Entra's own", async () => {
    const id = '44444444-4444-4444-8444-444444444444'
    const token = await kit.issuer.sign({ claims: { sub: 'repo:other' } })
    const path = `/${kit.entra.tenantId}/oauth2/v2.0/token?client-request-id=${id}`
    const body = readAnswer(await kit.ask(token, { path }))
    assert.deepEqual(Object.keys(body), [
      'error',
      'error_description',
      'error_codes',
      'timestamp',
      'trace_id',
      'correlation_id',
      'error_uri',
    ])
    assert.equal(
      body['error_description'],
      `AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:other'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation Trace ID: ${String(body['trace_id'])} Correlation ID: ${id} Timestamp: 2026-11-23 12:00:00Z`,
    )
    assert.equal(body['correlation_id'], id)
  })

  test('prints its clock and the range of an expired assertion', async () => {
    const token = await kit.issuer.sign()
    kit.time = new Date('2026-11-23T13:00:00.125Z')
    const body = readAnswer(await kit.ask(token))
    assert.match(
      String(body['error_description']),
      /Current time: 2026-11-23T13:00:00\.1250000Z, assertion valid from 2026-11-23T12:00:00\.0000000Z, expiry time of assertion 2026-11-23T12:10:00\.0000000Z\./,
    )
  })

  test('exchanges a matching assertion for a storage token and logs the sign-in', async () => {
    const { tenantId, clientId, objectId } = kit.app
    const ids = { tenantId, clientId, objectId }
    const assertion = await kit.issuer.sign({ claims: { jti: 'jti-1' } })
    const body = readAnswer(await kit.ask(assertion))
    const token = String(body['access_token'])
    assert.deepEqual(
      [body['token_type'], body['expires_in'], body['ext_expires_in']],
      ['Bearer', 3599, 3599],
    )
    const { payload, protectedHeader } = await compactVerify(
      token,
      createLocalJWKSet(kit.entra.jwks()),
    )
    const claims = JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>
    const seconds = Math.floor(kit.time.getTime() / 1000)
    const record = kit.entra.exchanges.at(-1)
    const sts = `https://sts.windows.net/${tenantId}/`
    assert.equal(protectedHeader.alg, 'RS256')
    assert.deepEqual(claims, {
      aud: 'https://storage.azure.com',
      iss: sts,
      iat: seconds - 300,
      nbf: seconds - 300,
      exp: seconds + 3599,
      appid: clientId,
      appidacr: '2',
      idp: sts,
      idtyp: 'app',
      oid: objectId,
      sub: objectId,
      tid: tenantId,
      uti: toUti(record?.traceId ?? ''),
      ver: '1.0',
    })
    assert.match(toUti(record?.traceId ?? ''), /^[\w-]{22}$/)
    assert.deepEqual(
      { ...record, correlationId: '', traceId: '' },
      {
        time: kit.time,
        ...ids,
        correlationId: '',
        traceId: '',
        uti: claims['uti'],
        issuer: kit.issuer.url,
        ...trusted,
        jti: 'jti-1',
        federatedCredentialName: 'main',
        federatedCredentialId: kit.app.credentials[0]?.id,
        resource: 'https://storage.azure.com',
        resultCode: 0,
        resultText: '',
        accessTokenSha256: sha256Hex(token).toUpperCase(),
      },
    )
    assert.equal(kit.entra.issuedTokens.at(-1), token)
  })

  test('accepts RS384 and RS512, an audience list and the scope with two slashes', async () => {
    for (const alg of ['RS384', 'RS512']) {
      const { privateKey, publicKey } = await generateKeyPair(alg)
      kit.issuer.keys.push({ ...(await exportJWK(publicKey)), kid: alg })
      const token = {
        header: { alg, kid: alg },
        claims: { aud: [trusted.audience] },
        key: privateKey,
      }
      const form = { scope: 'https://storage.azure.com//.default' }
      assert.equal((await kit.askSigned(token, { form })).status, 200)
    }
  })

  test('passes over the OpenID scopes that MSAL asks for beside the resource', async () => {
    const form = { scope: 'https://storage.azure.com/.default openid offline_access profile' }
    assert.equal((await kit.askSigned({}, { form })).status, 200)
  })

  test('keeps keys, and reads the issuer again once for a key it does not know', async () => {
    for (let round = 0; round < 3; round += 1) assert.equal((await kit.askSigned({})).status, 200)
    assert.deepEqual(kit.issuer.requests, ['/.well-known/openid-configuration', '/jwks'])
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const next = { header: { kid: 'key-2' }, key: privateKey }
    assert.equal((await kit.askSigned(next)).status, 401)
    assert.equal(kit.issuer.requests.length, 4, 'one refetch')
    kit.issuer.keys.push({ ...(await exportJWK(publicKey)), kid: 'key-2' })
    assert.equal((await kit.askSigned(next)).status, 200)
  })

  test('gives tokens of the lifetime it is told', async () => {
    const { authority, time } = kit
    const now = (): Date => time
    const short = await startEntra({ authority, now }, { accessTokenLifetimeSeconds: 60 })
    const token = await short.mintOwnerToken()
    const { payload } = await compactVerify(token, createLocalJWKSet(short.jwks()))
    const claims = JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>
    assert.equal(claims['exp'], Math.floor(time.getTime() / 1000) + 60)
    assert.equal(claims['oid'], short.owner.objectId)
    assert.deepEqual(short.issuedTokens, [token])
    await short.close()
  })

  test('serves the metadata of its tenants only', async () => {
    const { authority, entra } = kit
    const get = async (path: string) => send(authority.caPem, entra.url, { path })
    const metadata = '/v2.0/.well-known/openid-configuration'
    const known = readAnswer(await get(`/${entra.tenantId}${metadata}`))
    const unknown = await get(`/${kit.app.clientId}${metadata}`)
    const keys = await get(`/${entra.tenantId}/discovery/v2.0/keys`)
    assert.equal(known['token_endpoint'], `${entra.url}/${entra.tenantId}/oauth2/v2.0/token`)
    assert.deepEqual([unknown.status, readAnswer(unknown)['error_codes']], [400, [90002]])
    assert.deepEqual(readAnswer(keys), entra.jwks())
    assert.equal('d' in (entra.jwks().keys[0] ?? {}), false)
  })
})

describe('entra directory', () => {
  const ids = { tenantId: 'tenant', clientId: 'client', objectId: 'object' }
  const credential = { name: 'main', issuer: 'https://ci.test', subject: 'repo', audience: 'aud' }

  test('takes twenty credentials and refuses one more', () => {
    const app = createDirectory('tenant').registerApp(ids)
    for (let count = 1; count <= 20; count += 1) {
      app.addCredential({ ...credential, name: `n-${count}`, subject: `repo-${count}` })
    }
    assert.throws(() => app.addCredential({ ...credential, name: 'one-more' }), /at most 20/)
  })

  const refused = [
    { name: 'the same issuer and subject twice', added: { name: 'other' }, message: /already/ },
    { name: 'the same name twice', added: { subject: 'other' }, message: /already/ },
    { name: 'a name with a space', added: { name: 'a b c', subject: 'x' }, message: /no name/ },
    { name: 'an empty subject', added: { name: 'other', subject: '' }, message: /1-600/ },
    { name: 'a long issuer', added: { name: 'other', issuer: 'x'.repeat(601) }, message: /1-600/ },
  ]
  for (const { name, added, message } of refused) {
    test(`refuses ${name}`, () => {
      const app = createDirectory('tenant').registerApp(ids)
      app.addCredential(credential)
      assert.throws(() => app.addCredential({ ...credential, ...added }), message)
      assert.equal(app.credentials.length, 1)
    })
  }

  test('refuses to register an app twice and to remove what is not there', () => {
    const directory = createDirectory('tenant')
    const app = directory.registerApp(ids)
    assert.throws(() => directory.registerApp({ ...ids, clientId: 'CLIENT' }), RangeError)
    assert.throws(() => app.removeCredential('none'), RangeError)
  })
})
