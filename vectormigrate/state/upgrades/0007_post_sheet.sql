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
