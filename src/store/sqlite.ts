// The store in one SQLite file (node:sqlite): WAL, and fully durable commits, because a record must
// be on disk before the token it permits leaves.
import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'

import { Fault, messageOf } from '../core/fault.ts'
import { schemaSql, schemaVersion } from './sql/schema.ts'
import {
  genesisHash,
  type BuildRow,
  type LedgerRow,
  type RequestTokenRow,
  type Store,
} from './store.ts'

type Row = Record<string, SQLOutputValue>

/** Opens or makes the database file (mode 0600); throws store_unavailable. */
export function openSqliteStore(file: string): Store {
  const database = attempt(() => openDatabase(file))
  const statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  const prepared = (sql: string) => {
    const known = statements.get(sql) ?? database.prepare(sql)
    statements.set(sql, known)
    return known
  }
  const all = (sql: string, values: Record<string, string | number> = {}): Row[] =>
    prepared(sql).all(values)
  const run = (sql: string, values: Record<string, string | number> = {}): number =>
    Number(prepared(sql).run(values).changes)

  return {
    addRequestToken: (row) => promise(() => run(insertToken, tokenValues(row)) === 1),
    findRequestToken: (hash) =>
      promise(() => {
        const row = prepared(selectToken).get({ $1: hash })
        return row && toTokenRow(row)
      }),
    countRequestTokens: (instance, buildId) =>
      promise(() => {
        const [row] = all(countTokens, { $1: instance, $2: buildId })
        return Number(row?.['n'])
      }),
    observeBuild: (row) => promise(() => run(upsertBuild, buildValues(row)) === 1),
    findBuild: (instance, buildId) =>
      promise(() => {
        const row = prepared(selectBuild).get({ $1: instance, $2: buildId })
        return row && toBuildRow(row)
      }),
    appendLedger: (seal) =>
      promise(() => {
        database.exec('BEGIN IMMEDIATE')
        try {
          const last = prepared(selectHead).get()
          const head = {
            seq: Number(last?.['seq'] ?? 0),
            hash: String(last?.['hash'] ?? genesisHash),
          }
          for (const { seq, hash, record } of seal(head)) {
            run(insertLedger, { $1: seq, $2: hash, $3: record })
          }
          database.exec('COMMIT')
        } catch (error) {
          database.exec('ROLLBACK')
          throw error
        }
      }),
    readLedger: (fromSeq, limit) =>
      promise(() => all(selectLedger, { $1: fromSeq, $2: limit }).map((row) => toLedgerRow(row))),
    prune: (before) =>
      promise(() => {
        run('DELETE FROM request_token WHERE expires_at < $1', { $1: before.getTime() })
        run(deleteBuilds, { $1: before.getTime() })
      }),
    close: () => promise(() => database.close()),
  }
}

const insertToken = `INSERT INTO request_token
  (token_hash, instance, build_id, payload, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (token_hash) DO NOTHING`
const countTokens = 'SELECT count(*) AS n FROM request_token WHERE instance = $1 AND build_id = $2'
const selectToken = 'SELECT * FROM request_token WHERE token_hash = $1'
const selectHead = 'SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1'
const selectBuild = 'SELECT * FROM build WHERE instance = $1 AND build_id = $2'
// Ended is for ever, and old news is no news: both are decided in the statement, so that two
// webhooks at once cannot undo each other.
const upsertBuild = `INSERT INTO build (instance, build_id, version, is_final, payload, seen_at)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (instance, build_id) DO UPDATE SET version = excluded.version,
    is_final = excluded.is_final, payload = excluded.payload, seen_at = excluded.seen_at
  WHERE build.is_final = 0 AND (excluded.is_final = 1 OR excluded.version >= build.version)`
// An ended build is remembered as long as a token of it: forgotten, an old word would revive it.
const deleteBuilds = `DELETE FROM build WHERE seen_at < $1 AND NOT EXISTS (SELECT 1 FROM request_token
  WHERE request_token.instance = build.instance AND request_token.build_id = build.build_id)`
const insertLedger = 'INSERT INTO ledger (seq, hash, record) VALUES ($1, $2, $3)'
const selectLedger = 'SELECT * FROM ledger WHERE seq >= $1 ORDER BY seq LIMIT $2'

function openDatabase(file: string): DatabaseSync {
  if (file !== ':memory:') {
    closeSync(openSync(file, 'a', 0o600))
    chmodSync(file, 0o600)
  }
  const database = new DatabaseSync(file)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;')
  const [row] = database.prepare('PRAGMA user_version').all()
  const version = Number(row?.['user_version'])
  if (version === 0)
    database.exec(`BEGIN; ${schemaSql} PRAGMA user_version = ${schemaVersion}; COMMIT;`)
  else if (version !== schemaVersion) {
    throw new Error(`it has schema version ${version}, and this release knows ${schemaVersion}`)
  }
  return database
}

// async, so that a thrown fault becomes a rejection as with any other database.
async function promise<Value>(work: () => Value): Promise<Value> {
  return attempt(work)
}

function attempt<Value>(work: () => Value): Value {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('store_unavailable', `The database does not answer: ${messageOf(cause)}.`, {
      cause,
    })
  }
}

function tokenValues(row: RequestTokenRow): Record<string, string | number> {
  return {
    $1: row.tokenHash,
    $2: row.instance,
    $3: row.buildId,
    $4: row.payload,
    $5: row.issuedAt.getTime(),
    $6: row.expiresAt.getTime(),
  }
}

function toTokenRow(row: Row): RequestTokenRow {
  return {
    tokenHash: String(row['token_hash']),
    instance: String(row['instance']),
    buildId: Number(row['build_id']),
    payload: String(row['payload']),
    issuedAt: new Date(Number(row['issued_at'])),
    expiresAt: new Date(Number(row['expires_at'])),
  }
}

function buildValues(row: BuildRow): Record<string, string | number> {
  return {
    $1: row.instance,
    $2: row.buildId,
    $3: row.version,
    $4: row.isFinal ? 1 : 0,
    $5: row.payload,
    $6: row.seenAt.getTime(),
  }
}

function toBuildRow(row: Row): BuildRow {
  return {
    instance: String(row['instance']),
    buildId: Number(row['build_id']),
    version: Number(row['version']),
    isFinal: row['is_final'] === 1,
    payload: String(row['payload']),
    seenAt: new Date(Number(row['seen_at'])),
  }
}

function toLedgerRow(row: Row): LedgerRow {
  return { seq: Number(row['seq']), hash: String(row['hash']), record: String(row['record']) }
}
