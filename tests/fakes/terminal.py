"""The command line without a process: words in, what was printed and the exit code out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from vectormigrate.cli.main import main


@dataclass
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


class Person(io.StringIO):
    """Somebody at a terminal, with the answers ready."""

    def isatty(self) -> bool:
        return True


class Terminal:
    """A shell in a directory of its own, with a state file and an empty environment."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environ = {"VECTORMIGRATE_STATE": str(directory / "state.db"), "HOME": str(directory)}

    def run(self, *words: str, says: str | None = None) -> Ran:
        """Run one command. `says` is what a person at the terminal answers; without it there is none."""
        out, err = io.StringIO(), io.StringIO()
        asked = io.StringIO() if says is None else Person(says)
        code = main(words, environ=self.environ, out=out, err=err, asked=asked)
        return Ran(code, out.getvalue(), err.getvalue())

    @contextmanager
    def copying(self, migration_id: str, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A process of its own that runs a migration, from the moment at which the first records are copied."""
        command = [sys.executable, "-m", "vectormigrate", "migrate", migration_id, *words]
        environ = {**os.environ, **self.environ}
        with subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                deadline = time.monotonic() + 30
                while not self._copied(migration_id):
                    assert time.monotonic() < deadline, "nothing was copied"
                    time.sleep(0.05)
                yield process
            finally:
                process.kill()

    def _copied(self, migration_id: str) -> bool:
        seen = self.run("status", migration_id, "--json")
        return seen.code == 0 and seen.document["copied"] > 0

    def source(self, records: int = 20, name: str = "old.db") -> str:
        """Make a SQLite source and return its path."""
        path = self.directory / name
        connection = apsw.Connection(str(path))
        connection.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, title TEXT, embedding BLOB)")
        rng = np.random.default_rng(7)
        rows = [
            (row, f"title {row}", rng.standard_normal(8).astype("f4").tobytes()) for row in range(records)
        ]
        with connection:  # one commit, and not one a record
            connection.executemany("INSERT INTO docs VALUES (?, ?, ?)", rows)
        connection.close()
        return str(path)

    def sql(self, name: str, statement: str) -> list[Any]:
        """Do something to a database of the directory, as its application would."""
        connection = apsw.Connection(str(self.directory / name))
        connection.set_busy_timeout(30_000)  # a daemon that writes there, too, holds the lock for moments
        try:
            return list(connection.execute(statement))
        finally:
            connection.close()

    def flags(self, source: str = "old.db", target: str = "new.db") -> list[str]:
        """A migration from one file to another; the directory is a reference, so that it can be copied with its state."""
        return [
            *("--source-type", "sqlite", "--source-url", f"${{HOME}}/{source}", "--source-index", "docs"),
            *("--target-type", "sqlite", "--target-url", f"${{HOME}}/{target}", "--target-index", "docs"),
        ]
