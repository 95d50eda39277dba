// The statements, in SQL that SQLite and PostgreSQL both read, and the rows they give and take.
import type { BuildRow, DocumentRow, LedgerHead, LedgerRow, RequestTokenRow } from '../store.ts'

/** Every statement both databases run; PostgreSQL keeps them prepared under these names. */
export const statements = {
  insertToken: `INSERT INTO request_token
    (token_hash, instance, build_id, payload, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (token_hash) DO NOTHING`,
  selectToken: 'SELECT * FROM request_token WHERE token_hash = $1',
  countTokens: 'SELECT count(*) AS n FROM request_token WHERE instance = $1 AND build_id = $2',
  pageTokens: 'SELECT * FROM request_token WHERE token_hash > $1 ORDER BY token_hash LIMIT $2',
  deleteTokens: 'DELETE FROM request_token WHERE expires_at < $1',
  // Ended is for ever, and old news is no news: both are decided in the statement, so that two
  // webhooks at once, at two replicas even, cannot undo each other.
  upsertBuild: `INSERT INTO build (instance, build_id, version, is_final, payload, seen_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (instance, build_id) DO UPDATE SET version = excluded.version,
      is_final = excluded.is_final, payload = excluded.payload, seen_at = excluded.seen_at
    WHERE build.is_final = 0 AND (excluded.is_final = 1 OR excluded.version >= build.version)`,
  selectBuild: 'SELECT * FROM build WHERE instance = $1 AND build_id = $2',
  pageBuilds: `SELECT * FROM build WHERE (instance, build_id) > ($1, $2)
    ORDER BY instance, build_id LIMIT $3`,
  // An ended build is remembered as long as a token of it: forgotten, an old word would revive it.
  deleteBuilds: `DELETE FROM build WHERE seen_at < $1 AND NOT EXISTS (SELECT 1 FROM request_token
    WHERE request_token.instance = build.instance AND request_token.build_id = build.build_id)`,
  selectHead: 'SELECT seq, hash FROM ledger WHERE node = $1 ORDER BY seq DESC LIMIT 1',
  selectLedger:
    'SELECT seq, hash, record FROM ledger WHERE node = $1 AND seq >= $2 ORDER BY seq LIMIT $3',
  deleteLedger: 'DELETE FROM ledger WHERE node = $1 AND seq <= $2',
  // From name to name over the index; DISTINCT would read all of it.
  selectNodes: `WITH RECURSIVE chain(node) AS (
      SELECT min(node) FROM ledger
      UNION ALL
      SELECT (SELECT min(node) FROM ledger WHERE node > chain.node) FROM chain WHERE node IS NOT NULL
    ) SELECT node FROM chain WHERE node IS NOT NULL`,
  selectDocument: 'SELECT version, text FROM document WHERE name = $1',
  selectDocuments: 'SELECT name, version, text FROM document',
  insertDocument: `INSERT INTO document (name, version, text) VALUES ($1, 1, $2)
    ON CONFLICT (name) DO NOTHING`,
  updateDocument: `UPDATE document SET version = version + 1, text = $3
    WHERE name = $1 AND version = $2`,
} as const

/** Name of a statement. */
export type StatementName = keyof typeof statements

/** A row as a driver gives it: numbers may come as text. */
export type Row = Readonly<Record<string, unknown>>

/** The values of `insertToken`. */
export function tokenValues(row: RequestTokenRow): (string | number)[] {
  return [
    row.tokenHash,
    row.instance,
    row.buildId,
    row.payload,
    row.issuedAt.getTime(),
    row.expiresAt.getTime(),
  ]
}

/** A token as stored. */
export function toTokenRow(row: Row): RequestTokenRow {
  return {
    tokenHash: String(row['token_hash']),
    instance: String(row['instance']),
    buildId: Number(row['build_id']),
    payload: String(row['payload']),
    issuedAt: new Date(Number(row['issued_at'])),
    expiresAt: new Date(Number(row['expires_at'])),
  }
}

/** The values of `upsertBuild`. */
export function buildValues(row: BuildRow): (string | number)[] {
  return [
    row.instance,
    row.buildId,
    row.version,
    row.isFinal ? 1 : 0,
    row.payload,
    row.seenAt.getTime(),
  ]
}

/** A build as stored. */
export function toBuildRow(row: Row): BuildRow {
  return {
    instance: String(row['instance']),
    buildId: Number(row['build_id']),
    version: Number(row['version']),
    isFinal: Number(row['is_final']) === 1,
    payload: String(row['payload']),
    seenAt: new Date(Number(row['seen_at'])),
  }
}

/** A ledger record as stored. */
export function toLedgerRow(row: Row): LedgerRow {
  return { seq: Number(row['seq']), hash: String(row['hash']), record: String(row['record']) }
}

/** The end of a chain; undefined when it has no record. */
export function toHead(row: Row | undefined): LedgerHead | undefined {
  return row && { seq: Number(row['seq']), hash: String(row['hash']) }
}

/** A document as stored. */
export function toDocumentRow(row: Row): DocumentRow {
  return {
    name: String(row['name']),
    version: Number(row['version']),
    text: String(row['text']),
  }
}
