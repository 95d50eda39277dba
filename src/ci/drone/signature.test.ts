import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import {
  extensions,
  signRequest,
  verifySignature,
  type RawRequest,
  type SignedExtension,
} from './signature.ts'

const token = new Secret('bea26a2221fd8090ea38720fc445eca6')
const secretDate = 'Mon, 23 Nov 2026 12:03:03 GMT'
const body = Buffer.from(
  '{"path":"oidc","name":"sts.amazonaws.com","repo":{"slug":"octo/hello"},"build":{"message":"a \\u003cb\\u003e \\u0026"}}',
)
const at = (date: string, seconds = 0) => ({
  now: () => new Date(Date.parse(date) + seconds * 1000),
})

const requestOf = (headers: Record<string, string>, bytes: Uint8Array = body): RawRequest => ({
  headers: new Map(Object.entries(headers)),
  body: bytes,
})

const runnerHeaders = (digest: string, signature: string) => ({
  accept: 'application/vnd.drone.secret.v1+json',
  'accept-encoding': 'identity',
  'content-type': 'application/json',
  date: secretDate,
  digest: `SHA-256=${digest}`,
  signature: `keyId="hmac-key",algorithm="hmac-sha256",signature="${signature}",headers="accept accept-encoding content-type date digest"`,
})

// Made with Go's drone-go, not with our code (facts/drone.md §1.2).
const vector = runnerHeaders(
  'rRkX8OrgGTvWWLWgG9RigOcv7dEjkhj2UgrEplaHfM4=',
  'oWki26LefEsdfXwSJrXzFg5+JIqiBp+52ZJhVe/vqeE=',
)

const verifyVector = (changes: Record<string, string> = {}, bytes: Uint8Array = body) =>
  verifySignature(
    at(secretDate),
    extensions.secret,
    token,
    requestOf({ ...vector, ...changes }, bytes),
  )

test('drone signature › of the Go library is accepted, whole', () => {
  assert.deepEqual(verifyVector(), { signature: 'oWki26LefEsdfXwSJrXzFg5+JIqiBp+52ZJhVe/vqeE=' })
})

test('drone signature › is made as the Go library makes it', () => {
  const made = signRequest(extensions.secret, token, body, new Date(secretDate))
  assert.deepEqual(made, vector)
})

// Of the two live vectors the bodies are unknown: with the right token the complaint must be about
// the body, which is checked after the HMAC, and with any other token about the token.
const liveVectors: {
  name: string
  extension: SignedExtension
  headers: Record<string, string>
}[] = [
  {
    name: 'drone-runner-docker',
    extension: extensions.secret,
    headers: runnerHeaders(
      'yWQyWAxcrV/0dk1Etnm/5T+PU38S6I+N463sFIP/7YU=',
      'r+KJ5N+gXIf4Dh9FaBwdwDx7mrJtmOQ1ZhWAjPjh7sE=',
    ),
  },
  {
    name: 'drone-server (webhook)',
    extension: extensions.webhook,
    headers: {
      date: 'Mon, 23 Nov 2026 12:02:58 GMT',
      digest: 'SHA-256=dhg+vMgrOL58E6pqY9wWWVUHKglNKetNzw4pJhVGxS0=',
      signature:
        'keyId="hmac-key",algorithm="hmac-sha256",signature="px9K56kZNnx9K3YQ0Yr9OOa/Dw6eAMNxmVGtQHm30fg=",headers="date digest"',
    },
  },
]

for (const { name, extension, headers } of liveVectors) {
  test(`drone signature › sent by ${name} has the HMAC we compute`, () => {
    const verify = (key: Secret) =>
      verifySignature(at(secretDate), extension, key, requestOf(headers))
    assert.throws(() => verify(token), { code: 'ci_signature_invalid', message: /body/ })
    assert.throws(() => verify(new Secret('another')), {
      code: 'ci_signature_invalid',
      message: /another token/,
    })
  })
}

test('drone signature › may come again: one step naming a secret twice sends the same bytes', () => {
  assert.deepEqual(verifyVector(), verifyVector())
})

const ages: [seconds: number, verdict: string | undefined][] = [
  [0, undefined],
  [300, undefined],
  [-300, undefined],
  [300.001, 'ci_signature_stale'],
  [-300.001, 'ci_signature_stale'],
  [301, 'ci_signature_stale'],
  [86_400, 'ci_signature_stale'],
]

for (const [seconds, code] of ages) {
  test(`drone signature › that is ${seconds} s old is ${code ? 'refused' : 'accepted'}`, () => {
    const verify = () =>
      verifySignature(at(secretDate, seconds), extensions.secret, token, requestOf(vector))
    if (code === undefined) assert.ok(verify())
    else assert.throws(verify, { code, status: 401, exitCode: 3 })
  })
}

test('drone signature › of a stale request says on which side the clock is wrong', () => {
  const verify = (seconds: number) => () =>
    verifySignature(at(secretDate, seconds), extensions.secret, token, requestOf(vector))
  assert.throws(verify(900), { message: /900 seconds old; at most 300/ })
  assert.throws(verify(-900), { message: /900 seconds in the future/ })
})

// Signed with the right token all the same, so that only the date is at fault.
for (const date of [
  '2026-11-23T12:03:03Z',
  '2026-11-23T12:03:03.000Z',
  'Mon, 23 Nov 2026 12:03:03 +0000',
  'Mon, 23 Nov 2026 12:03:03 UTC',
  'Mon, 23 Nov 2026 12:03:03',
  'Tue, 23 Nov 2026 12:03:03 GMT',
  'Monday, 23-Nov-26 12:03:03 GMT',
  'Mon Nov 23 12:03:03 2026',
  '23 Nov 2026 12:03:03 GMT',
  'Mon, 23 Nov 2026 12:03:03 gmt',
  '1795435383',
  'never',
  '',
]) {
  test(`drone signature › over the date ${JSON.stringify(date)} is refused`, () => {
    const headers: Record<string, string> = { ...vector, date }
    const names = extensions.secret.headers
    const text = names.map((name) => `${name}: ${headers[name] ?? ''}`).join('\n')
    const mac = createHmac('sha256', token.reveal()).update(text).digest('base64')
    headers['signature'] = vector.signature.replace(/signature="[^"]*"/, `signature="${mac}"`)
    const verify = () =>
      verifySignature(at(secretDate), extensions.secret, token, requestOf(headers))
    assert.throws(verify, { code: 'ci_signature_invalid', message: /HTTP date/ })
  })
}

test('drone signature › property: what is signed verifies, for any token, body and door', () => {
  const doors = fc.constantFrom<SignedExtension>(...Object.values(extensions))
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ maxLength: 500 }), doors, (key, bytes, door) => {
      const signed = signRequest(door, new Secret(key), bytes, new Date(secretDate))
      verifySignature(at(secretDate), door, new Secret(key), requestOf(signed, bytes))
    }),
  )
})

// One bit of any header value (of the Signature header too) or of the body.
test('drone signature › property: one flipped bit anywhere fails', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 })
  const bit = fc.integer({ min: 0, max: 6 })
  const position = fc.nat()
  fc.assert(
    fc.property(bytes, bit, position, fc.nat({ max: 6 }), (sent, flip, where, which) => {
      const signed = signRequest(extensions.secret, token, sent, new Date(secretDate))
      const changed = Uint8Array.from(sent)
      const names = Object.keys(signed)
      const name = names[which]
      if (name === undefined) changed[where % sent.length]! ^= 1 << flip
      else signed[name] = flipBit(signed[name] ?? '', where, flip)
      const verify = () =>
        verifySignature(at(secretDate), extensions.secret, token, requestOf(signed, changed))
      assert.throws(verify, (error) => error instanceof Fault && error.status === 401)
    }),
    { numRuns: 2000 },
  )
})

test('drone signature › property: another token never verifies', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      fc.pre(one !== other)
      const signed = signRequest(extensions.secret, new Secret(one), body, new Date(secretDate))
      const verify = () =>
        verifySignature(at(secretDate), extensions.secret, new Secret(other), requestOf(signed))
      assert.throws(verify, { code: 'ci_signature_invalid' })
    }),
  )
})

function flipBit(text: string, where: number, bit: number): string {
  const bytes = Buffer.from(text)
  bytes[where % bytes.length]! ^= 1 << bit
  return bytes.toString()
}
