-- Why the copies and comparisons of a migration wait, while its process runs them.
CREATE TABLE throttle (
    migration_id TEXT NOT NULL REFERENCES migration (id),
    reason TEXT NOT NULL,
    why TEXT NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (migration_id, reason)
) STRICT, WITHOUT ROWID;
