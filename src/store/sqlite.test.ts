import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'

import { verifyLedger } from '../audit/verify.ts'
import { testStore } from './contract.ts'
import { openSqliteStore, openSqliteStoreAlone } from './sqlite.ts'
import { version1Sql } from './version-1.fixture.ts'

testStore({ name: 'sqlite' }, () => openSqliteStore(':memory:'))

function newFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-store-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'state.db')
}

function makeVersion1(file: string): void {
  const database = new DatabaseSync(file)
  database.exec(version1Sql)
  database.close()
}

test('store sqlite › is a file only its owner may read, and survives a restart', async (t) => {
  const file = newFile(t)
  const first = openSqliteStore(file)
  await first.appendLedger('a', () => [{ seq: 1, hash: 'h', record: 'r' }])
  assert.equal(statSync(file).mode & 0o777, 0o600)
  await first.close()
  const second = openSqliteStore(file)
  assert.equal((await second.readLedger('a', 1, 10))[0]?.record, 'r')
  await second.close()
})

test('store sqlite › refuses a database of a newer release', (t) => {
  const file = newFile(t)
  const database = new DatabaseSync(file)
  database.exec('PRAGMA user_version = 99')
  database.close()
  assert.throws(() => openSqliteStore(file), { code: 'store_newer', message: /version 99/ })
})

test('store sqlite › takes over a file of version 1, its ledger as the chain of its last node', async (t) => {
  const file = newFile(t)
  makeVersion1(file)
  for (let opened = 0; opened < 2; opened += 1) {
    const store = openSqliteStore(file)
    const [chain, ...others] = await store.listChains()
    assert.deepEqual([chain?.node, chain?.seq, others.length], ['node-1', 4, 0])
    const verified = await verifyLedger(store)
    assert.deepEqual([verified.count, verified.chains], [4, [chain]])
    assert.equal((await store.findRequestToken('a'.repeat(64)))?.buildId, 7)
    assert.equal((await store.findBuild('main', 7))?.isFinal, false)
    assert.equal((await store.findBuild('main', 8))?.isFinal, true)
    assert.equal(
      await store.observeBuild({
        ...(await store.findBuild('main', 8))!,
        version: 99,
        isFinal: false,
      }),
      false,
    )
    await store.close()
  }
})

test('store sqlite › leaves a file of version 1 as it was when it cannot be taken over', (t) => {
  const file = newFile(t)
  makeVersion1(file)
  const database = new DatabaseSync(file)
  database.exec("UPDATE ledger SET record = '{' WHERE seq = 4")
  assert.throws(() => openSqliteStore(file), { code: 'store_unavailable' })
  assert.equal(database.prepare('PRAGMA user_version').get()?.['user_version'], 1)
  assert.equal(database.prepare('SELECT count(*) AS n FROM ledger').get()?.['n'], 4)
  database.close()
})

test('store sqlite › opened alone refuses while another has it, and keeps others out', async (t) => {
  const file = newFile(t)
  const service = openSqliteStore(file)
  await service.appendLedger('a', () => [{ seq: 1, hash: 'h', record: 'r' }])
  assert.throws(() => openSqliteStoreAlone(file), { code: 'store_in_use', exitCode: 4 })
  await service.appendLedger('a', () => [{ seq: 2, hash: 'i', record: 's' }])
  await service.close()
  const alone = openSqliteStoreAlone(file)
  assert.equal((await alone.listChains())[0]?.seq, 2)
  const other = new DatabaseSync(file, { timeout: 0 })
  assert.throws(() => other.exec('SELECT * FROM ledger'), /locked/)
  other.close()
  await alone.close()
  const again = openSqliteStore(file)
  assert.equal((await again.listChains())[0]?.seq, 2)
  await again.close()
})

test('store sqlite › lets only one process at a time work under a lock', async (t) => {
  const file = newFile(t)
  const stores = [openSqliteStore(file), openSqliteStore(file)]
  let inside = 0
  const work = async () => {
    inside += 1
    assert.equal(inside, 1)
    await new Promise((resolve) => setTimeout(resolve, 10))
    inside -= 1
  }
  await Promise.all(stores.flatMap((store) => [1, 2].map(() => store.withLock('ring', work))))
  for (const store of stores) await store.close()
})
