"""Ids out of a namespace.

The surprise: a deletion may have to wait. What shows that the records of an earlier write can be read is one of them;
when that one is to go, the others must have been seen before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from vectormigrate.stores.pinecone.errors import NamespaceMissing
from vectormigrate.stores.pinecone.wire.records import sent_namespace

from .catalog import Catalog, Opened
from .freshness import Canary
from .reader import Reader
from .waiting import Waiting

_MOST = 1000
"""Ids of one request, as published."""


class Deleter:
    """Deletes; tells `Freshness` of it."""

    def __init__(self, catalog: Catalog, reader: Reader, waiting: Waiting) -> None:
        self._catalog = catalog
        self._reader = reader
        self._waiting = waiting

    async def delete(self, opened: Opened, namespace: str, ids: Sequence[str]) -> None:
        """Remove ids, which need not be there."""
        for start in range(0, len(ids), _MOST):
            some = ids[start : start + _MOST]
            if opened.freshness.of(namespace).would_blind(frozenset(some)):
                await self._waiting.settle(opened, [namespace])
            body = {"namespace": sent_namespace(namespace), "ids": some}
            try:
                answer = await self._catalog.call(opened, "POST", "/vectors/delete", body=body, writing=True)
            except NamespaceMissing:
                return
            gone = Canary(frozenset(some), True, partial(self._reader.lacks, opened, namespace, some))
            opened.freshness.wrote(namespace, answer, gone)
