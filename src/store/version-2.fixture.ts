// A database as a release with schema version 2 left it, written by its own code: three chains that saw
// each other's ends, tokens, builds and a document. SQLite and PostgreSQL read the same text.

/** SQL that makes the tables and rows again; the number of the version is left to whoever runs it. */
export const version2Sql = `
CREATE TABLE build (
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  version BIGINT NOT NULL,
  is_final SMALLINT NOT NULL,
  payload TEXT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (instance, build_id)
);
INSERT INTO build VALUES('main',7,3,0,'{"status":"running"}',1795420800000);
INSERT INTO build VALUES('main',8,3,1,'{"status":"success"}',1795420800000);
CREATE TABLE document (
  name TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  text TEXT NOT NULL
);
INSERT INTO document VALUES('signing-keys',2,'{"sealed":"it''s two"}');
CREATE TABLE ledger (
  node TEXT NOT NULL,
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (node, seq)
);
INSERT INTO ledger VALUES('node-1',1,'22b9e0591aed070f0ae32de22998f10c0bddb354d123aef6893aed98ae2de07a','{"v":1,"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","node":"node-1","ts":"2026-11-23T08:00:00.000Z","type":"service.started","decision":"info","detail":"version 0.1.0","hash":"22b9e0591aed070f0ae32de22998f10c0bddb354d123aef6893aed98ae2de07a"}');
INSERT INTO ledger VALUES('node-1',2,'1f021c4b8af368b63934d746d332389de578292cf7038426580c2f62a22bede8','{"v":1,"seq":2,"prev":"22b9e0591aed070f0ae32de22998f10c0bddb354d123aef6893aed98ae2de07a","node":"node-1","ts":"2026-11-23T08:00:00.000Z","type":"policy.loaded","decision":"info","policy_sha256":"abababababababababababababababababababababababababababababababab","hash":"1f021c4b8af368b63934d746d332389de578292cf7038426580c2f62a22bede8"}');
INSERT INTO ledger VALUES('node-2',1,'af6acf5d052f3e199c9ad9ef08e4448dd6b01de5d79a838ba8de97a7ad0199b2','{"v":1,"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","node":"node-2","ts":"2026-11-23T08:00:00.000Z","type":"service.started","decision":"info","detail":"version 0.1.0","hash":"af6acf5d052f3e199c9ad9ef08e4448dd6b01de5d79a838ba8de97a7ad0199b2"}');
INSERT INTO ledger VALUES('node-1.cli',1,'e6814eff9bc5883a22517a8333d314473071c90d9b39700e13763833e2dbc585','{"v":1,"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","node":"node-1.cli","ts":"2026-11-23T08:00:00.000Z","type":"trust.reviewed","decision":"info","detail":"it''s é","caller":{"door":"admin","admin":"alice"},"hash":"e6814eff9bc5883a22517a8333d314473071c90d9b39700e13763833e2dbc585"}');
INSERT INTO ledger VALUES('node-1',3,'b6112fc44b3c3fc708d3a21769fe8701bb60b477910dcff161d935110af1424c','{"v":1,"seq":3,"prev":"1f021c4b8af368b63934d746d332389de578292cf7038426580c2f62a22bede8","node":"node-1","ts":"2026-11-23T08:00:00.000Z","type":"token.requested","decision":"allow","rule":"artifacts","trace":"0123456789abcdef0123456789abcdef","build":{"instance":"main","repo":"acme/web","repo_id":"1","id":7,"number":3,"event":"push","ref":"refs/heads/main","sha":"c0ffee","source_repo":"","sender":"alice","trigger":"alice","status":"running","class":"trusted"},"token":{"kind":"request","sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"caller":{"door":"secret","runner":"one"},"hash":"b6112fc44b3c3fc708d3a21769fe8701bb60b477910dcff161d935110af1424c"}');
INSERT INTO ledger VALUES('node-1',4,'183dff1848aba4384b418eed8e2927fb0f8979d5b6700e5c4bc6844df748f268','{"v":1,"seq":4,"prev":"b6112fc44b3c3fc708d3a21769fe8701bb60b477910dcff161d935110af1424c","node":"node-1","ts":"2026-11-23T08:00:00.000Z","type":"token.issued","decision":"allow","rule":"artifacts","trace":"0123456789abcdef0123456789abcdef","build":{"instance":"main","repo":"acme/web","repo_id":"1","id":7,"number":3,"event":"push","ref":"refs/heads/main","sha":"c0ffee","source_repo":"","sender":"alice","trigger":"alice","status":"running","class":"trusted"},"principal":{"sub":"repo:acme/web:main"},"token":{"kind":"id","sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","jti":"j-1","aud":"api://AzureADTokenExchange","exp":1795424400},"azure":{"tenant":"00000000-0000-4000-8000-000000000001","client_id":"00000000-0000-4000-8000-000000000002"},"caller":{"door":"id-token"},"hash":"183dff1848aba4384b418eed8e2927fb0f8979d5b6700e5c4bc6844df748f268"}');
INSERT INTO ledger VALUES('node-1',5,'b031a68f9374222b3bd3356788ddf7312f1d8230c8751bce3140d77c3c1bdd9a','{"v":1,"seq":5,"prev":"183dff1848aba4384b418eed8e2927fb0f8979d5b6700e5c4bc6844df748f268","node":"node-1","ts":"2026-11-23T08:00:00.000Z","type":"token.denied","decision":"deny","trace":"0123456789abcdef0123456789abcdef","build":{"instance":"main","repo":"acme/web","repo_id":"1","id":7,"number":3,"event":"push","ref":"refs/heads/main","sha":"c0ffee","source_repo":"","sender":"alice","trigger":"alice","status":"running","class":"trusted"},"reasons":["policy_no_match"],"caller":{"door":"secret","runner":"one"},"hash":"b031a68f9374222b3bd3356788ddf7312f1d8230c8751bce3140d77c3c1bdd9a"}');
INSERT INTO ledger VALUES('node-1',6,'fe44227b74911e977091715a26d1c7e5940f7e40148f9e67dd739ad43c274c47','{"v":1,"seq":6,"prev":"b031a68f9374222b3bd3356788ddf7312f1d8230c8751bce3140d77c3c1bdd9a","node":"node-1","ts":"2026-11-23T08:00:00.000Z","type":"ledger.checkpoint","decision":"info","heads":[{"node":"node-1.cli","seq":1,"hash":"e6814eff9bc5883a22517a8333d314473071c90d9b39700e13763833e2dbc585"},{"node":"node-2","seq":1,"hash":"af6acf5d052f3e199c9ad9ef08e4448dd6b01de5d79a838ba8de97a7ad0199b2"}],"hash":"fe44227b74911e977091715a26d1c7e5940f7e40148f9e67dd739ad43c274c47"}');
INSERT INTO ledger VALUES('node-2',2,'8f0be58ebf464bb680814a4ea36de3d2061a34f9c6ffc84a9698d77cce108805','{"v":1,"seq":2,"prev":"af6acf5d052f3e199c9ad9ef08e4448dd6b01de5d79a838ba8de97a7ad0199b2","node":"node-2","ts":"2026-11-23T08:00:00.000Z","type":"ledger.checkpoint","decision":"info","heads":[{"node":"node-1","seq":6,"hash":"fe44227b74911e977091715a26d1c7e5940f7e40148f9e67dd739ad43c274c47"},{"node":"node-1.cli","seq":1,"hash":"e6814eff9bc5883a22517a8333d314473071c90d9b39700e13763833e2dbc585"}],"hash":"8f0be58ebf464bb680814a4ea36de3d2061a34f9c6ffc84a9698d77cce108805"}');
CREATE TABLE request_token (
  token_hash TEXT PRIMARY KEY,
  instance TEXT NOT NULL,
  build_id BIGINT NOT NULL,
  payload TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
INSERT INTO request_token VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','main',7,'{"kind":"grant"}',1795420800000,1795424400000);
INSERT INTO request_token VALUES('cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','main',8,'{"kind":"refusal"}',1795420800000,1795420860000);
CREATE INDEX build_seen ON build (seen_at);
CREATE INDEX request_token_build ON request_token (instance, build_id);
CREATE INDEX request_token_expiry ON request_token (expires_at);
`
