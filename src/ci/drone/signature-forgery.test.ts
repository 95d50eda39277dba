// Requests that somebody other than Drone made, or made for another door: each with its own reason.
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'

import { Secret } from '../../core/secret.ts'
import { extensions, signRequest, verifySignature, type SignedExtension } from './signature.ts'

const token = new Secret('bea26a2221fd8090ea38720fc445eca6')
const date = new Date('2026-11-23T12:03:03Z')
const body = Buffer.from('{"repo":{},"build":{}}')

type Headers = Record<string, string>

const good = (extension: SignedExtension = extensions.secret): Headers =>
  signRequest(extension, token, body, date)

const verify = (headers: Headers, extension: SignedExtension = extensions.secret, bytes = body) =>
  verifySignature({ now: () => date }, extension, token, {
    headers: new Map(Object.entries(headers)),
    body: bytes,
  })

// What an attacker without the token cannot do, but a confused or lenient peer may: sign whatever.
function signWith(names: readonly string[], headers: Headers, algorithm = 'sha256'): string {
  const text = names.map((name) => `${name}: ${headers[name] ?? ''}`).join('\n')
  return createHmac(algorithm, token.reveal()).update(text).digest('base64')
}

const header = (fields: Record<string, string>) =>
  Object.entries(fields)
    .map(([key, value]) => `${key}="${value}"`)
    .join(',')

const list = extensions.secret.headers.join(' ')
const mac = signWith(extensions.secret.headers, good())
const fields = {
  keyId: 'hmac-key',
  algorithm: 'hmac-sha256',
  signature: mac,
  headers: list,
}

const without = (name: keyof typeof fields) =>
  header(Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name)))

test('drone signature › fields may stand in any order, as Go reads them', () => {
  const turned = Object.fromEntries(Object.entries(fields).toReversed())
  assert.ok(verify({ ...good(), signature: header(turned) }))
})

const reading = /not of the form|keyId|algorithm|exactly the headers|another token/

const signatureHeaders: { name: string; signature: string; why?: RegExp }[] = [
  { name: 'is empty', signature: '' },
  { name: 'has no keyId', signature: without('keyId'), why: /keyId/ },
  { name: 'has another keyId', signature: header({ ...fields, keyId: 'other' }), why: /keyId/ },
  { name: 'has no algorithm', signature: without('algorithm'), why: /algorithm/ },
  { name: 'has no signature', signature: without('signature'), why: /another token/ },
  { name: 'has no headers', signature: without('headers'), why: /exactly the headers/ },
  { name: 'has an empty signature', signature: header({ ...fields, signature: '' }) },
  { name: 'has an unknown field', signature: `${header(fields)},created="1795435383"` },
  { name: 'has a field twice', signature: `${header(fields)},keyId="hmac-key"` },
  { name: 'has a second list of headers', signature: `${header(fields)},headers="date"` },
  { name: 'has no quotes', signature: header(fields).replaceAll('"', '') },
  { name: 'has single quotes', signature: header(fields).replaceAll('"', "'") },
  { name: 'has blanks between fields', signature: header(fields).replaceAll(',', ', ') },
  { name: 'ends in a comma', signature: `${header(fields)},` },
  { name: 'is two joined by a proxy', signature: `${header(fields)}, ${header(fields)}` },
  { name: 'has the scheme in front', signature: `Signature ${header(fields)}` },
  { name: 'writes KEYID', signature: header(fields).replace('keyId', 'KEYID') },
  {
    name: 'names hmac-sha1, and is one',
    signature: header({
      ...fields,
      algorithm: 'hmac-sha1',
      signature: signWith(extensions.secret.headers, good(), 'sha1'),
    }),
    why: /algorithm is not hmac-sha256/,
  },
  { name: 'names hmac-sha512', signature: header({ ...fields, algorithm: 'hmac-sha512' }) },
  { name: 'names none', signature: header({ ...fields, algorithm: 'none' }) },
  {
    name: 'signs the date only, rightly',
    signature: header({ ...fields, headers: 'date', signature: signWith(['date'], good()) }),
    why: /exactly the headers/,
  },
  {
    name: 'signs date and digest only, rightly',
    signature: header({
      ...fields,
      headers: 'date digest',
      signature: signWith(['date', 'digest'], good()),
    }),
    why: /exactly the headers/,
  },
  {
    name: 'signs the headers in another order, rightly',
    signature: header({
      ...fields,
      headers: extensions.secret.headers.toReversed().join(' '),
      signature: signWith(extensions.secret.headers.toReversed(), good()),
    }),
    why: /exactly the headers/,
  },
  {
    name: 'signs one header more, rightly',
    signature: header({
      ...fields,
      headers: `${list} x`,
      signature: signWith([...extensions.secret.headers, 'x'], good()),
    }),
    why: /exactly the headers/,
  },
  {
    name: 'lists its headers with a double blank',
    signature: header({ ...fields, headers: list.replace(' ', '  ') }),
  },
  { name: 'lists its headers in capitals', signature: header({ ...fields, headers: 'DATE' }) },
  { name: 'is cut short', signature: header({ ...fields, signature: mac.slice(0, 40) }) },
  { name: 'is too long', signature: header({ ...fields, signature: `${mac}AAAA` }) },
  { name: 'is in base64url', signature: header({ ...fields, signature: respell(mac) }) },
  { name: 'leaves the padding away', signature: header({ ...fields, signature: unpad(mac) }) },
  {
    name: 'is in hex',
    signature: header({ ...fields, signature: Buffer.from(mac, 'base64').toString('hex') }),
  },
]

for (const { name, signature, why = reading } of signatureHeaders) {
  test(`drone signature › whose header ${name} is refused`, () => {
    assert.throws(() => verify({ ...good(), signature }), {
      code: 'ci_signature_invalid',
      status: 401,
      message: why,
    })
  })
}

test('drone signature › that is absent, or stands in Authorization, is refused', () => {
  const { signature = '', ...rest } = good()
  assert.throws(() => verify(rest), { message: /no Signature header/ })
  const authorization = `Signature ${signature}`
  assert.throws(() => verify({ ...rest, authorization }), { message: /no Signature header/ })
})

for (const name of extensions.secret.headers) {
  test(`drone signature › breaks when ${name} is altered or taken away`, () => {
    const headers = good()
    assert.throws(() => verify({ ...headers, [name]: `${headers[name]} ` }), {
      code: 'ci_signature_invalid',
    })
    const { [name]: _, ...rest } = headers
    assert.throws(() => verify(rest), { code: 'ci_signature_invalid' })
  })
}

test('drone signature › breaks with the body: changed, grown, cut or empty', () => {
  const bodies = [`${String(body)} `, String(body).slice(1), '', '{"repo":{},"build":{ }}']
  for (const text of bodies) {
    assert.throws(() => verify(good(), extensions.secret, Buffer.from(text)), { message: /body/ })
  }
})

test('drone signature › does not cover a body whose digest the attacker renews', () => {
  const altered = Buffer.from('{"repo":{"uid":"1"},"build":{}}')
  const digest = `SHA-256=${createHash('sha256').update(altered).digest('base64')}`
  assert.throws(() => verify({ ...good(), digest }, extensions.secret, altered), {
    message: /another token|altered/,
  })
})

const wrongDoors: { name: string; made: SignedExtension; used: SignedExtension }[] = [
  { name: 'a webhook at the secret door', made: extensions.webhook, used: extensions.secret },
  { name: 'a webhook at the environ door', made: extensions.webhook, used: extensions.environ },
  {
    name: 'a secret request at the webhook door',
    made: extensions.secret,
    used: extensions.webhook,
  },
  {
    name: 'a secret request at the environ door',
    made: extensions.secret,
    used: extensions.environ,
  },
  {
    name: 'an environ request at the secret door',
    made: extensions.environ,
    used: extensions.secret,
  },
]

for (const { name, made, used } of wrongDoors) {
  test(`drone signature › of ${name} is refused although the token fits`, () => {
    assert.throws(() => verify(good(made), used), { code: 'ci_signature_invalid' })
    // Neither does an Accept header put on afterwards help.
    const accept = used.accept ?? 'x'
    assert.throws(() => verify({ ...good(made), accept }, used), { code: 'ci_signature_invalid' })
  })
}

for (const accept of [
  'application/vnd.drone.secret.v1+json, */*',
  'application/vnd.drone.secret.v2+json',
  'application/vnd.drone.registry.v1+json',
  '*/*',
  '',
]) {
  test(`drone signature › over Accept ${JSON.stringify(accept)} is refused, rightly signed or not`, () => {
    const headers = { ...good(), accept }
    const signature = header({ ...fields, signature: signWith(extensions.secret.headers, headers) })
    assert.throws(() => verify({ ...headers, signature }), { message: /does not accept/ })
  })
}

test('drone signature › never quotes the token, the signature or the body in its refusal', () => {
  try {
    verify({ ...good(), digest: 'SHA-256=x' })
    assert.fail('it was accepted')
  } catch (error) {
    const { message } = error as Error
    for (const hidden of [token.reveal(), mac, 'build']) assert.ok(!message.includes(hidden))
  }
})

function respell(base64: string): string {
  // Both alphabets must differ in this very signature, or the row would prove nothing.
  assert.match(base64, /[+/]/)
  return base64.replaceAll('+', '-').replaceAll('/', '_')
}

function unpad(base64: string): string {
  return base64.replace(/=+$/, '')
}
