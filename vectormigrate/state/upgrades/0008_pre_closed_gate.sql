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
