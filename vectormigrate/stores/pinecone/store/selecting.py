"""Records that match a filter, in key order: found by Pinecone where it can, which spares reading the rest.

Pinecone gives what matches in an order of its own, so the ids of a namespace are gathered and sorted before its
records are read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import CollectionMissing, StoreError, Unsupported
from vectormigrate.model.filter import Filter, Native
from vectormigrate.stores.base import Range
from vectormigrate.stores.pinecone import filters
from vectormigrate.stores.pinecone.errors import NamespaceMissing, unreadable
from vectormigrate.stores.pinecone.wire.records import sent_namespace
from vectormigrate.stores.pinecone.wire.shape import Keys

from .catalog import Catalog, Opened
from .reader import Located, Reader, bound
from .searcher import Searcher

_PAGE = 100
"""Matches of one answer, which brings the whole records."""


class Selecting:
    """Selects from the indexes of a catalog."""

    def __init__(self, catalog: Catalog, reader: Reader, searcher: Searcher) -> None:
        self._catalog = catalog
        self._reader = reader
        self._searcher = searcher

    async def narrowed(self, opened: Opened, where: Filter) -> dict[str, object] | None:
        """The filter object with which Pinecone finds exactly these records; None when it cannot."""
        namespaces = await self._catalog.namespaces(opened)
        if not opened.lists:
            return None
        return await self._searcher.filter(opened, where, namespaces) or None

    async def pages(
        self, opened: Opened, written: dict[str, object], span: Range, size: int, *, bare: bool
    ) -> AsyncGenerator[Batch, None]:
        """The records of a range that the filter object matches, in batches of at most `size`, none of them empty.

        Raises Unsupported, before the first page, where the index cannot be asked so.
        """
        lower, upper = bound(opened, span.lower), bound(opened, span.upper)
        found: list[Located] = []
        for namespace in await self._catalog.namespaces(opened):
            found += [(namespace, one) for one in await self._ids(opened, namespace, written)]
        found = [place for place in found if _within(opened, place, lower, upper)]
        found.sort(key=lambda place: _order(opened, place))
        for start in range(0, len(found), size):
            batch = await self._reader.read(opened, found[start : start + size], bare=bare)
            if len(batch):
                yield batch

    async def _ids(self, opened: Opened, namespace: str, written: dict[str, object]) -> list[str]:
        ids: list[str] = []
        body: dict[str, object] = {"namespace": sent_namespace(namespace), "filter": written, "limit": _PAGE}
        while True:
            try:
                answer = await self._catalog.call(opened, "POST", "/vectors/fetch_by_metadata", body=body)
            except NamespaceMissing:
                return ids
            except CollectionMissing as error:
                raise opened.place.error(
                    Unsupported, f"no records by metadata here: {error.message}"
                ) from None
            try:
                ids += [*(answer.body.get("vectors") or {})]
                token = (answer.body.get("pagination") or {}).get("next")
            except (AttributeError, TypeError) as error:
                raise unreadable(opened.place, f"records by metadata: {error}") from None
            if not token:
                return ids
            body["paginationToken"] = token


def in_the_model(where: Filter) -> Filter:
    """A filter as this process can apply it: Pinecone's own words, read. Raises Unsupported for another vendor's."""
    if not isinstance(where, Native) or where.dialect != filters.DIALECT:
        return where
    try:
        return filters.from_json(where.value)
    except filters.BadFilter as error:
        raise StoreError(f"not a filter: {error}", store=filters.DIALECT) from None


def _order(opened: Opened, place: Located) -> tuple[str, str]:
    return (place[1], place[0]) if opened.layout.keys is Keys.PARTITIONED else place


def _within(opened: Opened, place: Located, lower: Located | None, upper: Located | None) -> bool:
    key = _order(opened, place)
    if opened.layout.keys is Keys.PARTITIONED:
        return (lower is None or key[0] > lower[1]) and (upper is None or key[0] <= upper[1])
    return (lower is None or key > lower) and (upper is None or key <= upper)
