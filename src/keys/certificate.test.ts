// What stands in the key set beside a key, for relying parties that read certificates.
import assert from 'node:assert/strict'
import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { Secret } from '../core/secret.ts'
import { openLocalSigner } from './local.ts'

const now = () => new Date('2026-11-23T12:00:00Z')
const encryptionKey = new Secret('an encryption key of 32 bytes or more')

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-certificate-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'keys.json')
}

type Entry = Record<string, unknown> & { certificate?: string }
type Document = { keys: Entry[] }
const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Document
const write = (file: string, document: Document) =>
  writeFileSync(file, JSON.stringify(document), { mode: 0o600 })

function withoutCertificates(document: Document): Document {
  const keys = document.keys.map((entry) => {
    const { certificate: _, ...rest } = entry
    return rest
  })
  return { ...document, keys }
}

test('certificate › is of the key, self-signed, named after it, and without an end', async (t) => {
  const signer = await openLocalSigner({ now }, fileFor(t))
  const [jwk] = signer.publicKeys()
  assert.ok(jwk)
  const [der = '', ...others] = jwk.x5c ?? []
  assert.deepEqual(others, [])
  const certificate = new X509Certificate(Buffer.from(der, 'base64'))
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  assert.ok(certificate.publicKey.equals(key))
  assert.ok(certificate.verify(key))
  assert.ok(!certificate.ca)
  assert.equal(certificate.subject, `CN=${jwk.kid}`)
  assert.equal(certificate.issuer, certificate.subject)
  assert.equal(certificate.validFromDate.toISOString(), now().toISOString())
  assert.equal(certificate.validTo, 'Dec 31 23:59:59 9999 GMT')
  assert.match(certificate.serialNumber, /^[4-7][0-9A-F]{31}$/)
  const digest = createHash('sha256').update(certificate.raw).digest('base64url')
  assert.equal(jwk['x5t#S256'], digest)
})

for (const form of ['clear', 'encrypted'] as const) {
  test(`certificate › is kept in the key file, ${form}, for as long as the key is published`, async (t) => {
    const file = fileFor(t)
    const signer = await openLocalSigner({ now }, file, form === 'clear' ? {} : { encryptionKey })
    const [first] = signer.publicKeys()
    await signer.change({ command: { kind: 'activate', isEmergency: true } })
    const [active, retired] = signer.publicKeys()
    assert.equal(retired?.kid, first?.kid)
    assert.deepEqual(retired?.x5c, first?.x5c)
    assert.ok(active?.x5c?.[0])
    assert.notDeepEqual(active.x5c, retired?.x5c)
    const kept = read(file).keys.map(({ certificate }) => certificate)
    assert.deepEqual(new Set(kept), new Set([active.x5c[0], retired?.x5c?.[0]]))
  })
}

test('certificate › of a file of before there were any is made at loading, by everybody the same', async (t) => {
  const file = fileFor(t)
  const first = await openLocalSigner({ now }, file)
  const document = read(file)
  write(file, withoutCertificates(document))
  const text = readFileSync(file, 'utf8')
  const [one, other] = await Promise.all([1, 2].map(() => openLocalSigner({ now }, file)))
  assert.equal(readFileSync(file, 'utf8'), text, 'reading alone writes nothing')
  for (const signer of [one, other]) assert.deepEqual(signer?.publicKeys(), first.publicKeys())
  await one?.change({ command: { kind: 'prepare' } })
  assert.equal(read(file).keys[0]?.certificate, first.publicKeys()[0]?.x5c?.[0])
})

test('certificate › is left out for a key that was retired before there were any', async (t) => {
  const file = fileFor(t)
  const signer = await openLocalSigner({ now }, file)
  await signer.change({ command: { kind: 'activate', isEmergency: true } })
  const document = read(file)
  write(file, withoutCertificates(document))
  const [active, retired] = (await openLocalSigner({ now }, file)).publicKeys()
  assert.ok(active?.x5c)
  assert.ok(retired)
  assert.deepEqual(Object.keys(retired).toSorted(), ['alg', 'e', 'kid', 'kty', 'n', 'use'])
})

test('certificate › of another key, or none at all, makes the file unusable', async (t) => {
  const file = fileFor(t)
  const other = fileFor(t)
  await openLocalSigner({ now }, file)
  await openLocalSigner({ now }, other)
  const document = read(file)
  for (const certificate of [read(other).keys[0]?.certificate ?? '', 'AAAA', 'canary']) {
    write(file, { ...document, keys: document.keys.map((entry) => ({ ...entry, certificate })) })
    await assert.rejects(openLocalSigner({ now }, file), { code: 'keys_unreadable' })
  }
  write(file, document)
  await openLocalSigner({ now }, file)
})
