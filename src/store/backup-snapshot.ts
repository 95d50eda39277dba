// All of a store as it was in one moment, while the service goes on writing: one read transaction of
// SQLite or PostgreSQL. Nothing is migrated or written.
import { DatabaseSync } from 'node:sqlite'

import { Fault, messageOf } from '../core/fault.ts'
import { poolConfig, type PostgresSettings } from './postgres.ts'
import { postgresMigrations, sqliteMigrations } from './sql/schema.ts'
import {
  statements,
  toBuildRow,
  toDocumentRow,
  toHead,
  toLedgerRow,
  toTokenRow,
  type Row,
  type StatementName,
} from './sql/statements.ts'
import type { Store, StorePages } from './store.ts'

/** What a backup reads of a store. */
export type Snapshot = StorePages & Pick<Store, 'listChains' | 'readLedger'>

/** Reads a SQLite file as it is now; throws store_unavailable, store_newer or backup_version. */
export async function withSqliteSnapshot(
  file: string,
  work: (snapshot: Snapshot) => Promise<void>,
): Promise<void> {
  const database = openOrFault(file)
  try {
    database.exec('PRAGMA busy_timeout = 5000; BEGIN')
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
    checkVersion(version, sqliteMigrations.length)
    const ask: Ask = async (name, ...values) => {
      const named = values.map((value, index) => [`$${index + 1}`, value] as const)
      return database.prepare(statements[name]).all(Object.fromEntries(named))
    }
    await work(snapshotOver(ask))
  } finally {
    database.close()
  }
}

/** Reads a PostgreSQL database as it is now; throws store_unavailable, store_newer or backup_version. */
export async function withPostgresSnapshot(
  settings: PostgresSettings,
  work: (snapshot: Snapshot) => Promise<void>,
): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client(poolConfig(settings))
  client.on('error', () => undefined)
  const query = async (text: string, values: readonly (string | number)[] = []) => {
    try {
      return (await client.query<Row>(text, [...values])).rows
    } catch (cause) {
      throw unavailable(cause)
    }
  }
  try {
    await client.connect().catch((cause: unknown) => {
      throw unavailable(cause)
    })
    await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const [row] = await query('SELECT max(version) AS version FROM schema_version')
    checkVersion(Number(row?.['version']), postgresMigrations.length)
    await work(snapshotOver((name, ...values) => query(statements[name], values)))
  } finally {
    await client.end().catch(() => undefined)
  }
}

type Ask = (name: StatementName, ...values: (string | number)[]) => Promise<Row[]>

function snapshotOver(ask: Ask): Snapshot {
  return {
    readRequestTokens: async (after, limit) =>
      (await ask('pageTokens', after, limit)).map((row) => toTokenRow(row)),
    readBuilds: async ({ instance, buildId }, limit) =>
      (await ask('pageBuilds', instance, buildId, limit)).map((row) => toBuildRow(row)),
    readDocuments: async () => (await ask('selectDocuments')).map((row) => toDocumentRow(row)),
    readLedger: async (node, fromSeq, limit) =>
      (await ask('selectLedger', node, fromSeq, limit)).map((row) => toLedgerRow(row)),
    listChains: async () => {
      const chains = []
      for (const row of await ask('selectNodes')) {
        const node = String(row['node'])
        const head = toHead((await ask('selectHead', node))[0])
        if (head) chains.push({ node, ...head })
      }
      return chains
    },
  }
}

function openOrFault(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { readOnly: true })
  } catch (cause) {
    throw unavailable(cause)
  }
}

function checkVersion(version: number, known: number): void {
  if (version === known) return
  throw new Fault(
    version > known ? 'store_newer' : 'backup_version',
    `The database has schema version ${version}, and this release knows ${known}.`,
  )
}

function unavailable(cause: unknown): Fault {
  const sentence = `The database does not answer: ${messageOf(cause)}.`
  return new Fault('store_unavailable', sentence, { cause })
}
