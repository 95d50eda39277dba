// The tables, step by step, in SQL that SQLite and PostgreSQL both read. Moments are milliseconds
// since 1970. Steps are only ever added: what is released stays as it is.
import { trailSchema } from './trail-schema.ts'

// The first schema: one ledger for all.
const version1 = `
CREATE TABLE request_token (
  token_hash TEXT PRIMARY KEY,
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  payload TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX request_token_build ON request_token (instance, build_id);
CREATE INDEX request_token_expiry ON request_token (expires_at);
CREATE TABLE build (
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  version BIGINT NOT NULL,
  is_final SMALLINT NOT NULL,
  payload TEXT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (instance, build_id)
);
CREATE INDEX build_seen ON build (seen_at);
CREATE TABLE ledger (
  seq BIGINT PRIMARY KEY,
  hash TEXT NOT NULL,
  record TEXT NOT NULL
);
`

// A ledger chain for every node, and documents. The one chain there was goes on as that of the node
// that wrote to it last.
const version2 = (nodeOfRecord: string) => `
ALTER TABLE ledger RENAME TO ledger_version_1;
CREATE TABLE ledger (
  node TEXT NOT NULL,
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (node, seq)
);
INSERT INTO ledger (node, seq, hash, record)
  SELECT (SELECT ${nodeOfRecord} FROM ledger_version_1 ORDER BY seq DESC LIMIT 1), seq, hash, record
  FROM ledger_version_1;
DROP TABLE ledger_version_1;
CREATE TABLE document (
  name TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  text TEXT NOT NULL
);
`

/** What leads from one version to the next: the first makes version 1 of nothing. */
export type Migrations = readonly string[]

/** The steps in SQLite's words. */
export const sqliteMigrations: Migrations = [
  version1,
  version2("json_extract(record, '$.node')"),
  trailSchema(' WITHOUT ROWID'),
]

/** The steps in PostgreSQL's words. */
export const postgresMigrations: Migrations = [
  version1,
  version2("record::json ->> 'node'"),
  trailSchema(''),
]
