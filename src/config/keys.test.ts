import assert from 'node:assert/strict'
import { test } from 'node:test'

import { keysSchema, toKeySettings } from './keys.ts'

const env = { KEK: 'a key-encryption key of 32 bytes or more' }
const sources = { env, readFile: () => assert.fail('no file is named') }

/** The settings of a `keys:`, or the problems with it. */
function read(keys: unknown, hasDatabase = false) {
  const found: string[] = []
  const settings = toKeySettings(sources, keysSchema.parse(keys), { hasDatabase }, found)
  return { settings, found: found.map((problem) => problem.split(':')[0]) }
}

const vault = { url: 'https://drone.vault.azure.net', key: 'issuer' }

test('keys › in a vault have a queue, and sign in as the machine does', () => {
  const { settings, found } = read({ key_vault: vault }, true)
  assert.deepEqual(found, [])
  assert.deepEqual(settings.vault, {
    url: 'https://drone.vault.azure.net',
    key: 'issuer',
    signIn: 'default',
    queue: { concurrency: 16, longestQueue: 200, longestWaitMs: 5000 },
  })
  const clientId = '11111111-2222-3333-4444-555555555555'
  const queue = { concurrency: 2, length: 0, wait: '2s' }
  const more = { ...vault, sign_in: 'managed-identity', client_id: clientId, queue }
  assert.deepEqual(read({ key_vault: more }).settings.vault, {
    url: 'https://drone.vault.azure.net',
    key: 'issuer',
    signIn: 'managed-identity',
    clientId,
    queue: { concurrency: 2, longestQueue: 0, longestWaitMs: 2000 },
  })
})

for (const [name, change] of Object.entries({
  'without TLS': { url: 'http://drone.vault.azure.net' },
  'with a path': { url: 'https://drone.vault.azure.net/keys/issuer' },
  'with a key of other letters': { key: 'a/b' },
  'with an unknown way to sign in': { sign_in: 'cli' },
  'with nobody at a time': { queue: { concurrency: 0 } },
})) {
  test(`keys › in a vault ${name} are refused`, () => {
    assert.equal(keysSchema.safeParse({ key_vault: { ...vault, ...change } }).success, false)
  })
}

test('keys › are in one place, which replicas share, and encrypted in a database', () => {
  const secret = { env: 'KEK' }
  assert.deepEqual(read({}).found, [])
  assert.deepEqual(read({ encryption_key: secret }).found, [])
  assert.deepEqual(read({ store: 'database', encryption_key: secret }, true).found, [])
  assert.deepEqual(read({}, true).found, ['keys.store'])
  assert.deepEqual(read({ store: 'file' }, true).found, ['keys.store'])
  assert.deepEqual(read({ store: 'database' }, true).found, ['keys.encryption_key'])
  assert.deepEqual(read({ store: 'database', encryption_key: secret }).found, ['keys.store'])
  const both = { key_vault: vault, store: 'database', encryption_key: secret }
  assert.deepEqual(read(both, true).found, ['keys.store', 'keys.encryption_key'])
})
