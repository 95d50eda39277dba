import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, test } from 'node:test'

import { Secret } from '../core/secret.ts'
import { HttpError, type HttpAnswer, type Send } from '../http/http.ts'
import { claims } from './facts.fixture.ts'
import { isPrivateAddress, probeIssuer } from './probe-issuer.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: claims.keyId }
const content = 'e30.e30'
const signature = sign('RSA-SHA256', Buffer.from(content), privateKey).toString('base64url')
const value = new Secret(`${content}.${signature}`)

const discovery = {
  issuer: claims.issuer,
  jwks_uri: `${claims.issuer}/keys`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
}

function answer(body: unknown, status = 200): HttpAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { status, headers: {}, body: Buffer.from(text) }
}

function serve(document: unknown, keys: unknown = { keys: [jwk] }): Send {
  return async ({ path }) => answer(path.endsWith('/keys') ? keys : document)
}

function probe(sendPublic: Send, sendAlso?: Send, addresses = ['203.0.113.9']) {
  const findAddresses = async () => addresses
  const deps = { sendPublic, findAddresses, ...(sendAlso && { sendAlso }) }
  return probeIssuer(deps, claims.issuer, { claims, value })
}

describe('the issuer', () => {
  test('in order has no problems, and the signature fits its key', async () => {
    const facts = await probe(serve(discovery))
    assert.deepEqual(facts.problems, [])
    assert.equal(facts.isKeyPublished, true)
    assert.equal(facts.isSignatureRight, true)
    assert.equal(facts.isPrivate, false)
  })

  const rows: [document: unknown, says: RegExp][] = [
    ['<html>', /is no JSON object/],
    [[], /is no JSON object/],
    [{ ...discovery, issuer: `${claims.issuer}/` }, /slash at the end only/],
    [{ ...discovery, issuer: undefined }, /names no issuer/],
    [{ ...discovery, jwks_uri: undefined }, /no `jwks_uri`/],
    [{ ...discovery, jwks_uri: 'http://oidc.example/keys' }, /no `jwks_uri` that is an https/],
    [{ ...discovery, subject_types_supported: [] }, /no values in `subject_types_supported`/],
    [{ ...discovery, authorization_endpoint: '' }, /empty `authorization_endpoint`/],
    [{ ...discovery, id_token_signing_alg_values_supported: ['ES256'] }, /RS256/],
  ]
  for (const [document, says] of rows) {
    test(`with ${JSON.stringify(document).slice(0, 60)}… says ${says.source}`, async () => {
      const { problems } = await probe(serve(document))
      assert.match(problems.map(({ sentence }) => sentence).join(' '), says)
      assert.ok(problems.every(({ fix }) => fix !== ''))
    })
  }

  test('without the key that signs is told from one with another key of its name', async () => {
    const absent = await probe(serve(discovery, { keys: [{ ...jwk, kid: 'old' }] }))
    assert.equal(absent.isKeyPublished, false)
    assert.match(absent.problems[0]?.sentence ?? '', /publishes only old/)
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
    const swapped = { ...other.export({ format: 'jwk' }), kid: claims.keyId }
    const facts = await probe(serve(discovery, { keys: [swapped] }))
    assert.equal(facts.isKeyPublished, true)
    assert.equal(facts.isSignatureRight, false)
  })

  test('a key that is no RSA key fits nothing', async () => {
    const facts = await probe(serve(discovery, { keys: [{ kid: claims.keyId, kty: 'oct' }, null] }))
    assert.equal(facts.isSignatureRight, false)
  })

  test('that is trusted only with the site’s own CA is read, and that is noted', async () => {
    const distrust: Send = () =>
      Promise.reject(new HttpError('self-signed', 'SELF_SIGNED_CERT_IN_CHAIN', false))
    const facts = await probe(distrust, serve(discovery))
    assert.equal(facts.needsOwnCa, true)
    assert.deepEqual(facts.problems, [])
    const [problem] = (await probe(distrust)).problems
    assert.match(problem?.fix ?? '', /public CA/)
  })

  test('that is no https URL is not asked', async () => {
    const send: Send = () => assert.fail('nothing is to be sent')
    const deps = { sendPublic: send, findAddresses: async () => [] }
    const { problems } = await probeIssuer(deps, 'http://oidc.example')
    assert.match(problems[0]?.sentence ?? '', /no https URL/)
  })

  test('at private addresses only is noted', async () => {
    assert.equal((await probe(serve(discovery), undefined, ['10.0.0.1'])).isPrivate, true)
    const both = ['10.0.0.1', '203.0.113.9']
    assert.equal((await probe(serve(discovery), undefined, both)).isPrivate, false)
    assert.equal((await probe(serve(discovery), undefined, [])).isPrivate, false)
  })
})

describe('private addresses', () => {
  const inside = ['10.1.2.3', '127.0.0.1', '172.16.0.1', '172.31.9.9', '192.168.0.1', '169.254.1.1']
  const outside = ['8.8.8.8', '172.32.0.1', '172.15.0.1', '100.128.0.1', '2001:db8::1', '11.0.0.1']
  for (const address of [...inside, '100.64.0.1', '::1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1']) {
    test(`${address} is one`, () => assert.ok(isPrivateAddress(address)))
  }
  for (const address of outside) {
    test(`${address} is none`, () => assert.ok(!isPrivateAddress(address)))
  }
})
