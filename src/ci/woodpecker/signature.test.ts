import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { freshnessSeconds } from '../drone/signature.ts'
import {
  body,
  covered,
  createdSeconds,
  deps,
  digest,
  good,
  headOf,
  label,
  now,
  rfcKeys,
  serverKeys,
  signWithCloudflare,
  signWithHensby,
  signedBy,
  target,
  usual,
} from './signature.fixture.ts'
import { isSignedBy, signatureBase, verifyBody, verifyHead, type SignedHead } from './signature.ts'

const digestOf = (bytes: Uint8Array, algorithm = 'sha256') =>
  createHash(algorithm).update(bytes).digest('base64')

const implementations = {
  'http-message-sig': signWithCloudflare,
  'http-message-signatures': signWithHensby,
}

for (const [name, signWith] of Object.entries(implementations)) {
  test(`woodpecker signature › made by ${name} is accepted`, async () => {
    const headers: Record<string, string> = {
      'content-digest': digest,
      ...(await signWith(digest)),
    }
    assert.equal(headers['signature-input'], `${label}=${usual}`)
    const { signature } = await verifyHead(deps, headOf(headers))
    assert.equal(headers['signature'], `${label}=:${signature}:`)
    verifyBody({ headers: headOf(headers).headers, body })
  })

  test(`woodpecker signature › made by ${name} is too old after ${freshnessSeconds} seconds, either way`, async () => {
    for (const [ageSeconds, isFresh] of [
      [freshnessSeconds, true],
      [freshnessSeconds + 1, false],
      [-freshnessSeconds, true],
      [-freshnessSeconds - 1, false],
    ] as const) {
      const signed = await signWith(digest, createdSeconds - ageSeconds)
      const verified = verifyHead(deps, headOf({ 'content-digest': digest, ...signed }))
      if (isFresh) await verified
      else await assert.rejects(verified, { code: 'ci_signature_stale' })
    }
  })
}

test('woodpecker signature › the example of RFC 9421 B.2.6 is signed and accepted as there', () => {
  const parameters =
    '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"'
  const base = signatureBase(
    [
      ['date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
      ['@method', 'POST'],
      ['@path', '/foo'],
      ['@authority', 'example.com'],
      ['content-type', 'application/json'],
      ['content-length', '18'],
    ],
    parameters,
  )
  const expected =
    'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=='
  assert.equal(sign(undefined, Buffer.from(base), rfcKeys.privateKey).toString('base64'), expected)
  const signature = Buffer.from(expected, 'base64')
  assert.equal(isSignedBy(rfcKeys.publicKey, { base, signature }), true)
  assert.equal(isSignedBy(rfcKeys.publicKey, { base: `${base}\n`, signature }), false)
  assert.equal(isSignedBy(serverKeys.publicKey, { base, signature }), false)
})

test('woodpecker signature › the request the forgeries are made from is good, in either order of parameters', async () => {
  await verifyHead(deps, headOf(good))
  await verifyHead(deps, headOf(signedBy(`${covered};alg="ed25519";created=${createdSeconds}`)))
})

const wrongDigests: [name: string, contentDigest: string][] = [
  ['of another body', `sha-256=:${digestOf(Buffer.from('{}'))}:`],
  ['of other kind', `sha-512=:${digestOf(body, 'sha512')}:`],
  ['of two kinds', `sha-256=:${digestOf(body)}:, sha-512=:${digestOf(body, 'sha512')}:`],
  ['of another name', `sha256=:${digestOf(body)}:`],
  ['of the old form', `SHA-256=${digestOf(body)}`],
  ['without padding', `sha-256=:${digestOf(body).replace('=', '')}:`],
  ['that is empty', ''],
]

for (const [name, contentDigest] of wrongDigests) {
  test(`woodpecker signature › over a digest ${name} is refused with the body`, async () => {
    const lines: [string, string][] = [
      ['@request-target', target],
      ['content-digest', contentDigest],
    ]
    const head = headOf(signedBy(usual, { lines, contentDigest }))
    await verifyHead(deps, head)
    assert.throws(() => verifyBody({ headers: head.headers, body }), {
      code: 'ci_signature_invalid',
      message: /not the body/,
    })
  })
}

test('woodpecker signature › any changed character of target, digest, parameters or signature is refused', async () => {
  const parts = ['target', 'content-digest', 'signature-input', 'signature'] as const
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...parts),
      fc.nat(),
      fc.integer({ min: 0x21, max: 0x7e }),
      async (part, position, code) => {
        const text = part === 'target' ? target : good[part]
        const at = position % text.length
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
        fc.pre(changed !== text)
        const head: SignedHead =
          part === 'target'
            ? { target: changed, headers: headOf(good).headers }
            : headOf({ ...good, [part]: changed })
        await assert.rejects(verifyHead(deps, head), { code: /^ci_signature_(invalid|stale)$/ })
      },
    ),
    { numRuns: 1000 },
  )
})

test('woodpecker signature › any changed byte of the body is refused', () => {
  fc.assert(
    fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(body)
      changed[at] = (changed[at] ?? 0) ^ flip
      assert.throws(() => verifyBody({ headers: headOf(good).headers, body: changed }), {
        code: 'ci_signature_invalid',
      })
    }),
  )
})

test('woodpecker signature › whatever stands in the headers is refused with a reason, never a defect', async () => {
  const names = ['content-digest', 'signature-input', 'signature'] as const
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.oneof(fc.string({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 50 })),
      async (name, text) => {
        fc.pre(text !== good[name])
        await assert.rejects(
          verifyHead({ ...deps, now: () => now }, headOf({ ...good, [name]: text })),
          {
            code: 'ci_signature_invalid',
          },
        )
      },
    ),
  )
})
