"""Brings the state file to this version, step by step, and refuses one that is newer.

Each step is a numbered file in `upgrades/`, named `NNNN_pre_*.sql` (the old program could still run on its
result) or `NNNN_post_*.sql` (it could not). Those that a file lacks run in one transaction with the new `user_version`: whoever
looks at it meanwhile sees nothing between. `schema.sql` is what all steps together make; a test holds the two equal.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import apsw

from vectormigrate.model.errors import StateBroken, StateMissing, StateNewer

_APPLICATION = 0x764D6967
"""In the header of our files: a version number alone says nothing about whose it is."""


def steps() -> list[tuple[int, str]]:
    """Number and text of every upgrade, in order."""
    folder = resources.files(__package__) / "upgrades"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name.partition("_")[0]), entry.read_text(encoding="utf-8")) for entry in found)


_CHANGES = re.compile(r"^(?!--|CREATE TABLE )[A-Z]+ [A-Z]+ ", re.MULTILINE)
"""The beginning of a statement that does more than to add a table."""


def current_version() -> int:
    """The version that this program writes."""
    return steps()[-1][0]


def check(connection: apsw.Connection, path: Path, *, may_be_new: bool) -> None:
    """Raise StateBroken unless the file is one of ours, or nothing yet (StateMissing where it may not be that), and
    StateNewer when it is of a later version than this program. Reads only.
    """
    version = _pragma(connection, "user_version")
    if _pragma(connection, "application_id") != _APPLICATION:
        # A file without anything in it is what a full disk leaves of our first moments.
        empty = not version and not connection.execute("SELECT count(*) FROM sqlite_schema").get
        if empty and not may_be_new:
            raise StateMissing(
                f"the state file {path} holds nothing yet", hint="give the right one with --state FILE"
            )
        if not empty:
            raise StateBroken(
                f"{path} is a SQLite file, but not a state file of vectormigrate",
                hint="choose another --state FILE; nothing was changed",
            )
    elif version > current_version():
        raise StateNewer(
            f"the state file {path} is of version {version}, and this program knows versions up to {current_version()}",
            hint="use the newer vectormigrate that wrote it, or another --state FILE; nothing was changed",
        )


def stand_in(connection: apsw.Connection) -> None:
    """For a look at a file that an earlier version wrote, and may be writing: tables that were only added since stand empty
    beside it, seen by this connection alone.
    """
    version = _pragma(connection, "user_version")
    for number, text in steps():
        if number > version and not _CHANGES.search(text):
            connection.execute(text.replace("CREATE TABLE", "CREATE TEMP TABLE"))


def upgrade(connection: apsw.Connection) -> None:
    """Apply the steps that the file lacks."""
    version = _pragma(connection, "user_version")
    lacking = [(number, text) for number, text in steps() if number > version]
    if not lacking:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for _, text in lacking:
            connection.execute(text)
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        connection.execute(f"PRAGMA user_version={lacking[-1][0]}")
        connection.execute("COMMIT")
    except BaseException:
        if not connection.get_autocommit():
            connection.execute("ROLLBACK")
        raise


def _pragma(connection: apsw.Connection, name: str) -> int:
    return int(connection.pragma(name) or 0)
