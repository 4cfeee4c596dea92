-- What was set while a migration ran: laid over its specification, which stays as it was asked for.
CREATE TABLE lever (
    migration_id TEXT PRIMARY KEY REFERENCES migration (id),
    given TEXT NOT NULL -- JSON
) STRICT;
