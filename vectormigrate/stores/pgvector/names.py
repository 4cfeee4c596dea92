"""Names: a collection as a user writes it, `table` or `schema.table`, and identifiers as SQL wants them.

A part is taken as written, upper case and all, whether quoted or not; quotes are only needed around a dot or a
quote. Whether `Docs` then means the table `Docs` or, as in psql, `docs` is for the catalog to find out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vectormigrate.model.errors import UsageError

MAX_BYTES = 63
_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')
_PLAIN = re.compile(r"[^\".]+")
_ONE = rf'(?:"(?:[^"\x00]|""){{1,{MAX_BYTES}}}"|[^".\x00]{{1,{MAX_BYTES}}})'
PATTERN = rf"{_ONE}(?:\.{_ONE})?"
"""What users write, as far as a pattern can tell: letters beyond ASCII take more than a byte each."""


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, and the schema when one was given."""

    table: str
    schema: str | None = None

    @property
    def sql(self) -> str:
        return quote(self.table) if self.schema is None else f"{quote(self.schema)}.{quote(self.table)}"

    @property
    def text(self) -> str:
        """As a user would write it: the inverse of `parse`."""
        parts = [self.table] if self.schema is None else [self.schema, self.table]
        return ".".join(part if _PLAIN.fullmatch(part) else quote(part) for part in parts)


def parse(collection: str) -> TableName:
    """Read a collection's name. Raises UsageError when it is not one."""
    parts: list[str] = []
    position = -1
    while position < 0 or collection[position : position + 1] == ".":
        found = _PART.match(collection, position + 1)
        if found is None:
            break
        quoted, plain = found.groups()
        parts.append(plain if quoted is None else quoted.replace('""', '"'))
        position = found.end()
    if position != len(collection) or len(parts) > 2 or "\0" in collection:
        raise UsageError(
            f"{collection!r} is not the name of a table",
            hint='write it as table or schema.table, with "quotes" around a part that holds a dot',
            collection=collection,
        )
    for part in parts:
        check_length(part, collection)
    return TableName(parts[0]) if len(parts) == 1 else TableName(parts[1], parts[0])


def check_length(identifier: str, collection: str) -> None:
    """Raise UsageError for a name that the server would silently cut short."""
    if len(identifier.encode()) > MAX_BYTES:
        raise UsageError(
            f"the name {identifier[:80]!r} is longer than PostgreSQL's {MAX_BYTES} bytes",
            hint="choose a shorter name, for a field with --rename",
            store="pgvector",
            collection=collection,
        )


def quote(identifier: str) -> str:
    """An identifier for SQL, always quoted."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text literal for DDL, which takes no parameters. Independent of `standard_conforming_strings`."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"E'{escaped}'"
