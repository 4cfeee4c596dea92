"""Records out of an index: counted, page by page in the order of keys, by id.

Ids come first, by listing, and the records of a page are then fetched by their ids, as many as an address holds.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias
from urllib.parse import quote

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import StoreBroken, Unsupported
from vectormigrate.model.join import joined
from vectormigrate.model.record import RecordId, parse_id
from vectormigrate.stores.base import Range
from vectormigrate.stores.pinecone.errors import NamespaceMissing, RequestTooLarge, unreadable
from vectormigrate.stores.pinecone.wire.records import (
    Malformed,
    canonical_namespace,
    decode_vectors,
    from_key,
    id_fault,
    sent_namespace,
    to_key,
)
from vectormigrate.stores.pinecone.wire.shape import Keys

from .catalog import Catalog, Opened
from .inventory import Inventory
from .link import together
from .listing import Listing

Located: TypeAlias = tuple[str, str]
"""A namespace and an id in it."""

_MOST_IDS = 1000
"""Of one fetch, as published."""
_MOST_ADDRESS = 7_000
"""Letters of ids in one address: gateways refuse addresses from 8 KB on."""
_COUNTED_BY_LISTING = 10_000
_LOOKED_UP = 8


class Reader:
    """Reads. Waiting for writes to be seen is the caller's business."""

    def __init__(self, catalog: Catalog, inventory: Inventory) -> None:
        self._catalog = catalog
        self._listing = Listing(catalog, inventory)

    # Ids.

    async def ids(self, opened: Opened, span: Range) -> AsyncGenerator[list[Located], None]:
        """Where the records of a range are, in key order, in pages of any size but none."""
        lower, upper = bound(opened, span.lower), bound(opened, span.upper)
        namespaces = await self._catalog.namespaces(opened)
        if opened.layout.keys is Keys.PARTITIONED:
            async for page in self._merged(opened, namespaces, lower, upper):
                yield page
            return
        for namespace in namespaces:
            if (lower and namespace < lower[0]) or (upper and namespace > upper[0]):
                continue
            first = lower[1] if lower and namespace == lower[0] else None
            last = upper[1] if upper and namespace == upper[0] else None
            async for ids in self._listing.after(opened, namespace, first, last):
                yield [(namespace, one) for one in ids]

    async def _merged(
        self, opened: Opened, namespaces: Sequence[str], lower: Located | None, upper: Located | None
    ) -> AsyncGenerator[list[Located], None]:
        """All namespaces at once, in the order of ids: those are unique over them."""
        bounds = (lower[1] if lower else None, upper[1] if upper else None)
        lists = {name: self._listing.after(opened, name, *bounds) for name in namespaces}
        held: dict[str, list[str]] = {name: [] for name in namespaces}
        try:
            while True:
                for name in [name for name, ids in held.items() if not ids]:
                    held[name] = await anext(lists[name], [])
                    if not held[name]:
                        del held[name]
                if not held:
                    return
                known = min(ids[-1] for ids in held.values())
                page = sorted((one, name) for name, ids in held.items() for one in ids if one <= known)
                held = {name: [one for one in ids if one > known] for name, ids in held.items()}
                yield [(name, one) for one, name in page]
        finally:
            for pages in lists.values():
                await pages.aclose()

    # Records.

    async def pages(
        self, opened: Opened, span: Range, size: int, *, bare: bool
    ) -> AsyncGenerator[Batch, None]:
        """The records of a range in batches of at most `size`, none of them empty."""
        waiting: list[Located] = []
        ids = self.ids(opened, span)
        try:
            async for some in ids:
                waiting += some
                while len(waiting) >= size:
                    page, waiting = waiting[:size], waiting[size:]
                    if len(batch := await self.read(opened, page, bare=bare)):
                        yield batch
            if waiting and len(batch := await self.read(opened, waiting, bare=bare)):
                yield batch
        finally:
            await ids.aclose()

    async def read(self, opened: Opened, located: Sequence[Located], *, bare: bool) -> Batch:
        """The records at these places, or with `bare` just their ids, unread where they were listed."""
        if not bare:
            return await self.located(opened, located)
        if not opened.lists:
            there = await self.present(opened, located)
            located = [(namespace, one) for namespace, one in located if one in there.get(namespace, ())]
        keys = [_key(opened, namespace, one) for namespace, one in located]
        _check_unique(opened, keys)
        return Batch(keys, {}, [{} for _ in keys])

    async def fetch(self, opened: Opened, ids: Sequence[RecordId], *, bare: bool) -> Batch:
        """The records of these ids that are there, in the order of the ids."""
        batch = await self.located(opened, await self.candidates(opened, ids))
        rows = {record_id: row for row, record_id in enumerate(batch.ids)}
        found = [rows[record_id] for record_id in ids if record_id in rows]
        if bare:
            return Batch([batch.ids[row] for row in found], {}, [{} for _ in found])
        return batch.take(found)

    async def candidates(self, opened: Opened, ids: Sequence[RecordId]) -> list[Located]:
        """Everywhere that records of these ids could be; ids that cannot be there are left out."""
        found: list[Located] = []
        partitions: Sequence[str] = ()
        if opened.layout.keys is Keys.PARTITIONED:
            partitions = await self._catalog.namespaces(opened)
        for record_id in ids:
            try:
                namespace, one = from_key(opened.layout, record_id)
            except Malformed:
                continue
            if not id_fault(one):
                found += [(name, one) for name in partitions or (namespace,)]
        return found

    async def located(self, opened: Opened, located: Sequence[Located]) -> Batch:
        """The records at these places that are there, in the order of the places."""
        groups: dict[str, list[str]] = {}
        for namespace, one in located:
            groups.setdefault(namespace, []).append(one)
        requests = [(name, some) for name, ids in groups.items() for some in _requests(ids)]
        answers = await together(lambda one: self._fetch(opened, *one), requests)
        vectors: dict[Located, Mapping[str, Any]] = {}
        for (name, _), held in zip(requests, answers, strict=True):
            vectors |= {(name, one): vector for one, vector in held.items()}
        places = [place for place in located if place in vectors]
        batch = self.decode(opened, [vectors[place] for place in places], [name for name, _ in places])
        _check_unique(opened, batch.ids)
        return batch

    async def present(self, opened: Opened, located: Sequence[Located]) -> dict[str, dict[str, Any]]:
        """Of these places those where a record is: vector objects by id by namespace."""
        found: dict[str, dict[str, Any]] = {}
        for namespace in dict.fromkeys(name for name, _ in located):
            ids = [one for name, one in located if name == namespace]
            for group in _requests(ids):
                if held := await self._fetch(opened, namespace, group):
                    found.setdefault(namespace, {}).update(held)
        return found

    async def is_listed(self, opened: Opened, namespace: str, given: str) -> bool:
        """Whether a record that is there is also listed, as far as ids can be listed."""
        return not opened.lists or await self._listing.holds(opened, namespace, given)

    async def lacks(self, opened: Opened, namespace: str, ids: Sequence[str]) -> bool:
        """Whether none of these ids is there, nor is any of the first few listed."""
        if await self.present(opened, [(namespace, one) for one in ids]):
            return False
        if not opened.lists:
            return True
        return not any(await together(partial(self._listing.holds, opened, namespace), ids[:_LOOKED_UP]))

    def decode(
        self, opened: Opened, vectors: Sequence[Mapping[str, Any]], namespaces: Sequence[str]
    ) -> Batch:
        """Vector objects, each of its namespace, as a batch. Raises StoreBroken for what is none."""
        runs = [
            (namespace, [vector for _, vector in run])
            for namespace, run in groupby(zip(namespaces, vectors, strict=True), key=itemgetter(0))
        ]
        try:
            return joined(
                [
                    decode_vectors(some, opened.layout, namespace)
                    for namespace, some in runs or [(opened.layout.namespace, [])]
                ]
            )
        except (Malformed, AttributeError, TypeError) as error:
            raise unreadable(opened.place, f"a record: {error}") from None

    async def _fetch(
        self, opened: Opened, namespace: str, ids: Sequence[str]
    ) -> dict[str, Mapping[str, Any]]:
        query = [("namespace", sent_namespace(namespace)), *(("ids", one) for one in ids)]
        try:
            answer = await self._catalog.call(opened, "GET", "/vectors/fetch", query=query)
        except NamespaceMissing:
            return {}
        except RequestTooLarge:
            if len(ids) == 1:
                raise
            half = len(ids) // 2
            first, second = [await self._fetch(opened, namespace, part) for part in (ids[:half], ids[half:])]
            return first | second
        held = answer.body.get("vectors") or {}
        if not isinstance(held, dict):
            raise unreadable(opened.place, "fetched vectors are no object")
        return held

    # Counting and splitting.

    async def count(self, opened: Opened) -> int:
        """How many records there are.

        Up to 10,000 they are listed. Beyond, the index's own statistics are believed, which are eventual like
        everything: exact once they have caught up with what `Waiting` waits for.
        """
        sizes = await self.sizes(opened)
        total = sum(sizes.values())
        if not opened.lists or total > _COUNTED_BY_LISTING:
            return total
        return sum([len(page) async for page in self.ids(opened, Range())])

    async def sizes(self, opened: Opened) -> dict[str, int]:
        """Records of each namespace of the collection, by the index's statistics."""
        answer = await self._catalog.call(opened, "POST", "/describe_index_stats", body={})
        try:
            told = {
                canonical_namespace(name): int(one.get("vectorCount") or 0)
                for name, one in (answer.body.get("namespaces") or {}).items()
            }
        except (AttributeError, TypeError, ValueError) as error:
            raise unreadable(opened.place, f"the statistics: {error}") from None
        if opened.layout.keys is Keys.ID:
            return {opened.layout.namespace: told.get(opened.layout.namespace, 0)}
        return told


def bound(opened: Opened, cursor: str | None) -> Located | None:
    """Where a cursor stands. Raises Unsupported for one of another collection."""
    if cursor is None:
        return None
    try:
        return from_key(opened.layout, parse_id(cursor))
    except ValueError as error:
        raise opened.place.error(Unsupported, f"not a cursor of this collection: {error}") from None


def _key(opened: Opened, namespace: str, given: str) -> RecordId:
    try:
        return to_key(opened.layout, namespace, given)
    except Malformed as error:
        raise unreadable(opened.place, f"an id: {error}") from None


def _check_unique(opened: Opened, ids: Sequence[RecordId]) -> None:
    if opened.layout.keys is Keys.PARTITIONED and len(set(ids)) < len(ids):
        raise opened.place.error(
            StoreBroken,
            "an id is in two namespaces at once, and they are the partitions of this collection",
            "read the index as index/*, where the namespace is part of the key",
        )


def _requests(ids: Sequence[str]) -> list[list[str]]:
    """Ids in groups that one address holds."""
    groups: list[list[str]] = []
    room = 0
    for one in ids:
        length = len(quote(one, safe="")) + 5
        if not groups or length > room or len(groups[-1]) == _MOST_IDS:
            groups.append([])
            room = _MOST_ADDRESS
        groups[-1].append(one)
        room -= length
    return groups
