-- Live writes: scope intents, records written ahead of the backfill, who is the primary.

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
