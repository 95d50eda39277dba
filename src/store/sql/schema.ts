// The first schema, in SQL that SQLite and PostgreSQL both read. Moments are milliseconds since 1970.

/** Version of the schema below; a newer database is refused, an older one will be migrated. */
export const schemaVersion = 1

/** Makes every table of version 1. */
export const schemaSql = `
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
