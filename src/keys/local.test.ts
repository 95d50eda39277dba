import assert from 'node:assert/strict'
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { inspect } from 'node:util'

import { calculateJwkThumbprint } from 'jose'

import { openLocalSigner, openSecretFile } from './local.ts'

const now = () => new Date('2026-11-23T12:00:00Z')
const modeOf = (file: string) => statSync(file).mode & 0o777

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-keys-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

const decode = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>

test('key file › is made at the first start, for its owner only, with nothing beside it but its lock', async (t) => {
  const folder = folderFor(t)
  await openLocalSigner({ now }, join(folder, 'keys.json'))
  for (const name of ['keys.json', 'keys.json.lock'])
    assert.equal(modeOf(join(folder, name)), 0o600)
  assert.deepEqual(readdirSync(folder), ['keys.json', 'keys.json.lock'])
})

test('key file › that must exist is not made', async (t) => {
  const file = join(folderFor(t), 'keys.json')
  await assert.rejects(openLocalSigner({ now }, file, { mustExist: true }), {
    code: 'keys_unreadable',
    message: /there is none/,
  })
  assert.ok(!existsSync(file))
})

test('key file › gives the same key when it is opened again', async (t) => {
  const file = join(folderFor(t), 'keys.json')
  const first = await openLocalSigner({ now }, file)
  const second = await openLocalSigner({ now }, file)
  assert.deepEqual(second.publicKeys(), first.publicKeys())
})

test('key file › of another folder has another key', async (t) => {
  const [one, other] = await Promise.all(
    ['a.json', 'b.json'].map((name) => openLocalSigner({ now }, join(folderFor(t), name))),
  )
  assert.notEqual(one?.publicKeys()[0]?.kid, other?.publicKeys()[0]?.kid)
})

test('key file › publishes one RSA key of 2048 bits, its thumbprint as kid, nothing private', async (t) => {
  const signer = await openLocalSigner({ now }, join(folderFor(t), 'keys.json'))
  const [jwk, ...others] = signer.publicKeys()
  assert.ok(jwk)
  assert.deepEqual(others, [])
  const names = ['alg', 'e', 'kid', 'kty', 'n', 'use', 'x5c', 'x5t#S256']
  assert.deepEqual(Object.keys(jwk).toSorted(), names)
  assert.equal(jwk.kid, await calculateJwkThumbprint(jwk, 'sha256'))
  assert.deepEqual([jwk.kty, jwk.alg, jwk.use], ['RSA', 'RS256', 'sig'])
  assert.equal(Buffer.from(jwk.n ?? '', 'base64url').length, 256)
})

test("signer › signs so that node's own crypto agrees, under kid, alg and typ", async (t) => {
  const signer = await openLocalSigner({ now }, join(folderFor(t), 'keys.json'))
  const [header, payload, signature] = (await signer.sign({ sub: 'x', n: 1 })).split('.')
  const [jwk] = signer.publicKeys()
  assert.deepEqual(decode(header), { alg: 'RS256', typ: 'JWT', kid: jwk?.kid })
  assert.deepEqual(decode(payload), { sub: 'x', n: 1 })
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const bytes = Buffer.from(`${header}.${payload}`)
  assert.ok(verify('sha256', bytes, key, Buffer.from(signature ?? '', 'base64url')))
})

test('signer › does not let claims choose the header', async (t) => {
  const signer = await openLocalSigner({ now }, join(folderFor(t), 'keys.json'))
  const token = await signer.sign({ alg: 'none', kid: 'evil', typ: 'evil' })
  assert.equal(decode(token.split('.')[0])['alg'], 'RS256')
})

for (const mode of [0o640, 0o604, 0o644, 0o660, 0o620, 0o610, 0o666]) {
  test(`key file › of mode 0${mode.toString(8)} is refused`, async (t) => {
    const file = join(folderFor(t), 'keys.json')
    await openLocalSigner({ now }, file)
    chmodSync(file, mode)
    await assert.rejects(openLocalSigner({ now }, file), {
      code: 'keys_unreadable',
      exitCode: 2,
      message: /mode 0600/,
    })
  })
}

const canary = 'canary-private-key-4711'

const made: { key?: Record<string, string> } = {}

async function goodKey(t: TestContext): Promise<Record<string, string>> {
  if (made.key) return made.key
  const file = join(folderFor(t), 'good.json')
  await openLocalSigner({ now }, file)
  const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { keys: Record<string, object>[] }
  return (made.key = { ...keys[0]?.['key'], ...keys[0]?.['private'] })
}

type KeyParts = Record<string, unknown>

const fileOf = (key: KeyParts, state = 'active') =>
  JSON.stringify({ version: 1, keys: [{ state, createdAt: '2026-11-23T12:00:00.000Z', key }] })

const garbage: { name: string; content: (key: KeyParts) => string | Promise<string> }[] = [
  { name: 'is empty', content: () => '' },
  { name: 'is cut short', content: (key) => fileOf(key).slice(0, -20) },
  { name: 'is no JSON', content: () => canary },
  { name: 'is JSON with a word too much', content: (key) => `${fileOf(key)} ${canary}` },
  { name: 'is JSON about something else', content: () => JSON.stringify({ canary }) },
  { name: 'has no key', content: () => JSON.stringify({ version: 1, keys: [], canary }) },
  { name: 'is of version 3', content: (key) => fileOf(key).replace('"version":1', '"version":3') },
  { name: 'mixes versions', content: (key) => fileOf(key).replace('"version":1', '"version":2') },
  { name: 'has no time', content: (key) => fileOf(key).replace('2026-11-23T', canary) },
  { name: 'has a state nobody knows', content: (key) => fileOf(key, canary) },
  { name: 'has a kid that is no thumbprint', content: (key) => fileOf({ ...key, kid: canary }) },
  { name: 'has a key for another algorithm', content: (key) => fileOf({ ...key, kty: 'EC' }) },
  { name: 'has half a private key', content: (key) => fileOf({ ...key, p: undefined }) },
  { name: 'has the public half only', content: (key) => fileOf({ ...key, d: undefined }) },
]

test('key file › of version 1 is the ring of one that it was', async (t) => {
  const file = join(folderFor(t), 'keys.json')
  const key = await goodKey(t)
  const text = fileOf(key)
  writeFileSync(file, text, { mode: 0o600 })
  const signer = await openLocalSigner({ now }, file)
  const createdAt = now()
  assert.deepEqual(signer.ring(), [
    { kid: key['kid'], state: 'active', createdAt, activatedAt: createdAt },
  ])
  assert.equal(readFileSync(file, 'utf8'), text, 'reading alone writes nothing')
  await signer.change({ command: { kind: 'prepare' } })
  const written = JSON.parse(readFileSync(file, 'utf8')) as { version: number; keys: object[] }
  assert.deepEqual([written.version, written.keys.length], [2, 2])
  const again = await openLocalSigner({ now }, file)
  assert.equal(again.publicKeys()[0]?.kid, key['kid'])
})

for (const { name, content } of garbage) {
  test(`key file › that ${name} is refused without a word of it being quoted`, async (t) => {
    const file = join(folderFor(t), 'keys.json')
    const key = await goodKey(t)
    const text = await content(key)
    writeFileSync(file, text, { mode: 0o600 })
    await assert.rejects(openLocalSigner({ now }, file), (error: Error) => {
      const printed = inspect(error, { depth: Infinity, showHidden: true })
      assert.match(printed, /keys_unreadable/)
      assert.ok(printed.includes(file))
      for (const secret of [canary, String(key['d']).slice(0, 12)]) {
        assert.ok(!printed.replaceAll(file, '').includes(secret), printed)
      }
      return true
    })
    assert.equal(readFileSync(file, 'utf8'), text)
  })
}

test('key file › is made once when many services start at the same moment', async (t) => {
  const folder = folderFor(t)
  const file = join(folder, 'keys.json')
  const signers = await Promise.all(Array.from({ length: 6 }, () => openLocalSigner({ now }, file)))
  const kids = new Set(signers.map((signer) => signer.publicKeys()[0]?.kid))
  assert.equal(kids.size, 1)
  assert.deepEqual(readdirSync(folder), ['keys.json', 'keys.json.lock'])
  assert.equal(modeOf(file), 0o600)
})

test('key file › that cannot be made is a fault, not a bug and not a wait', async (t) => {
  const folder = folderFor(t)
  const link = join(folder, 'dangling')
  symlinkSync(join(folder, 'gone', 'keys.json'), link)
  for (const file of [join(folder, 'gone', 'keys.json'), link, folder]) {
    await assert.rejects(openLocalSigner({ now }, file), { code: 'keys_unreadable' })
    await assert.rejects(openSecretFile({ randomBytes }, file), { code: 'keys_unreadable' })
  }
})

test('secret file › holds 32 bytes, for its owner only, and the same ones next time', async (t) => {
  const folder = folderFor(t)
  const file = join(folder, 'token.key')
  const all = await Promise.all(
    Array.from({ length: 6 }, () => openSecretFile({ randomBytes }, file)),
  )
  const again = await openSecretFile({ randomBytes }, file)
  assert.equal(again.length, 32)
  for (const bytes of all) assert.deepEqual(bytes, again)
  assert.equal(modeOf(file), 0o600)
  assert.deepEqual(readdirSync(folder), ['token.key'])
})

for (const content of ['', 'short', 'A'.repeat(42), 'A'.repeat(50), canary]) {
  test(`secret file › of ${content.length} letters is refused and left as it is`, async (t) => {
    const file = join(folderFor(t), 'token.key')
    writeFileSync(file, content, { mode: 0o600 })
    await assert.rejects(openSecretFile({ randomBytes }, file), (error: Error) => {
      assert.match(error.message, /32 bytes/)
      assert.ok(content === '' || !error.message.includes(content))
      return true
    })
    assert.equal(readFileSync(file, 'utf8'), content)
  })
}

test('secret file › that others may read is refused', async (t) => {
  const file = join(folderFor(t), 'token.key')
  await openSecretFile({ randomBytes }, file)
  chmodSync(file, 0o644)
  await assert.rejects(openSecretFile({ randomBytes }, file), { message: /mode 0600/ })
})
