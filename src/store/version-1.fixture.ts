// A database as a release with schema version 1 left it: its tables in that version's words, and
// what its own code wrote, by a node that was renamed after the first record.

/** SQL that makes the file again. */
export const version1Sql = `
BEGIN TRANSACTION;
CREATE TABLE build (
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  version BIGINT NOT NULL,
  is_final SMALLINT NOT NULL,
  payload TEXT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (instance, build_id)
);
INSERT INTO "build" VALUES('main',7,3,0,'{"status":"running"}',1795161600000);
INSERT INTO "build" VALUES('main',8,3,1,'{"status":"success"}',1795161600000);
CREATE TABLE ledger (
  seq BIGINT PRIMARY KEY,
  hash TEXT NOT NULL,
  record TEXT NOT NULL
);
INSERT INTO "ledger" VALUES(1,'eaca7a90865959aedf0d50af0abb25e14df4b14fedb8827be2cf8afaacb5cb18','{"v":1,"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","node":"first-name","ts":"2026-11-20T08:00:00.000Z","type":"service.started","decision":"info","detail":"version 0.1.0","hash":"eaca7a90865959aedf0d50af0abb25e14df4b14fedb8827be2cf8afaacb5cb18"}');
INSERT INTO "ledger" VALUES(2,'7bade6da26378532738d33adb10e7a5c8f542cc145f7dfbcf80534af149c1d51','{"v":1,"seq":2,"prev":"eaca7a90865959aedf0d50af0abb25e14df4b14fedb8827be2cf8afaacb5cb18","node":"node-1","ts":"2026-11-20T08:00:00.000Z","type":"service.started","decision":"info","detail":"version 0.1.0","hash":"7bade6da26378532738d33adb10e7a5c8f542cc145f7dfbcf80534af149c1d51"}');
INSERT INTO "ledger" VALUES(3,'164528ce9f745aa76cf014f084696c9aa1f28fd95b750393bba0208f6b4402ab','{"v":1,"seq":3,"prev":"7bade6da26378532738d33adb10e7a5c8f542cc145f7dfbcf80534af149c1d51","node":"node-1","ts":"2026-11-20T08:00:00.000Z","type":"policy.loaded","decision":"info","policy_sha256":"abababababababababababababababababababababababababababababababab","hash":"164528ce9f745aa76cf014f084696c9aa1f28fd95b750393bba0208f6b4402ab"}');
INSERT INTO "ledger" VALUES(4,'37a8a2b1008532490b256a1a2690f3a99e0918507529b6e3715d37a4a374ae90','{"v":1,"seq":4,"prev":"164528ce9f745aa76cf014f084696c9aa1f28fd95b750393bba0208f6b4402ab","node":"node-1","ts":"2026-11-20T08:00:00.000Z","type":"trust.reviewed","decision":"info","detail":"it''s é","caller":{"door":"admin","admin":"alice"},"hash":"37a8a2b1008532490b256a1a2690f3a99e0918507529b6e3715d37a4a374ae90"}');
CREATE TABLE request_token (
  token_hash TEXT PRIMARY KEY,
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  payload TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
INSERT INTO "request_token" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','main',7,'{"kind":"grant"}',1795161600000,1795165200000);
CREATE INDEX request_token_build ON request_token (instance, build_id);
CREATE INDEX request_token_expiry ON request_token (expires_at);
CREATE INDEX build_seen ON build (seen_at);
COMMIT;
PRAGMA user_version = 1;
`
