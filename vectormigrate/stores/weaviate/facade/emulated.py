"""A store that stands for a Weaviate on its own: any store that can hold text, JSON and vectors.

The schema is a collection of its own, `weaviate schema`: one record a class, with its description, its tenants and what
is known of its vectors. A class' objects are in a *room*, a collection that is made with the first object: only then
is known how long vectors are. A vector that comes later moves everything to a new room. Ids are text (`0b0e...`, or
`tenant/0b0e...`); the properties are one JSON field; the vector without a name is called `unnamed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import UUID

from vectormigrate.model.batch import Batch, Column
from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind, KeyOrder
from vectormigrate.model.errors import CollectionExists, CollectionMissing, StoreBroken, Unsupported
from vectormigrate.model.filter import (
    And,
    Compare,
    Exists,
    Filter,
    HasId,
    In,
    IsNull,
    Native,
    Not,
    Or,
    foreign_words,
)
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, Record, RecordId, id_text, parse_id
from vectormigrate.stores.base import EVERYWHERE, Content, Page, Range, Store
from vectormigrate.stores.weaviate.wire.shape import KIND, read_shape, with_dims
from vectormigrate.stores.wrapper import Wrapper

Json = dict[str, Any]

SCHEMA = "weaviate schema"
"""No class can be called so."""
UNNAMED, PROPERTIES, ENTRY = "unnamed", "properties", "entry"
_CURSOR = "object "
"""Begins a cursor that stands on an object; those of pages are the store's own."""
_PLAIN = (bool, int, float, str)


def emulated(store: Store) -> Store:
    """The store as a Weaviate: itself when it is one."""
    return store if store.capabilities.kind == KIND else Emulated(store)


class Emulated(Wrapper):
    """Translates on the way in and on the way out, and keeps the schema."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._entries: dict[str, Json] | None = None
        self._moving = asyncio.Lock()

    # The schema.

    async def _known(self) -> dict[str, Json]:
        """Entries by class: {"class": ..., "dims": ..., "tenants": ..., "room": ...}."""
        if self._entries is None:
            entries: dict[str, Json] = {}
            if SCHEMA in await super().collections():
                async with aclosing(super().scan(SCHEMA, EVERYWHERE)) as pages:
                    async for page in pages:
                        entries |= {
                            str(one): payload[ENTRY]
                            for one, payload in zip(page.batch.ids, page.batch.payload, strict=True)
                        }
            else:
                key = IdField("id", IdKind.TEXT, KeyOrder.BYTES, 255)
                field = Field(ENTRY, FieldType.JSON)
                made = await super().create(CollectionShape(SCHEMA, key, (), (field,)))
                await super().finish_load(made)
            self._entries = entries
        return self._entries

    async def _entry(self, collection: str) -> Json:
        try:
            return (await self._known())[collection]
        except KeyError:
            raise CollectionMissing(f"there is no class {collection!r}", collection=collection) from None

    async def _keep(self, collection: str, entry: Json) -> None:
        known = await self._known()
        await super().upsert(SCHEMA, Batch([collection], payload=[{ENTRY: entry}]))
        known[collection] = entry

    async def define(self, collection: str, described: Json) -> None:
        """Change the description of a class."""
        await self._keep(collection, {**await self._entry(collection), "class": described})

    async def tenants(self, collection: str) -> Mapping[str, str]:
        """The tenants of a class, and the state of each."""
        tenants: Mapping[str, str] = (await self._entry(collection))["tenants"]
        return tenants

    async def set_tenants(self, collection: str, tenants: Mapping[str, str]) -> None:
        """Replace the tenants of a class; the objects of those that go are the caller's matter."""
        await self._keep(collection, {**await self._entry(collection), "tenants": dict(tenants)})

    async def collections(self) -> list[str]:
        return sorted(await self._known())

    async def describe(self, collection: str) -> CollectionShape:
        return _shape_of(await self._entry(collection))

    async def create(self, shape: CollectionShape) -> CollectionShape:
        if shape.name in await self._known():
            raise CollectionExists(f"class name {shape.name} already exists", collection=shape.name)
        if any(vector.name == UNNAMED for vector in shape.vectors):
            raise Unsupported(
                f"a vector cannot be named {UNNAMED!r} here: the one without a name is held under it"
            )
        described = shape.native[KIND]["class"]
        await self._keep(shape.name, {"class": described, "dims": {}, "tenants": {}, "room": None})
        return await self.describe(shape.name)

    async def finish_load(self, shape: CollectionShape) -> None:
        return

    async def drop(self, collection: str) -> None:
        entry = (await self._known()).pop(collection, None)
        if entry is not None:
            await super().delete(SCHEMA, [collection])
            if entry["room"] is not None:
                await super().drop(entry["room"])

    # Reading.

    async def count(self, collection: str) -> int:
        room = (await self._entry(collection))["room"]
        return 0 if room is None else await super().count(room)

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        room = (await self._entry(collection))["room"]
        if room is None:
            return
        async with aclosing(super().scan(room, self._span(span), limit=limit, content=content)) as pages:
            async for page in pages:
                yield replace(page, batch=_batch_out(page.batch))

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        room = (await self._entry(collection))["room"]
        if room is None:
            return
        if not _is_plain(where):  # what JSON has no type for is compared here
            async with aclosing(
                Store.select(self, collection, where, span, limit=limit, content=content)
            ) as looked:
                async for page in looked:
                    yield page
            return
        found = super().select(room, _filter_in(where), self._span(span), limit=limit, content=content)
        async with aclosing(found) as pages:
            async for page in pages:
                yield replace(page, batch=_batch_out(page.batch))

    def cursor_of(self, record_id: RecordId) -> str:
        return _CURSOR + id_text(record_id)

    def key_of(self, cursor: str) -> RecordId:
        if cursor.startswith(_CURSOR):
            return parse_id(cursor.removeprefix(_CURSOR))
        return _id_out(super().key_of(cursor))

    def _span(self, span: Range) -> Range:
        return Range(self._bound(span.lower), self._bound(span.upper))

    def _bound(self, cursor: str | None) -> str | None:
        if cursor is None or not cursor.startswith(_CURSOR):
            return cursor
        return super().cursor_of(_id_in(parse_id(cursor.removeprefix(_CURSOR))))

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        room = (await self._entry(collection))["room"]
        if room is None:
            return Batch([])
        return _batch_out(await super().fetch(room, list(map(_id_in, ids)), content=content))

    async def query(self, collection: str, query: Query) -> list[Match]:
        entry = await self._entry(collection)
        if entry["room"] is None or query.using not in entry["dims"]:
            return []
        where = query.filter
        if where is not None and not _is_plain(where):
            where = HasId(tuple(await self._ids(collection, where)))
        asked = replace(
            query, using=query.using or UNNAMED, filter=None if where is None else _filter_in(where)
        )
        return [_match_out(match) for match in await super().query(entry["room"], asked)]

    async def _ids(self, collection: str, where: Filter) -> list[RecordId]:
        ids: list[RecordId] = []
        async with aclosing(self.select(collection, where, content=Content.IDS)) as pages:
            async for page in pages:
                ids += page.batch.ids
        return ids

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        dims = {name: _width(column) for name, column in batch.vectors.items() if _any(column)}
        async with self._moving:
            entry = await self._entry(collection)
            if entry["room"] is None or not dims.keys() <= entry["dims"].keys():
                entry = await self._make_room(collection, entry, {**dims, **entry["dims"]})
        return await super().upsert(entry["room"], _batch_in(batch, entry["dims"]), fresh=fresh)

    async def _make_room(self, collection: str, entry: Json, dims: Mapping[str, int]) -> Json:
        """A room for vectors of these dimensions, with everything in it that there is; the entry of it."""
        old = entry["room"]
        number = 1 if old is None else int(old.rpartition(" ")[2]) + 1
        room = f"{collection} {number}"
        await super().drop(room)  # of a move that was cut off
        made = await super().create(_room_of(_shape_of({**entry, "dims": dims}), room))
        await super().finish_load(made)
        if old is not None:
            async with aclosing(super().scan(old, EVERYWHERE)) as pages:
                async for page in pages:
                    await super().upsert(room, page.batch)
        entry = {**entry, "room": room, "dims": dict(dims)}
        await self._keep(collection, entry)
        if old is not None:
            await super().drop(old)
        return entry

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        raise Unsupported("nothing is written here but whole objects", collection=collection)

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        raise Unsupported("nothing is written here but whole objects", collection=collection)

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        room = (await self._entry(collection))["room"]
        if room is None:
            return WriteResult(len(ids))
        return await super().delete(room, list(map(_id_in, ids)))


def _shape_of(entry: Json) -> CollectionShape:
    shape = with_dims(read_shape(entry["class"], ours=False), entry["dims"])
    native = {**shape.native[KIND], "class": entry["class"], "times": True}
    return replace(shape, native={KIND: native})


def _room_of(shape: CollectionShape, room: str) -> CollectionShape:
    """What a room for objects of a class is like."""
    key = IdField("id", IdKind.TEXT, KeyOrder.BYTES, 101)
    vectors = tuple(
        replace(one, name=one.name or UNNAMED, index=None) for one in shape.vectors if one.dim is not None
    )
    return CollectionShape(room, key, vectors, (Field(PROPERTIES, FieldType.JSON),))


# In.


def _id_in(record_id: RecordId) -> RecordId:
    return "/".join(map(str, record_id)) if isinstance(record_id, tuple) else str(record_id)


def _batch_in(batch: Batch, dims: Mapping[str, int]) -> Batch:
    vectors = {name or UNNAMED: column for name, column in batch.vectors.items() if name in dims}
    payload = [{PROPERTIES: one} for one in batch.payload]
    return replace(batch, ids=[_id_in(one) for one in batch.ids], vectors=vectors, payload=payload)


def _is_plain(where: Filter) -> bool:
    """Whether all its values are of types that JSON has."""
    match where:
        case Compare(_, _, value):
            return isinstance(value, _PLAIN)
        case In(_, values):
            return all(isinstance(value, _PLAIN) for value in values)
        case Not(item):
            return _is_plain(item)
        case And(items) | Or(items):
            return all(map(_is_plain, items))
        case _:
            return True


def _filter_in(where: Filter) -> Filter:
    match where:
        case Compare() | In() | Exists() | IsNull():
            return replace(where, path=(PROPERTIES, *where.path))
        case HasId(ids):
            return HasId(tuple(map(_id_in, ids)))
        case Not(item):
            return Not(_filter_in(item))
        case And(items):
            return And(tuple(map(_filter_in, items)))
        case Or(items):
            return Or(tuple(map(_filter_in, items)))
        case Native():
            raise foreign_words(where)


def _any(column: Column) -> bool:
    return column.present is None or bool(column.present.any())


def _width(column: Column) -> int:
    return int(column.values.shape[-1])


# Out.


def _id_out(record_id: RecordId) -> RecordId:
    tenant, slash, text = str(record_id).rpartition("/")
    try:
        return (tenant, UUID(text)) if slash else UUID(text)
    except ValueError:
        raise StoreBroken(f"{text!r} is no id of an object") from None


def _batch_out(batch: Batch) -> Batch:
    vectors = {"" if name == UNNAMED else name: column for name, column in batch.vectors.items()}
    payload = [one.get(PROPERTIES) or {} for one in batch.payload]
    return replace(batch, ids=[_id_out(one) for one in batch.ids], vectors=vectors, payload=payload)


def _match_out(match: Match) -> Match:
    key = _id_out(match.id)
    if match.record is None:
        return replace(match, id=key)
    return replace(match, id=key, record=_record_out(match.record, key))


def _record_out(record: Record, key: RecordId) -> Record:
    dense = {"" if name == UNNAMED else name: vector for name, vector in record.dense.items()}
    return replace(record, id=key, dense=dense, payload=record.payload.get(PROPERTIES) or {})
