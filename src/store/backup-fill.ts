// Fills an empty store with what a backup has: all of it in one transaction, or nothing.
import { createReadStream } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

import { Fault, messageOf } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { openArchive } from './backup-archive.ts'
import { readRows, type BackupFile, type BackupRow, type Manifest } from './backup-rows.ts'
import type { Snapshot } from './backup-snapshot.ts'
import { readBuilds, readChain, readTokens } from './move.ts'
import { openPostgresStore, poolConfig, type PostgresSettings } from './postgres.ts'
import { buildValues, statements, tokenValues } from './sql/statements.ts'
import { openSqliteStore } from './sqlite.ts'

/** What an archive held beside the rows that are in the file now. */
export type Extracted = { manifest: Manifest; files: BackupFile[] }

const insertRecord = 'INSERT INTO ledger (node, seq, hash, record) VALUES ($1, $2, $3, $4)'
const insertRecords = `INSERT INTO ledger (node, seq, hash, record)
  SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[])`

/** Brings an archive into a new SQLite file; throws backup_locked, backup_invalid or store_unavailable. */
export async function extractBackup(
  passphrase: Secret,
  archive: string,
  file: string,
): Promise<Extracted> {
  await openSqliteStore(file).close()
  const database = new DatabaseSync(file)
  const run = (sql: string, values: readonly (string | number)[]) => {
    const named = values.map((value, index) => [`$${index + 1}`, value] as const)
    database.prepare(sql).run(Object.fromEntries(named))
  }
  const files: BackupFile[] = []
  const put = (each: BackupRow) => {
    if (each.kind === 'token') run(statements.insertToken, tokenValues(each.row))
    if (each.kind === 'build') run(statements.upsertBuild, buildValues(each.row))
    if (each.kind === 'document') run(statements.insertDocument, [each.row.name, each.row.text])
    if (each.kind === 'file') files.push(each.row)
    if (each.kind !== 'records') return
    for (const { seq, hash, record } of each.row.rows) {
      run(insertRecord, [each.row.node, seq, hash, record])
    }
  }
  const found: { manifest?: Manifest } = {}
  try {
    database.exec('BEGIN')
    await openArchive(passphrase, createReadStream(archive), async (lines) => {
      found.manifest = await readRows(lines, put)
    })
    database.exec('COMMIT')
  } finally {
    database.close()
  }
  if (!found.manifest) throw new Error('an archive was read to its end without a manifest')
  return { manifest: found.manifest, files }
}

/** Brings all of a store into an empty database; throws store_not_empty or store_unavailable. */
export async function fillPostgres(settings: PostgresSettings, from: Snapshot): Promise<void> {
  await (await openPostgresStore(settings)).close()
  const { default: pg } = await import('pg')
  const client = new pg.Client(poolConfig(settings))
  client.on('error', () => undefined)
  const run = async (text: string, values: unknown[] = []) => {
    try {
      return await client.query<Record<string, unknown>>(text, values)
    } catch (cause) {
      throw unavailable(cause)
    }
  }
  try {
    await client.connect().catch((cause: unknown) => {
      throw unavailable(cause)
    })
    await run('BEGIN')
    // Until the end nobody else writes, and readers see the empty tables.
    await run('LOCK TABLE request_token, build, document, ledger IN EXCLUSIVE MODE')
    await checkEmpty(run)
    for await (const row of readTokens(from)) await run(statements.insertToken, tokenValues(row))
    for await (const row of readBuilds(from)) await run(statements.upsertBuild, buildValues(row))
    for (const { name, text } of await from.readDocuments()) {
      await run(statements.insertDocument, [name, text])
    }
    for (const { node } of await from.listChains()) {
      for await (const rows of readChain(from, node, 1)) {
        const columns = [rows.map(({ seq }) => seq), rows.map(({ hash }) => hash)]
        await run(insertRecords, [node, ...columns, rows.map(({ record }) => record)])
      }
    }
    await run('COMMIT')
  } finally {
    // What was not committed goes with the connection.
    await client.end().catch(() => undefined)
  }
}

async function checkEmpty(
  run: (text: string) => Promise<{ rows: Record<string, unknown>[] }>,
): Promise<void> {
  for (const table of ['request_token', 'build', 'document', 'ledger']) {
    const { rows } = await run(`SELECT 1 FROM ${table} LIMIT 1`)
    if (rows.length === 0) continue
    throw new Fault('store_not_empty', `The database is not empty: ${table} has rows.`)
  }
}

function unavailable(cause: unknown): Fault {
  const sentence = `The database does not answer: ${messageOf(cause)}.`
  return new Fault('store_unavailable', sentence, { cause })
}
