"""A store that stands for a Milvus on its own: any store, in the collections, partitions and aliases that Milvus has.

Definitions (schema, indexes, partitions, aliases, whether it is loaded) are records of a collection of their own. Records
are held in a form that every store can hold: the key, the vectors, and one JSON field with everything else. A search looks
at every record, because Milvus says how vectors are compared only when an index is made. What was there before is served
as it is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
)
from vectormigrate.model.errors import CollectionExists, Unsupported
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
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores import exact
from vectormigrate.stores.base import EVERYWHERE, Content, Page, Range, Store
from vectormigrate.stores.milvus.wire.native import DIALECT, indexes_of, native_of, schema_of
from vectormigrate.stores.milvus.wire.schema import DEFAULT_PARTITION, read_layout, read_shape
from vectormigrate.stores.wrapper import Wrapper

CATALOGUE = "vectormigrate_milvus"
"""The collection of definitions."""
_HELD, _FIELDS, _PARTITION = "held", "fields", "partition"
_POINTLESS = VectorField("none", dim=2, metric=Metric.COSINE)
"""There are stores that want a vector in every collection."""


@dataclass(frozen=True, slots=True)
class _Definition:
    """One collection."""

    shape: CollectionShape
    aliases: tuple[str, ...] = ()


class Emulated(Wrapper):
    """Milvus' collections over a store."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._definitions: dict[str, _Definition] | None = None

    # Definitions.

    async def make(self, described: Any) -> None:
        """Make a collection out of a DescribeCollectionResponse; one like it that is there is left as it is. Raises
        CollectionExists for another one, Unsupported, StoreBroken.
        """
        name = described.schema.name
        native = native_of(described, ())
        native[DIALECT] |= {"loaded": False, "partitions": []}
        shape = _shape_of(name, native)
        known = await self._known()
        if name in known and known[name].shape.native[DIALECT]["schema"] == native[DIALECT]["schema"]:
            return
        if name in known or name in await super().collections():
            raise CollectionExists(
                f"create duplicate collection with different parameters, collection: {name}", collection=name
            )
        await super().create(_held_shape(shape))
        await self._keep(_Definition(shape))

    async def change(self, name: str, **told: Any) -> None:
        """Change parts of a definition: `loaded`, `indexes`, `partitions`."""
        definition = (await self._known())[name]
        native = {DIALECT: {**definition.shape.native[DIALECT], **told}}
        await self._keep(replace(definition, shape=_shape_of(name, native)))

    async def name(self, alias: str, collection: str | None) -> None:
        """Let an alias stand for this collection, None for no one any more."""
        for definition in list((await self._known()).values()):
            aliases = {*definition.aliases} - {alias}
            if definition.shape.name == collection:
                aliases.add(alias)
            if aliases != {*definition.aliases}:
                await self._keep(replace(definition, aliases=tuple(sorted(aliases))))

    async def _known(self) -> dict[str, _Definition]:
        if self._definitions is not None:
            return self._definitions
        found: dict[str, _Definition] = {}
        if CATALOGUE in await super().collections():
            async with aclosing(super().scan(CATALOGUE, EVERYWHERE)) as pages:
                async for page in pages:
                    for name, payload in zip(page.batch.ids, page.batch.payload, strict=True):
                        held = payload[_HELD]
                        shape = _shape_of(str(name), {DIALECT: held[DIALECT]})
                        found[str(name)] = _Definition(shape, tuple(held["aliases"]))
        self._definitions = found
        return found

    async def _keep(self, definition: _Definition) -> None:
        if CATALOGUE not in await super().collections():
            key = IdField("name", IdKind.TEXT, KeyOrder.BYTES, max_length=255)
            field = Field(_HELD, FieldType.JSON)
            await super().create(CollectionShape(CATALOGUE, key, (_POINTLESS,), (field,)))
        shape = definition.shape
        held = {DIALECT: shape.native[DIALECT], "aliases": [*definition.aliases]}
        vectors = {_POINTLESS.name: DenseColumn(np.ones((1, 2), np.float32))}
        await super().upsert(CATALOGUE, Batch([shape.name], vectors, [{_HELD: held}]))
        (await self._known())[shape.name] = definition

    async def _form(self, collection: str) -> _Definition | None:
        known = await self._known()
        if collection in known:
            return known[collection]
        return next((one for one in known.values() if collection in one.aliases), None)

    async def collections(self) -> list[str]:
        return [name for name in await super().collections() if name != CATALOGUE]

    async def aliases(self, collection: str = "") -> Mapping[str, str]:
        return {alias: name for name, one in (await self._known()).items() for alias in one.aliases}

    async def describe(self, collection: str) -> CollectionShape:
        form = await self._form(collection)
        return await super().describe(collection) if form is None else form.shape

    async def drop(self, collection: str) -> None:
        await super().drop(collection)
        if (await self._known()).pop(collection, None) is not None:
            await super().delete(CATALOGUE, [collection])

    # Records.

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        form = await self._form(collection)
        async with aclosing(super().scan(collection, span, limit=limit, content=content)) as pages:
            async for page in pages:
                yield replace(page, batch=_out(page.batch, form, content))

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        form = await self._form(collection)
        inside = where if form is None else _inside(where)
        async with aclosing(super().select(collection, inside, span, limit=limit, content=content)) as pages:
            async for page in pages:
                yield replace(page, batch=_out(page.batch, form, content))

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        form = await self._form(collection)
        return _out(await super().fetch(collection, ids, content=content), form, content)

    async def query(self, collection: str, query: Query) -> list[Match]:
        """Looks at every record that the filter leaves."""
        form = await self._form(collection)
        if form is None:
            return await super().query(collection, query)
        metric = form.shape.vector(query.using).metric or Metric.COSINE
        best: list[Match] = []
        async with aclosing(self.select(collection, query.filter or And(()))) as pages:
            async for page in pages:
                column = page.batch.vectors[query.using]
                scores = exact.scores(column, query.vector, metric)
                rows = [row for row in range(len(page.batch)) if column.has(row)]
                best += [
                    Match(page.batch.ids[row], float(scores[row]), page.batch.record(row)) for row in rows
                ]
                best.sort(key=lambda match: match.score, reverse=metric.higher_is_nearer)
                del best[query.limit :]
        return best if query.with_record else [replace(match, record=None) for match in best]

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        form = await self._form(collection)
        return await super().upsert(collection, batch if form is None else _in(batch), fresh=fresh)

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        raise Unsupported("a part of a payload that is one field cannot be set", collection=collection)


def _shape_of(name: str, native: dict[str, Any]) -> CollectionShape:
    """The shape of a definition."""
    bare = CollectionShape(name, IdField("", IdKind.INT), native=native)
    layout = replace(read_layout(schema_of(bare)), collection=name)
    partitions = [DEFAULT_PARTITION, *native[DIALECT]["partitions"]]
    return replace(read_shape(layout, indexes_of(bare), partitions), native=native)


def _held_shape(shape: CollectionShape) -> CollectionShape:
    """What a collection is made as."""
    vectors = tuple(replace(vector, index=None) for vector in shape.vectors)
    return CollectionShape(shape.name, shape.id, vectors, (Field(_HELD, FieldType.JSON),))


def _in(batch: Batch) -> Batch:
    partitions = batch.partition or [None] * len(batch)
    held = [
        {_HELD: {_FIELDS: dict(payload), _PARTITION: partition}}
        for payload, partition in zip(batch.payload, partitions, strict=True)
    ]
    return replace(batch, payload=held, partition=None)


def _out(batch: Batch, form: _Definition | None, content: Content) -> Batch:
    if form is None or content is Content.IDS:
        return batch
    partitions = [payload[_HELD][_PARTITION] for payload in batch.payload] if form.shape.partitions else None
    return replace(
        batch, payload=[payload[_HELD][_FIELDS] for payload in batch.payload], partition=partitions
    )


def _inside(condition: Filter) -> Filter:
    """A filter over fields, where they are held."""
    match condition:
        case Compare() | In() | Exists() | IsNull():
            return replace(condition, path=(_HELD, _FIELDS, *condition.path))
        case HasId():
            return condition
        case Not(item):
            return Not(_inside(item))
        case And(items):
            return And(tuple(map(_inside, items)))
        case Or(items):
            return Or(tuple(map(_inside, items)))
        case Native():
            raise foreign_words(condition)
