// The store in one SQLite file (node:sqlite): WAL, and fully durable commits, because a record must
// be on disk before the token it permits leaves.
import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

import { Fault, messageOf } from '../core/fault.ts'
import { sqliteMigrations } from './sql/schema.ts'
import {
  buildValues,
  statements,
  toBuildRow,
  toDocumentRow,
  toHead,
  toLedgerRow,
  tokenValues,
  toTokenRow,
  type Row,
  type StatementName,
} from './sql/statements.ts'
import { createFileLock } from './sqlite-lock.ts'
import { genesisHash, type Store, type StorePages } from './store.ts'
import { createSqliteTrail } from './trail-sqlite.ts'
import type { TrailTables } from './trail-tables.ts'

const insertLedger = 'INSERT INTO ledger (node, seq, hash, record) VALUES ($1, $2, $3, $4)'

/** Opens or makes the database file (mode 0600), migrated; throws store_unavailable. */
export function openSqliteStore(file: string): Store & StorePages & TrailTables {
  return storeOver(
    attempt(() => openDatabase(file)),
    file,
  )
}

/** Opens an existing file as long as nobody else does, and keeps others out; throws store_in_use. */
export function openSqliteStoreAlone(file: string): Store & StorePages & TrailTables {
  const database = attempt(() => openDatabase(file))
  try {
    // A connection that reads the write-ahead log without the shared index needs the file for itself.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE;')
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;')
  } catch (cause) {
    database.close()
    throw new Fault('store_in_use', `${file} is in use: ${messageOf(cause)}.`, { cause })
  }
  return storeOver(database, file)
}

function storeOver(database: DatabaseSync, file: string): Store & StorePages & TrailTables {
  const prepared = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  const prepare = (sql: string) => {
    const known = prepared.get(sql) ?? database.prepare(sql)
    prepared.set(sql, known)
    return known
  }
  const all = (name: StatementName, ...values: Value[]): Row[] =>
    prepare(statements[name]).all(named(values))
  const run = (name: StatementName, ...values: Value[]): number =>
    Number(prepare(statements[name]).run(named(values)).changes)
  const headOf = (node: string) => toHead(all('selectHead', node)[0])

  return {
    ...createSqliteTrail({ database, prepare }),
    addRequestToken: (row) => promise(() => run('insertToken', ...tokenValues(row)) === 1),
    findRequestToken: (hash) => promise(() => all('selectToken', hash).map(toTokenRow)[0]),
    countRequestTokens: (instance, buildId) =>
      promise(() => Number(all('countTokens', instance, buildId)[0]?.['n'])),
    readRequestTokens: (after, limit) =>
      promise(() => all('pageTokens', after, limit).map((row) => toTokenRow(row))),
    observeBuild: (row) => promise(() => run('upsertBuild', ...buildValues(row)) === 1),
    findBuild: (instance, buildId) =>
      promise(() => all('selectBuild', instance, buildId).map(toBuildRow)[0]),
    readBuilds: ({ instance, buildId }, limit) =>
      promise(() => all('pageBuilds', instance, buildId, limit).map((row) => toBuildRow(row))),
    appendLedger: (node, seal, drop) =>
      promise(() => {
        database.exec('BEGIN IMMEDIATE')
        try {
          const head = headOf(node) ?? { seq: 0, hash: genesisHash }
          for (const { seq, hash, record } of seal(head)) {
            prepare(insertLedger).run(named([node, seq, hash, record]))
          }
          if (drop) run('deleteLedger', drop.node, drop.through)
          database.exec('COMMIT')
        } catch (error) {
          database.exec('ROLLBACK')
          throw error
        }
      }),
    readLedger: (node, fromSeq, limit) =>
      promise(() => all('selectLedger', node, fromSeq, limit).map((row) => toLedgerRow(row))),
    listChains: () =>
      promise(() =>
        all('selectNodes').flatMap((row) => {
          const node = String(row['node'])
          const head = headOf(node)
          return head ? [{ node, ...head }] : []
        }),
      ),
    readDocument: (name) =>
      promise(() => {
        const [row] = all('selectDocument', name)
        return row && { version: Number(row['version']), text: String(row['text']) }
      }),
    writeDocument: (name, expectedVersion, text) =>
      promise(() =>
        expectedVersion === 0
          ? run('insertDocument', name, text) === 1
          : run('updateDocument', name, expectedVersion, text) === 1,
      ),
    readDocuments: () => promise(() => all('selectDocuments').map((row) => toDocumentRow(row))),
    withLock: createFileLock(file),
    prune: (before) =>
      promise(() => {
        run('deleteTokens', before.getTime())
        run('deleteBuilds', before.getTime())
      }),
    close: () => promise(() => database.close()),
  }
}

type Value = string | number

function named(values: readonly Value[]): Record<string, Value> {
  return Object.fromEntries(values.map((value, index) => [`$${index + 1}`, value]))
}

function openDatabase(file: string): DatabaseSync {
  if (file !== ':memory:') {
    closeSync(openSync(file, 'a', 0o600))
    chmodSync(file, 0o600)
  }
  const database = new DatabaseSync(file)
  try {
    database.exec(
      'PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;',
    )
    migrate(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function migrate(database: DatabaseSync): void {
  const readVersion = () =>
    Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
  const known = sqliteMigrations.length
  if (readVersion() === known) return
  database.exec('BEGIN IMMEDIATE')
  try {
    // Another process may have done it while this one waited for the lock.
    const version = readVersion()
    if (version > known) {
      const sentence = `The database has schema version ${version}, and this release knows ${known}.`
      throw new Fault('store_newer', sentence)
    }
    database.exec(sqliteMigrations.slice(version).join(''))
    database.exec(`PRAGMA user_version = ${known}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

// async, so that a thrown fault becomes a rejection as with any other database.
async function promise<Result>(work: () => Result): Promise<Result> {
  return attempt(work)
}

function attempt<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('store_unavailable', `The database does not answer: ${messageOf(cause)}.`, {
      cause,
    })
  }
}
