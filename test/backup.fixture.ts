// What the tests of `backup` and `restore` share: states with three chains, and both commands on them.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { stringify } from 'yaml'

import { backupCommand } from '../bin/backup.ts'
import { restoreCommand } from '../bin/restore.ts'
import { openStore } from '../bin/service-store.ts'
import { openKeyring } from '../src/audit/keyring.ts'
import { createLedger } from '../src/audit/ledger.ts'
import { verifyLedger } from '../src/audit/verify.ts'
import { readServiceConfig } from '../src/config/service-config.ts'
import { openLocalSigner } from '../src/keys/local.ts'
import { fileKeyPlace } from '../src/keys/place.ts'
import type { WholeStore } from '../src/store/move.ts'
import type { TestServer } from '../src/store/postgres.fixture.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'

/** The clock of these tests. */
export const now = () => new Date('2026-11-23T12:00:00Z')

/** A folder with files of configuration; each configuration has a state of its own. */
export function stageBackup(t: TestContext, server?: TestServer) {
  const folder = mkdtempSync(join(tmpdir(), 'asd-backup-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return { file: join(folder, name) }
  }
  const door = { address: '127.0.0.1:1' }
  const main = {
    scm: 'gitea',
    webhook_secret: write('webhook', 'w'.repeat(40)),
    runners: { one: { token: write('runner', 'r'.repeat(40)), repositories: ['**'] } },
  }
  const encryption = write('encryption', 'e'.repeat(40))
  const configure = (name: string, more: object = {}) => {
    const config = {
      issuer_url: 'https://id.example',
      service_url: 'https://asd.example',
      policy_file: 'policy.yaml',
      state_dir: join(folder, name),
      listen: { ci: door, steps: door, public: door },
      instances: { main },
      ...more,
    }
    return write(`${name}.yaml`, stringify(config)).file
  }
  const configurePostgres = async (name: string) => {
    assert.ok(server)
    const { url } = await server.createDatabase()
    return configure(name, {
      node: 'node-1',
      database: { url: write(`${name}.url`, url.reveal()) },
      token_key: write('token-key', 't'.repeat(40)),
      keys: { store: 'database', encryption_key: encryption },
    })
  }
  const passphrase = write('passphrase', 'correct horse battery staple').file
  const said: string[] = []
  const say = (text: string) => void said.push(text)
  const output = join(folder, 'state.backup')
  const run = {
    backup: (config: string, file = output) =>
      backupCommand(['--config', config, '--output', file, '--passphrase-file', passphrase], say),
    verify: (file = output, secret = passphrase) =>
      backupCommand(['verify', file, '--passphrase-file', secret], say),
    restore: (config: string, file = output, secret = passphrase) =>
      restoreCommand(['--config', config, '--input', file, '--passphrase-file', secret], say),
  }
  return { folder, configure, configurePostgres, write, passphrase, output, run, said }
}

/** A configuration as the commands read it. */
export const readConfig = (file: string) =>
  readServiceConfig({ readFile: (path) => readFileSync(path, 'utf8'), env: {} }, file)

/** A token that stands for a grant. */
export const token = (hash: string) => ({
  tokenHash: hash.repeat(64),
  instance: 'main',
  buildId: 7,
  payload: '{"kind":"grant"}',
  issuedAt: now(),
  expiresAt: new Date('2026-11-24T12:00:00Z'),
})

async function fill(store: WholeStore): Promise<void> {
  const nodes = ['node-1', 'node-1.cli', 'node-2']
  for (const node of nodes) {
    const ledger = createLedger({ store, now }, node)
    const events = Array.from({ length: 1100 }, (_, index) =>
      ledger.append({ type: 'policy.loaded', decision: 'info', detail: `é ${index}` }),
    )
    await Promise.all(events)
  }
  const ledger = createLedger({ store, now }, 'node-1')
  const heads = (await store.listChains()).filter(({ node }) => node !== 'node-1')
  await ledger.append({ type: 'ledger.checkpoint', decision: 'info', heads })
  await store.addRequestToken(token('a'))
  const build = { instance: 'main', buildId: 7, version: 2, payload: '{}', seenAt: now() }
  await store.observeBuild({ ...build, isFinal: true })
}

/** The state of a service that runs: its store stays open. */
export async function startState(t: TestContext, config: string) {
  const { stateFolder } = readConfig(config)
  mkdirSync(stateFolder)
  const store = openSqliteStore(join(stateFolder, 'state.db'))
  await fill(store)
  writeFileSync(join(stateFolder, 'token.key'), 'k'.repeat(32), { mode: 0o600 })
  const signer = await openLocalSigner({ now }, join(stateFolder, 'signing-keys.json'))
  const place = fileKeyPlace(join(stateFolder, 'ledger-key.node-1.json'))
  const keyring = await openKeyring({ now, place }, 'node-1')
  t.after(() => store.close())
  return { store, signer, keyring }
}

/** Checks what a restored state has, and that it goes on. */
export async function checkRestored(config: string): Promise<void> {
  const store = await openStore(readConfig(config))
  const { chains } = await verifyLedger(store)
  assert.deepEqual(
    chains.map(({ node, seq }) => [node, seq]),
    [
      ['node-1', 1102],
      ['node-1.cli', 1100],
      ['node-2', 1100],
    ],
  )
  const [row] = await store.readLedger('node-1', 1102, 1)
  const record = JSON.parse(row?.record ?? '') as Record<string, unknown>
  assert.equal(record['type'], 'service.restored')
  const heads = record['heads'] as { node: string; seq: number }[]
  assert.equal(heads.find(({ node }) => node === 'node-1')?.seq, 1101)
  const { taken_at: takenAt, sha256 } = record['backup'] as { taken_at: string; sha256: string }
  assert.match(`${takenAt} ${sha256}`, /^\d{4}-\d\d-\d\dT\S+Z [0-9a-f]{64}$/)
  assert.deepEqual(await store.findRequestToken('a'.repeat(64)), token('a'))
  assert.equal(await store.findRequestToken('b'.repeat(64)), undefined)
  assert.equal((await store.findBuild('main', 7))?.isFinal, true)
  await createLedger({ store, now }, 'node-1').append({ type: 'service.started', decision: 'info' })
  await verifyLedger(store)
  await store.close()
}
