import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as z from 'zod'

import { replicaFields, toReplicaSettings, type ReplicaSettings } from './database.ts'

const fields = z.strictObject(replicaFields)
const env = {
  URL: 'postgresql://asd:canary@db.example:5432/asd',
  HERE: 'postgres://asd:canary@127.0.0.1/asd',
  SOCKET: 'postgresql://asd:canary@%2Frun%2Fpostgresql/asd',
  KEY: 'k'.repeat(32),
  SHORT: 'short',
  POD_NAME: 'asd-2',
  BAD_NAME: 'Asd_2',
}

type File = z.input<typeof fields>

function read(file: File): { settings: ReplicaSettings; found: string[] } {
  const found: string[] = []
  const readFile = (path: string) => {
    throw new Error(`ENOENT ${path}`)
  }
  const settings = toReplicaSettings({ env, readFile }, fields.parse(file), found)
  return { settings, found }
}

const whole: File = {
  database: { url: { env: 'URL' }, ca_file: 'ca.pem' },
  token_key: { env: 'KEY' },
  node: { env: 'POD_NAME' },
}

test('replicas › without a database have a usual name and no shared secret', () => {
  assert.deepEqual(read({}), {
    settings: { node: 'node-1' },
    found: [],
  })
})

test('replicas › have a database, a shared key, and a name that may come from outside', () => {
  const { settings, found } = read(whole)
  assert.deepEqual(found, [])
  assert.equal(settings.node, 'asd-2')
  assert.equal(settings.tokenKey?.reveal(), env.KEY)
  const { url, ...database } = settings.database ?? {}
  assert.equal(url?.reveal(), env.URL)
  assert.deepEqual(database, { caFile: 'ca.pem', isInClear: false, connections: 10 })
})

const transports: { name: string; database: File['database']; isInClear: boolean }[] = [
  { name: 'another machine', database: { url: { env: 'URL' } }, isInClear: false },
  {
    name: 'another machine, as allowed',
    database: { url: { env: 'URL' }, allow_unencrypted: true },
    isInClear: true,
  },
  { name: 'this machine', database: { url: { env: 'HERE' } }, isInClear: true },
  { name: 'a socket', database: { url: { env: 'SOCKET' } }, isInClear: true },
  {
    name: 'this machine with a CA',
    database: { url: { env: 'HERE' }, ca_file: 'ca.pem' },
    isInClear: false,
  },
]

for (const { name, database, isInClear } of transports) {
  test(`replicas › speak ${isInClear ? 'in clear' : 'by TLS'} to ${name}`, () => {
    const { settings, found } = read({ ...whole, database })
    assert.deepEqual([settings.database?.isInClear, found], [isInClear, []])
  })
}

const mistakes: { name: string; file: File; says: RegExp }[] = [
  {
    name: 'a database without a shared key',
    file: { ...whole, token_key: undefined },
    says: /token_key: is required/,
  },
  {
    name: 'a database without a name',
    file: { ...whole, node: undefined },
    says: /node: is required/,
  },
  {
    name: 'a name of other letters',
    file: { ...whole, node: { env: 'BAD_NAME' } },
    says: /BAD_NAME/,
  },
  { name: 'a name that is missing', file: { ...whole, node: { env: 'NONE' } }, says: /NONE/ },
  {
    name: 'a short key',
    file: { ...whole, token_key: { env: 'SHORT' } },
    says: /token_key: .*fewer than 32/,
  },
  {
    name: 'a database URL that is missing',
    file: { ...whole, database: { url: { env: 'NONE' } } },
    says: /database\.url: .*NONE/,
  },
  {
    name: 'a CA that is not used',
    file: { ...whole, database: { url: { env: 'URL' }, ca_file: 'x', allow_unencrypted: true } },
    says: /contradict/,
  },
]

for (const { name, file, says } of mistakes) {
  test(`replicas › with ${name} are refused`, () => {
    const { found } = read(file)
    assert.equal(found.length, 1)
    assert.match(found[0] ?? '', says)
  })
}

for (const url of [
  'mysql://asd:canary@db.example/asd',
  'postgresql://asd:canary@db.example',
  'postgresql://asd:canary@db.example/asd?sslmode=disable',
  'canary',
]) {
  test('replicas › with a database URL of another form are refused without quoting it', () => {
    const found: string[] = []
    const sources = { env: { ...env, URL: url }, readFile: () => '' }
    toReplicaSettings(sources, fields.parse(whole), found)
    assert.match(found.join(), /database\.url: must/)
    assert.ok(!found.join().includes('canary'))
  })
}
