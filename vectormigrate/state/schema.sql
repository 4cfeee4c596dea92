-- The state of all migrations. Ids of records are canonical texts (model.record.id_text); times are ISO 8601 in
-- UTC; documents are JSON. What must change together lives together in this one file.

-- One row a process that owned the file. `clean` is set by an orderly end; a row without it is a crash.
CREATE TABLE session (
    epoch INTEGER PRIMARY KEY AUTOINCREMENT,
    boot_id TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    clean INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE migration (
    id TEXT PRIMARY KEY,
    specification TEXT NOT NULL,
    phase TEXT NOT NULL,
    resume_phase TEXT,
    source_shape TEXT,
    mapping TEXT,
    target_created INTEGER NOT NULL DEFAULT 0, -- we made the collection, so an empty one may be dropped again
    needs_reconcile INTEGER NOT NULL DEFAULT 0, -- why both sides must be compared before it counts as verified
    completed INTEGER NOT NULL DEFAULT 0, -- was verified once: from then on others may write to the target
    total INTEGER,
    record_bytes INTEGER NOT NULL DEFAULT 0, -- of one record, as preflight found
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    error TEXT NOT NULL DEFAULT ''
) STRICT;

-- What was set while a migration ran: laid over its specification, which stays as it was asked for.
CREATE TABLE lever (
    migration_id TEXT PRIMARY KEY REFERENCES migration (id),
    given TEXT NOT NULL -- JSON
) STRICT;

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
CREATE INDEX audit_of ON audit (migration_id, number);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is append only'); END;
CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is append only'); END;

-- The plan of the backfill, persisted before the first record. (lower, upper] in the source's own order.
CREATE TABLE range (
    migration_id TEXT NOT NULL REFERENCES migration (id),
    number INTEGER NOT NULL,
    lower TEXT,
    upper TEXT,
    cursor TEXT, -- key of the last record that the target acknowledged; NULL before the first
    done INTEGER NOT NULL DEFAULT 0,
    copied INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0, -- foreign ids left alone
    batches INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    removed_to TEXT, -- rollback: key of the last record whose removal the target acknowledged
    removed INTEGER NOT NULL DEFAULT 0, -- rollback: this range is done
    PRIMARY KEY (migration_id, number)
) STRICT, WITHOUT ROWID;

-- One row a page that a worker may be writing: a superset of the ids is (lower, upper] of its range.
CREATE TABLE page_intent (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    migration_id TEXT NOT NULL,
    range_number INTEGER NOT NULL,
    lower TEXT,
    upper TEXT,
    nonce TEXT NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'standing' CHECK (state IN ('standing', 'lapsed'))
) STRICT;
CREATE INDEX page_intent_of ON page_intent (migration_id, range_number);

-- Marks: ids whose current state the target still owes. A generation is (epoch, sequence) and is never reused.
CREATE TABLE journal (
    migration_id TEXT NOT NULL,
    id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    first_seen TEXT NOT NULL,
    last_error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (migration_id, id)
) STRICT, WITHOUT ROWID;

-- Ids that the target held before us, as 128-bit hashes of the target's id text; a digest of some for proof.
CREATE TABLE foreign_record (
    migration_id TEXT NOT NULL,
    hash BLOB NOT NULL,
    id TEXT, -- kept with the digest only
    digest BLOB,
    PRIMARY KEY (migration_id, hash)
) STRICT, WITHOUT ROWID;

-- What an overwritten foreign record held, whole.
CREATE TABLE pre_image (
    migration_id TEXT NOT NULL,
    id TEXT NOT NULL,
    record BLOB NOT NULL,
    restored INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (migration_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    migration_id TEXT NOT NULL,
    id TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    hint TEXT NOT NULL DEFAULT '',
    at TEXT NOT NULL,
    PRIMARY KEY (migration_id, id)
) STRICT, WITHOUT ROWID;

-- Differences of the latest validation. `generation` counts how often it was seen.
CREATE TABLE finding (
    migration_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '',
    cosine REAL,
    norm_ratio REAL,
    generation INTEGER NOT NULL DEFAULT 1,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    PRIMARY KEY (migration_id, kind, id, detail)
) STRICT, WITHOUT ROWID;

CREATE TABLE validation (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    migration_id TEXT NOT NULL,
    at TEXT NOT NULL,
    report TEXT NOT NULL
) STRICT;

-- The oldest marks first.
CREATE INDEX journal_by_age ON journal (migration_id, epoch, sequence, id);

-- What may change records whose ids nobody knows: by a filter, a whole collection, ids that the server picks. While one
-- is registered no mark of its migration is cleared; one that is owed wants both sides compared before any gate opens.
CREATE TABLE scope_intent (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    migration_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'registered' CHECK (state IN ('registered', 'forwarded', 'owed')),
    detail TEXT NOT NULL DEFAULT '',
    epoch INTEGER NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX scope_intent_of ON scope_intent (migration_id, state);

-- Ids that a replay wrote to the target while the backfill was under way, perhaps beyond its cursors: for rollback.
CREATE TABLE ahead (
    migration_id TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (migration_id, id)
) STRICT, WITHOUT ROWID;

-- Who answers the application, one row a migration with live writes. The only authority: after a crash anywhere this decides.
CREATE TABLE primary_side (
    migration_id TEXT PRIMARY KEY REFERENCES migration (id),
    side TEXT NOT NULL DEFAULT 'source' CHECK (side IN ('source', 'target')),
    revision INTEGER NOT NULL DEFAULT 0,
    reads REAL NOT NULL DEFAULT 0, -- share of the reads that the secondary answers
    attested_at TEXT, -- somebody said that every writer goes through us
    attested_by TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

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

-- Why the copies and comparisons of a migration wait, while its process runs them.
CREATE TABLE throttle (
    migration_id TEXT NOT NULL REFERENCES migration (id),
    reason TEXT NOT NULL,
    why TEXT NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (migration_id, reason)
) STRICT, WITHOUT ROWID;

-- Steps of a migration that wait for somebody to approve of them.
CREATE TABLE approval (
    migration_id TEXT NOT NULL REFERENCES migration (id),
    step TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'created' CHECK (state IN ('created', 'pending', 'approved')),
    at TEXT NOT NULL, -- since when
    by TEXT NOT NULL DEFAULT '', -- who approved
    PRIMARY KEY (migration_id, step)
) STRICT, WITHOUT ROWID;

-- Records that the target refused and somebody goes without.
CREATE TABLE waiver (
    migration_id TEXT NOT NULL REFERENCES migration (id),
    id TEXT NOT NULL, -- of the source
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (migration_id, id)
) STRICT, WITHOUT ROWID;

-- The marks of one write on one row, until they are paid, or lifted into the journal. An id that is on one may be in the
-- journal as well, then younger.
CREATE TABLE sheet (
    generation INTEGER PRIMARY KEY, -- epoch * 2^40 + sequence
    migration_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    many INTEGER NOT NULL,
    ids TEXT NOT NULL -- a list, JSON
) STRICT;

-- Since when a condition of a swap is not met, while a swap is the next step.
CREATE TABLE closed_gate (
    migration_id TEXT NOT NULL,
    gate TEXT NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (migration_id, gate)
) STRICT, WITHOUT ROWID;

-- Which key came in the place of which: the old one is meant to end.
CREATE TABLE key_succession (
    old TEXT PRIMARY KEY REFERENCES api_key (id),
    new TEXT NOT NULL REFERENCES api_key (id)
) STRICT, WITHOUT ROWID;
