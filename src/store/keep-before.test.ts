import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'

import { keepBeforeMigration } from './keep-before.ts'
import { sqliteMigrations } from './sql/schema.ts'
import { openSqliteStore } from './sqlite.ts'
import { version2Sql } from './version-2.fixture.ts'

function stage(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-keep-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'state.db')
}

function makeOld(file: string): void {
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA journal_mode = WAL; ${version2Sql} PRAGMA user_version = 2`)
  database.close()
}

test('keep before › an older file is copied once, whole, for its owner alone', async (t) => {
  const file = stage(t)
  makeOld(file)
  const copy = keepBeforeMigration(file)
  assert.equal(copy, `${file}.before-v${sqliteMigrations.length}`)
  assert.equal(statSync(copy).mode & 0o777, 0o600)
  await openSqliteStore(file).close()
  const database = new DatabaseSync(copy)
  assert.equal(database.prepare('PRAGMA user_version').get()?.['user_version'], 2)
  assert.equal(database.prepare('SELECT count(*) AS n FROM ledger').get()?.['n'], 9)
  database.close()
  assert.equal(keepBeforeMigration(file), undefined)
})

test('keep before › nothing is copied of a file that is new, or not there', async (t) => {
  const file = stage(t)
  assert.equal(keepBeforeMigration(file), undefined)
  assert.ok(!existsSync(file))
  await openSqliteStore(file).close()
  assert.equal(keepBeforeMigration(file), undefined)
})

test('keep before › what is no database is refused, and no half copy stays', (t) => {
  const file = stage(t)
  writeFileSync(file, 'no database at all, though long enough to be looked at'.repeat(99))
  assert.throws(() => keepBeforeMigration(file), { code: 'store_unavailable' })
  assert.deepEqual(readdirSync(join(file, '..')), ['state.db'])
})
