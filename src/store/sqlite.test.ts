import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { testStore } from './contract.ts'
import { openSqliteStore } from './sqlite.ts'

testStore('sqlite', () => openSqliteStore(':memory:'))

test('store sqlite › is a file only its owner may read, and survives a restart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'asd-store-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'state.db')
  const first = openSqliteStore(file)
  await first.appendLedger(() => [{ seq: 1, hash: 'h', record: 'r' }])
  assert.equal(statSync(file).mode & 0o777, 0o600)
  await first.close()
  const second = openSqliteStore(file)
  assert.equal((await second.readLedger(1, 10))[0]?.record, 'r')
  await second.close()
})

test('store sqlite › refuses a database of a newer release', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'asd-store-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'state.db')
  const database = new DatabaseSync(file)
  database.exec('PRAGMA user_version = 99')
  database.close()
  assert.throws(() => openSqliteStore(file), { code: 'store_unavailable', message: /version 99/ })
})
