"""Ids out of a file, for indexes that cannot list theirs: one a line, or a namespace, a tab and an id.

What the file does not name is not found, and what it names need not be there: records are looked up all the same.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator
from pathlib import Path

from vectormigrate.model.errors import ConfigInvalid
from vectormigrate.stores.pinecone.wire.records import canonical_namespace

_PAGE = 1000


class Inventory:
    """The ids of a file, read at the first question."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._ids: dict[str, list[str]] | None = None

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self._path)

    async def after(
        self, namespace: str, lower: str | None, upper: str | None
    ) -> AsyncGenerator[list[str], None]:
        """Pages of ids in `(lower, upper]`, ascending; no page is empty. Raises ConfigInvalid for no such file."""
        if self._ids is None:
            self._ids = await asyncio.to_thread(self._read)
        ids = self._ids.get(namespace, [])
        start = 0 if lower is None else bisect_right(ids, lower)
        stop = len(ids) if upper is None else bisect_right(ids, upper)
        for place in range(start, stop, _PAGE):
            yield ids[place : min(place + _PAGE, stop)]

    def _read(self) -> dict[str, list[str]]:
        found: dict[str, set[str]] = {}
        try:
            with Path(self._path).open(encoding="utf-8", newline="\n") as lines:
                for line in lines:
                    namespace, tab, given = line.rstrip("\r\n").rpartition("\t")
                    if given:
                        found.setdefault(canonical_namespace(namespace if tab else ""), set()).add(given)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigInvalid(
                f"the inventory of ids {self._path} cannot be read: {error}",
                hint="a text file of one id a line, or of namespace, tab and id",
            ) from None
        return {namespace: sorted(ids) for namespace, ids in found.items()}
