// A database of every released schema version, migrated to the newest in both kinds of database.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test, type TestContext } from 'node:test'

import { createLedger } from '../audit/ledger.ts'
import { verifyLedger } from '../audit/verify.ts'
import type { WholeStore } from './move.ts'
import { startPostgres, whyNoPostgres, type TestServer } from './postgres.fixture.ts'
import { openPostgresStore, type PostgresSettings } from './postgres.ts'
import { postgresMigrations, sqliteMigrations } from './sql/schema.ts'
import { openSqliteStore } from './sqlite.ts'
import { version1Sql } from './version-1.fixture.ts'
import { version2Sql } from './version-2.fixture.ts'

const skip = whyNoPostgres()
let server: TestServer | undefined
before(async () => {
  if (skip === false) server = await startPostgres()
})
after(() => server?.stop())

const isFinalOf = async (store: WholeStore, id: number) =>
  (await store.findBuild('main', id))?.isFinal

// What a release left, and what of it must be there after every later step.
const releases = [
  {
    version: 1,
    sql: version1Sql.replaceAll(/^(BEGIN|COMMIT|PRAGMA).*$/gm, ''),
    chains: { 'node-1': 4 },
    tokens: ['a'],
    documents: {},
    broken: "UPDATE ledger SET record = '{' WHERE seq = 4",
  },
  {
    version: 2,
    sql: version2Sql,
    chains: { 'node-1': 6, 'node-1.cli': 1, 'node-2': 2 },
    tokens: ['a', 'c'],
    documents: { 'signing-keys': `{"sealed":"it's two"}` },
    // A table in the way of a later step.
    broken: 'CREATE TABLE trail_build (other TEXT)',
  },
]

type Release = (typeof releases)[number]

async function checkContents(store: WholeStore, release: Release): Promise<void> {
  const { chains } = await verifyLedger(store)
  const ends = chains.map(({ node, seq }) => [node, seq] as const)
  assert.deepEqual(Object.fromEntries(ends), release.chains)
  const tokens = await store.readRequestTokens('', 9)
  assert.deepEqual(
    tokens.map(({ tokenHash }) => tokenHash),
    release.tokens.map((letter) => letter.repeat(64)),
  )
  assert.equal(tokens[0]?.payload, '{"kind":"grant"}')
  assert.deepEqual([await isFinalOf(store, 7), await isFinalOf(store, 8)], [false, true])
  const documents = (await store.readDocuments()).map(({ name, text }) => [name, text] as const)
  assert.deepEqual(Object.fromEntries(documents), release.documents)
}

async function checkGoesOn(store: WholeStore, release: Release): Promise<void> {
  const now = () => new Date('2026-11-24T08:00:00Z')
  const ledger = createLedger({ store, now }, 'node-1')
  const { seq } = await ledger.append({ type: 'service.started', decision: 'info' })
  assert.equal(seq, (release.chains['node-1'] ?? 0) + 1)
  await verifyLedger(store)
}

function newFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-upgrade-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'state.db')
}

function inFile<Value>(file: string, work: (database: DatabaseSync) => Value): Value {
  const database = new DatabaseSync(file)
  try {
    return work(database)
  } finally {
    database.close()
  }
}

function everythingIn(file: string): unknown {
  return inFile(file, (database) => {
    const tables = database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all()
    const version = database.prepare('PRAGMA user_version').get()
    const records = database.prepare('SELECT * FROM ledger').all()
    return JSON.stringify([version, tables, records])
  })
}

// Names, not texts: a renamed table has its name quoted.
function tablesIn(file: string): unknown {
  return inFile(file, (database) =>
    database
      .prepare(
        `SELECT m.name AS place, c.name, c.type, c.pk FROM sqlite_schema m
         JOIN pragma_table_info(m.name) c ORDER BY 1, 2`,
      )
      .all(),
  )
}

for (const release of releases) {
  test(`upgrade › a file of version ${release.version} has all it had, the newest tables, and goes on`, async (t) => {
    const [file, fresh] = [newFile(t), newFile(t)]
    inFile(file, (database) =>
      database.exec(`${release.sql} PRAGMA user_version = ${release.version}`),
    )
    for (let opened = 0; opened < 2; opened += 1) {
      const store = openSqliteStore(file)
      await checkContents(store, release)
      await store.close()
    }
    await openSqliteStore(fresh).close()
    assert.deepEqual(tablesIn(file), tablesIn(fresh))
    const store = openSqliteStore(file)
    await checkGoesOn(store, release)
    await store.close()
  })

  test(`upgrade › a file of version ${release.version} is as it was when a step fails`, (t) => {
    const file = newFile(t)
    inFile(file, (database) =>
      database.exec(`${release.sql} ${release.broken}; PRAGMA user_version = ${release.version}`),
    )
    const untouched = everythingIn(file)
    assert.throws(() => openSqliteStore(file), { code: 'store_unavailable' })
    assert.deepEqual(everythingIn(file), untouched)
  })
}

test('upgrade › a file of a newer release is refused and untouched', async (t) => {
  const file = newFile(t)
  const store = openSqliteStore(file)
  await store.appendLedger('a', () => [{ seq: 1, hash: 'h', record: 'r' }])
  await store.close()
  const newer = sqliteMigrations.length + 1
  inFile(file, (database) =>
    database.exec(`CREATE TABLE later (a TEXT); PRAGMA user_version = ${newer}`),
  )
  const untouched = everythingIn(file)
  assert.throws(() => openSqliteStore(file), {
    code: 'store_newer',
    exitCode: 4,
    message: `The database has schema version ${newer}, and this release knows ${newer - 1}.`,
  })
  assert.deepEqual(everythingIn(file), untouched)
})

async function inDatabase(settings: PostgresSettings, ...sql: string[]): Promise<unknown[]> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: settings.url.reveal() })
  await client.connect()
  try {
    let rows: unknown[] = []
    for (const each of sql) ({ rows } = await client.query(each))
    return rows
  } finally {
    await client.end()
  }
}

async function newDatabase(release: Release, more = ''): Promise<PostgresSettings> {
  assert.ok(server)
  const settings = await server.createDatabase()
  const version = 'CREATE TABLE schema_version (version INT NOT NULL); INSERT INTO schema_version'
  await inDatabase(settings, `${release.sql} ${version} VALUES (${release.version}); ${more}`)
  return settings
}

const columns = `SELECT table_name, column_name, data_type FROM information_schema.columns
  WHERE table_schema = 'public' ORDER BY 1, 2`
const everything = 'SELECT (SELECT max(version) FROM schema_version), ledger.* FROM ledger'

for (const release of releases) {
  test(
    `upgrade › a PostgreSQL database of version ${release.version} has all it had, the newest tables, and goes on`,
    { skip },
    async () => {
      assert.ok(server)
      const settings = await newDatabase(release)
      for (let opened = 0; opened < 2; opened += 1) {
        const store = await openPostgresStore(settings)
        await checkContents(store, release)
        await store.close()
      }
      const fresh = await server.createDatabase()
      await (await openPostgresStore(fresh)).close()
      assert.deepEqual(await inDatabase(settings, columns), await inDatabase(fresh, columns))
      const store = await openPostgresStore(settings)
      await checkGoesOn(store, release)
      await store.close()
    },
  )

  test(
    `upgrade › a PostgreSQL database of version ${release.version} is as it was when a step fails`,
    { skip },
    async () => {
      const settings = await newDatabase(release, release.broken)
      const untouched = [
        await inDatabase(settings, everything),
        await inDatabase(settings, columns),
      ]
      await assert.rejects(openPostgresStore(settings), { code: 'store_unavailable' })
      assert.deepEqual(
        [await inDatabase(settings, everything), await inDatabase(settings, columns)],
        untouched,
      )
    },
  )
}

test('upgrade › a PostgreSQL database of a newer release is refused', { skip }, async () => {
  assert.ok(server)
  const settings = await server.createDatabase()
  await (await openPostgresStore(settings)).close()
  const newer = postgresMigrations.length + 1
  await inDatabase(settings, `UPDATE schema_version SET version = ${newer}`)
  const untouched = await inDatabase(settings, columns)
  await assert.rejects(openPostgresStore(settings), { code: 'store_newer', exitCode: 4 })
  assert.deepEqual(await inDatabase(settings, columns), untouched)
})
