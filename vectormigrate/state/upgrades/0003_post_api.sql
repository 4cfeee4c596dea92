-- Our own API: keys, operations, events to resume from, answers to repeat; and an audit whose rows hang together.

ALTER TABLE audit RENAME TO audit_before;

-- The history of phases, of every verb and of every request, append only. Each row holds a digest of itself and of the row
-- before it, so that one changed or taken out afterwards breaks the chain.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    migration_id TEXT NOT NULL,
    at TEXT NOT NULL,
    verb TEXT NOT NULL,
    before TEXT NOT NULL DEFAULT '',
    after TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    actor TEXT NOT NULL DEFAULT '', -- who asked
    way TEXT NOT NULL DEFAULT '', -- by which door: rest, mcp, rpc, socket
    arguments TEXT NOT NULL DEFAULT '', -- JSON, secrets as stars
    outcome TEXT NOT NULL DEFAULT '', -- ok, or the code of the error
    chain BLOB -- SHA-256; NULL for rows that are older than the chain
) STRICT;
INSERT INTO audit (number, migration_id, at, verb, before, after, detail)
    SELECT number, migration_id, at, verb, before, after, detail FROM audit_before ORDER BY number;
DROP TABLE audit_before;
CREATE INDEX audit_of ON audit (migration_id, number);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is append only'); END;
CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is append only'); END;

-- Who may ask over the network. The secret half of a key is not here: 256 random bits need no salt and no stretching.
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL, -- SHA-256 of the secret half
    scope TEXT NOT NULL CHECK (scope IN ('read', 'operate', 'admin')),
    label TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    expires_at TEXT,
    revoked_at TEXT
) STRICT, WITHOUT ROWID;

-- Commands that outlast the request that asked for them.
CREATE TABLE operation (
    id TEXT PRIMARY KEY,
    command TEXT NOT NULL,
    migration_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'succeeded', 'failed', 'interrupted')),
    started_at TEXT NOT NULL,
    ended_at TEXT,
    result TEXT,
    error TEXT
) STRICT, WITHOUT ROWID;

-- What happened, for those who follow; the oldest are dropped. The number is what a follower resumes from.
CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    migration_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;

-- Answers to requests with an idempotency key, to be given again.
CREATE TABLE answered (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL, -- of the request: the same key for another one is refused
    at TEXT NOT NULL,
    status INTEGER, -- NULL while the first is under way
    headers TEXT NOT NULL DEFAULT '{}',
    body BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
