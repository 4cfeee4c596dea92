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
