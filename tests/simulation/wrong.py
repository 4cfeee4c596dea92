"""What the tests of wrong input share: sides to migrate between, records gone bad, and what every error must be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from tests.fakes.terminal import Ran, Terminal

PASSWORD = "pl4in-s3cret"
DIM = 16
SCREEN = 24
"""Lines of an error at most."""


@dataclass(frozen=True)
class Side:
    """A store and a collection as flags name them."""

    kind: str
    url: str
    index: str = "docs"
    options: tuple[str, ...] = ()

    def flags(self, side: str) -> list[str]:
        options = [word for option in self.options for word in (f"--{side}-option", option)]
        return [
            *(f"--{side}-type", self.kind, f"--{side}-url", self.url, f"--{side}-index", self.index),
            *options,
        ]


def words(source: Side, target: Side) -> list[str]:
    return [*source.flags("source"), *target.flags("target")]


def vectors(count: int, dim: int = DIM) -> list[Any]:
    return list(np.random.default_rng(5).standard_normal((count, dim)).astype("f4"))


def make_source(path: Path, rows: Iterable[tuple[Any, str, Any]], key: str = "INTEGER") -> Side:
    """A SQLite table of ids, titles and vectors."""
    connection = apsw.Connection(str(path))
    connection.execute(f"CREATE TABLE docs (id {key} PRIMARY KEY, title TEXT, embedding BLOB)")
    with connection:  # one commit, and not one a record
        connection.executemany(
            "INSERT INTO docs VALUES (?, ?, ?)",
            [(one, title, vector.tobytes()) for one, title, vector in rows],
        )
    connection.close()
    return Side("sqlite", str(path))


def plain_source(path: Path, count: int = 20, dim: int = DIM) -> Side:
    rows = enumerate(vectors(count, dim), 1)
    return make_source(path, ((number, f"title {number}", vector) for number, vector in rows))


def assert_error(ran: Ran, code: int, *told: str, retry: bool = False) -> None:
    """An error of one screen, with the words, the advice on retrying and the exit code; no traceback, no secret."""
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    assert PASSWORD not in ran.out + ran.err
    error = ran.err[ran.err.index("error: ") :] if "error: " in ran.err else ran.out
    assert len(error.splitlines()) <= SCREEN, "one screen"
    for word in told:
        assert word in error
    assert f"  retry: {'can help' if retry else 'cannot help'}" in error


def unknown(terminal: Terminal, migration_id: str) -> bool:
    """Whether the id was never taken."""
    return terminal.run("status", migration_id).code == 2


def prints(directory: Path) -> dict[str, str]:
    """What every file of a directory holds."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def letters(terminal: Terminal, migration_id: str) -> dict[str, str]:
    """Refused ids and why."""
    document = json.loads(terminal.run("dead-letters", migration_id, "--json").out)
    return {letter["id"]: letter["message"] for letter in document["dead_letters"]}


def holds_secret(directory: Path, secret: str = PASSWORD) -> list[str]:
    """Files in which a secret stands."""
    return [
        path.name for path in directory.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
    ]
