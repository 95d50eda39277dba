import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { Secret } from '../core/secret.ts'
import { openLocalSigner } from './local.ts'
import { createSealer, openSealer } from './seal.ts'

const now = () => new Date('2026-11-23T12:00:00Z')
const newKey = () => new Secret(randomBytes(32).toString('base64url'))

type Entry = {
  state: string
  key: { kid: string }
  private?: Record<string, string>
  sealed?: string
}
type Written = { version: number; encryption?: Record<string, string>; keys: Entry[] }

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-sealed-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'keys.json')
}

const readJson = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Written
const writeJson = (file: string, written: Written) =>
  writeFileSync(file, JSON.stringify(written), { mode: 0o600 })

test('encrypted key file › holds nothing private, and opens with its key again', async (t) => {
  const file = fileFor(t)
  const encryptionKey = newKey()
  const signer = await openLocalSigner({ now }, file, { encryptionKey })
  await signer.change({ command: { kind: 'prepare' } })
  const { encryption, keys } = readJson(file)
  assert.equal(encryption?.['cipher'], 'AES-256-GCM')
  for (const entry of keys) {
    assert.ok(entry.sealed)
    assert.ok(!entry.private)
  }
  assert.doesNotMatch(readFileSync(file, 'utf8'), /"(d|p|q|dp|dq|qi)":/)
  const again = await openLocalSigner({ now }, file, { encryptionKey })
  assert.deepEqual(again.publicKeys(), signer.publicKeys())
  assert.ok(await again.sign({ sub: 'x' }))
})

test('encrypted key file › is sealed anew at every write: other salt, other nonces', async (t) => {
  const file = fileFor(t)
  const signer = await openLocalSigner({ now }, file, { encryptionKey: newKey() })
  const before = readJson(file)
  await signer.change({ command: { kind: 'prepare' } })
  const later = readJson(file)
  assert.notEqual(later.encryption?.['salt'], before.encryption?.['salt'])
  assert.notEqual(later.keys[0]?.sealed?.slice(0, 16), before.keys[0]?.sealed?.slice(0, 16))
})

test('encrypted key file › does not open with another key, or without one, and stays as it is', async (t) => {
  const file = fileFor(t)
  await openLocalSigner({ now }, file, { encryptionKey: newKey() })
  const text = readFileSync(file, 'utf8')
  await assert.rejects(openLocalSigner({ now }, file, { encryptionKey: newKey() }), {
    code: 'keys_unreadable',
    message: /another key-encryption key/,
  })
  await assert.rejects(openLocalSigner({ now }, file), {
    code: 'keys_unreadable',
    message: /no key-encryption key is configured/,
  })
  assert.equal(readFileSync(file, 'utf8'), text)
})

test('key-encryption key › of fewer than 32 bytes is refused', async (t) => {
  const encryptionKey = new Secret('x'.repeat(31))
  await assert.rejects(openLocalSigner({ now }, fileFor(t), { encryptionKey }), {
    message: /fewer than 32 bytes/,
  })
})

const alterations: { name: string; alter: (entries: Entry[]) => void }[] = [
  {
    name: 'with its states swapped',
    alter: ([active, next]) => {
      if (active && next) [active.state, next.state] = [next.state, active.state]
    },
  },
  {
    name: 'with its sealed halves swapped',
    alter: ([active, next]) => {
      if (active?.sealed && next?.sealed)
        [active.sealed, next.sealed] = [next.sealed, active.sealed]
    },
  },
  {
    name: 'with one letter changed',
    alter: ([active]) => {
      const { sealed = '' } = active ?? {}
      const at = sealed.length - 30
      if (active)
        active.sealed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`
    },
  },
  { name: 'cut short', alter: ([active]) => void (active && (active.sealed = 'AAAA')) },
]

for (const { name, alter } of alterations) {
  test(`encrypted key file › ${name} is refused as altered`, async (t) => {
    const file = fileFor(t)
    const encryptionKey = newKey()
    const signer = await openLocalSigner({ now }, file, { encryptionKey })
    await signer.change({ command: { kind: 'prepare' } })
    const written = readJson(file)
    alter(written.keys)
    writeJson(file, written)
    await assert.rejects(openLocalSigner({ now }, file, { encryptionKey }), {
      code: 'keys_unreadable',
      message: /was altered/,
    })
  })
}

test('key file in clear › is encrypted at the next write, and in clear again only by order', async (t) => {
  const file = fileFor(t)
  const clear = await openLocalSigner({ now }, file)
  const secret = readJson(file).keys[0]?.private?.['d'] ?? assert.fail('nothing private')
  const encryptionKey = newKey()
  const signer = await openLocalSigner({ now }, file, { encryptionKey })
  assert.ok(readFileSync(file, 'utf8').includes(secret), 'reading alone writes nothing')
  await signer.rewrite('encrypted')
  assert.ok(!readFileSync(file, 'utf8').includes(secret))
  await signer.change({ command: { kind: 'prepare' } })
  assert.ok(!readFileSync(file, 'utf8').includes(secret))
  await assert.rejects(clear.change({ command: { kind: 'prepare' } }), /no key-encryption key/)
  await signer.rewrite('clear')
  assert.ok(readFileSync(file, 'utf8').includes(secret))
  await assert.rejects(clear.rewrite('encrypted'), /no key-encryption key/)
  assert.deepEqual((await openLocalSigner({ now }, file)).publicKeys(), signer.publicKeys())
})

test('key file › forgets the private half of a key that signs no more', async (t) => {
  const file = fileFor(t)
  const signer = await openLocalSigner({ now }, file)
  const secret = readJson(file).keys[0]?.private?.['d'] ?? assert.fail('nothing private')
  await signer.change({ command: { kind: 'activate', isEmergency: true } })
  assert.deepEqual(
    readJson(file).keys.map(({ state }) => state),
    ['retired', 'active'],
  )
  assert.ok(!readFileSync(file, 'utf8').includes(secret))
})

test('sealer › opens only for the kid and state it sealed for', () => {
  const key = newKey()
  const sealer = createSealer(key)
  const about = { kid: 'k', state: 'active' }
  const sealed = sealer.seal('text', about)
  assert.equal(openSealer(key, sealer.header)?.open(sealed, about), 'text')
  assert.equal(sealer.open(sealed, { ...about, state: 'next' }), undefined)
  assert.equal(sealer.open(sealed, { ...about, kid: 'l' }), undefined)
  assert.equal(openSealer(newKey(), sealer.header), undefined)
  assert.equal(openSealer(key, { ...sealer.header, check: 'short' }), undefined)
})
