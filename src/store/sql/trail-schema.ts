// Tables of the read model (src/trail), in SQL that SQLite and PostgreSQL both read. Nothing in them is
// the truth: they are made of the ledger's records, and can be emptied and filled again at any time.

/** Names of the tables of the read model. */
export const trailTables = [
  'trail_cursor',
  'trail_build',
  'trail_event',
  'trail_mark',
  'trail_identity',
  'trail_identity_build',
  'trail_transfer',
  'trail_item',
  'trail_place',
  'trail_use',
  'trail_denial',
] as const

/** The tables and the indexes that every page is read by; `layout` is what SQLite needs to keep a row once. */
export const trailSchema = (layout: '' | ' WITHOUT ROWID') => `
CREATE TABLE trail_cursor (
  node TEXT PRIMARY KEY,
  seq BIGINT NOT NULL
)${layout};
CREATE TABLE trail_build (
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  fact_key TEXT NOT NULL,
  repo TEXT NOT NULL,
  number BIGINT NOT NULL,
  event TEXT NOT NULL,
  ref TEXT NOT NULL,
  sha TEXT NOT NULL,
  source_repo TEXT NOT NULL,
  sender TEXT NOT NULL,
  started_by TEXT NOT NULL,
  class TEXT NOT NULL,
  status TEXT NOT NULL,
  outcome TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  tokens BIGINT NOT NULL,
  denials BIGINT NOT NULL,
  transfers BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  files BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (instance, build_id)
)${layout};
CREATE INDEX trail_build_at ON trail_build (first_at, instance, build_id);
CREATE INDEX trail_build_repo ON trail_build (repo, first_at, instance, build_id);
CREATE INDEX trail_build_outcome ON trail_build (outcome, first_at, instance, build_id);
CREATE INDEX trail_build_event ON trail_build (event, first_at, instance, build_id);
CREATE INDEX trail_build_number ON trail_build (repo, number);
CREATE TABLE trail_event (
  at BIGINT NOT NULL,
  node TEXT NOT NULL,
  seq BIGINT NOT NULL,
  type TEXT NOT NULL,
  decision TEXT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  repo TEXT NOT NULL,
  number BIGINT NOT NULL,
  PRIMARY KEY (at, node, seq)
)${layout};
CREATE INDEX trail_event_build ON trail_event (instance, build_id);
CREATE INDEX trail_event_repo ON trail_event (repo, at, node, seq);
CREATE INDEX trail_event_type ON trail_event (type, at, node, seq);
CREATE INDEX trail_event_rule ON trail_event (rule, at, node, seq);
CREATE INDEX trail_event_decision ON trail_event (decision, at, node, seq);
CREATE TABLE trail_mark (
  mark TEXT NOT NULL,
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  said_by TEXT NOT NULL,
  PRIMARY KEY (mark, instance, build_id, said_by)
)${layout};
CREATE TABLE trail_identity (
  tenant TEXT NOT NULL,
  client_id TEXT NOT NULL,
  rule TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  tokens BIGINT NOT NULL,
  PRIMARY KEY (tenant, client_id, rule)
)${layout};
CREATE TABLE trail_identity_build (
  client_id TEXT NOT NULL,
  rule TEXT NOT NULL,
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  PRIMARY KEY (client_id, rule, instance, build_id)
)${layout};
CREATE TABLE trail_transfer (
  at BIGINT NOT NULL,
  node TEXT NOT NULL,
  seq BIGINT NOT NULL,
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  repo TEXT NOT NULL,
  number BIGINT NOT NULL,
  rule TEXT NOT NULL,
  step TEXT NOT NULL,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL,
  account TEXT NOT NULL,
  service TEXT NOT NULL,
  container TEXT NOT NULL,
  prefix TEXT NOT NULL,
  files BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  page BIGINT NOT NULL,
  PRIMARY KEY (node, seq)
)${layout};
CREATE INDEX trail_transfer_at ON trail_transfer (at, node, seq);
CREATE INDEX trail_transfer_place ON trail_transfer (account, service, container, at, node, seq);
CREATE TABLE trail_item (
  account TEXT NOT NULL,
  service TEXT NOT NULL,
  container TEXT NOT NULL,
  name TEXT NOT NULL,
  etag TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  node TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (account, service, container, name, node, seq)
)${layout};
CREATE TABLE trail_place (
  account TEXT NOT NULL,
  service TEXT NOT NULL,
  container TEXT NOT NULL,
  transfers BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (account, service, container)
)${layout};
CREATE TABLE trail_use (
  span TEXT NOT NULL,
  repo TEXT NOT NULL,
  at BIGINT NOT NULL,
  tokens BIGINT NOT NULL,
  denials BIGINT NOT NULL,
  transfers BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  PRIMARY KEY (span, repo, at)
)${layout};
CREATE INDEX trail_use_at ON trail_use (span, at);
CREATE TABLE trail_denial (
  at BIGINT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (at, rule, reason)
)${layout};
`
