"""SQLite files with several tables of records, for migrations of several parts."""

from __future__ import annotations

import apsw
import numpy as np

from vectormigrate.model.division import Division
from vectormigrate.model.specification import Specification, StoreRef

LANGUAGES = ("en", "de", "fr")


def fill(path, **counts):
    """Add tables of that many records, or records to those that are there: an id, a language, a vector of four."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA synchronous=OFF")
    for name, count in counts.items():
        connection.execute(
            f'CREATE TABLE IF NOT EXISTS "{name}" (id INTEGER PRIMARY KEY, lang TEXT, embedding BLOB)'
        )
        first = connection.execute(f'SELECT coalesce(max(id), -1) + 1 FROM "{name}"').get
        vectors = np.random.default_rng(first).standard_normal((count, 4)).astype("f4")
        rows = [
            (first + row, LANGUAGES[row % len(LANGUAGES)], vector.tobytes())
            for row, vector in enumerate(vectors)
        ]
        connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?)', rows)
    connection.close()


def held(path, query):
    """What a file holds."""
    connection = apsw.Connection(str(path))
    try:
        return list(connection.execute(query))
    finally:
        connection.close()


def tables(path):
    """The tables of a file, with how many records each has."""
    names = [
        name for (name,) in held(path, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    ]
    return {name: held(path, f'SELECT count(*) FROM "{name}"')[0][0] for name in names}


def asked(directory, collection="docs-*", place="{name}", **division):
    """A migration of several parts from old.db to new.db."""
    return Specification(
        "many",
        StoreRef("sqlite", str(directory / "old.db"), collection),
        StoreRef("sqlite", str(directory / "new.db"), place),
        batch_size=7,
        quarantine=0.0,
        division=Division(**(division or {"collections": (collection,)})),
    )
