// `restore` as an operator runs it, also between both kinds of database.
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { openStore } from '../bin/service-store.ts'
import { openKeyring } from '../src/audit/keyring.ts'
import { openLocalSignerAt } from '../src/keys/local.ts'
import { documentKeyPlace, fileKeyPlace } from '../src/keys/place.ts'
import { fillPostgres } from '../src/store/backup-fill.ts'
import type { WholeStore } from '../src/store/move.ts'
import { startPostgres, whyNoPostgres, type TestServer } from '../src/store/postgres.fixture.ts'
import { checkRestored, now, readConfig, stageBackup, startState } from './backup.fixture.ts'

const skip = whyNoPostgres()
let server: TestServer | undefined
before(async () => {
  if (skip === false) server = await startPostgres()
})
after(() => server?.stop())

test(
  'backup › of SQLite is restored into PostgreSQL, with its keys encrypted, and back again',
  { skip },
  async (t) => {
    const { configure, configurePostgres, run, folder } = stageBackup(t, server)
    const config = configure('one')
    const { signer, keyring } = await startState(t, config)
    await run.backup(config)
    const target = await configurePostgres('two')
    assert.equal(await run.restore(target), 0)
    await checkRestored(target)
    const store = await openStore(readConfig(target))
    const { keys } = readConfig(target)
    assert.ok(!(await store.readDocument('signing-keys'))?.text.includes('"d":'))
    const moved = await openLocalSignerAt({ now }, documentKeyPlace(store, 'signing-keys'), {
      ...(keys.encryptionKey && { encryptionKey: keys.encryptionKey }),
      mustExist: true,
    })
    assert.deepEqual(moved.publicKeys(), signer.publicKeys())
    // The ledger's key was in clear; the one that follows it is sealed, and endorsed by it.
    const place = documentKeyPlace(store, 'ledger-key.node-1')
    assert.ok(!(await place.read())?.text.includes('"private"'))
    const sealWith = keys.encryptionKey
    const verifiers = (await openKeyring({ now, place, sealWith }, 'node-1')).keys()
    assert.deepEqual([verifiers.length, verifiers[0]?.text], [2, keyring.signer().verifier.text])
    await assert.rejects(run.restore(target), { code: 'store_not_empty', exitCode: 4 })
    await store.close()
    const second = join(folder, 'second.backup')
    await run.backup(target, second)
    const back = configure('three', {
      keys: { encryption_key: { file: join(folder, 'encryption') } },
    })
    assert.equal(await run.restore(back, second), 0)
    const again = await openLocalSignerAt(
      { now },
      fileKeyPlace(join(readConfig(back).stateFolder, 'signing-keys.json')),
      { ...(keys.encryptionKey && { encryptionKey: keys.encryptionKey }), mustExist: true },
    )
    assert.deepEqual(again.publicKeys(), signer.publicKeys())
    // Without the key they were encrypted with they are of no use, and that is told at once.
    const keyless = configure('four')
    await assert.rejects(run.restore(keyless, second), { code: 'keys_unreadable' })
    assert.deepEqual(readdirSync(readConfig(keyless).stateFolder), [])
  },
)

test('restore › overwrites nothing: a state folder with anything in it is refused', async (t) => {
  const { configure, run } = stageBackup(t, server)
  const config = configure('one')
  await startState(t, config)
  await run.backup(config)
  const { stateFolder } = readConfig(config)
  const names = readdirSync(stateFolder)
  await assert.rejects(run.restore(config), { code: 'store_not_empty', exitCode: 4 })
  assert.deepEqual(readdirSync(stateFolder), names)
  await assert.rejects(run.backup(config), { code: 'cli_usage', message: /there already/ })
})

test('restore › that was killed lets no service start, and another finishes it', async (t) => {
  const { configure, run } = stageBackup(t, server)
  const config = configure('one')
  await startState(t, config)
  await run.backup(config)
  const target = configure('two')
  const { stateFolder } = readConfig(target)
  // As it is between two renames.
  mkdirSync(join(stateFolder, 'restoring'), { recursive: true })
  writeFileSync(join(stateFolder, 'restoring', 'state.db'), 'half')
  writeFileSync(join(stateFolder, 'token.key'), 'k'.repeat(32))
  await assert.rejects(openStore(readConfig(target)), { code: 'restore_unfinished', exitCode: 4 })
  assert.equal(await run.restore(target), 0)
  await checkRestored(target)
})

test(
  'restore › into PostgreSQL that breaks off half-way leaves the database empty',
  { skip },
  async (t) => {
    const { configure, configurePostgres } = stageBackup(t, server)
    const { store } = await startState(t, configure('one'))
    const target = readConfig(await configurePostgres('two'))
    assert.ok(target.database)
    const breaking: WholeStore = {
      ...store,
      readLedger: async (node, from, limit) => {
        if (from > 1) throw new Error('cut')
        return store.readLedger(node, from, limit)
      },
    }
    const { url, isInClear, connections } = target.database
    await assert.rejects(fillPostgres({ url, isInClear, connections }, breaking), /cut/)
    const empty = await openStore(target)
    assert.deepEqual(await empty.listChains(), [])
    assert.equal(await empty.findRequestToken('a'.repeat(64)), undefined)
    await empty.close()
  },
)
