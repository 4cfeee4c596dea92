"""A store as a Weaviate: rooms that are made and moved, a schema that is kept, and what goes in coming out again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest

from vectormigrate.model.batch import batch_of_records
from vectormigrate.model.collection import IdKind
from vectormigrate.model.errors import CollectionExists, CollectionMissing, Unsupported
from vectormigrate.model.filter import And, Compare, Comparison, HasId, In, Not, Or
from vectormigrate.model.query import Query
from vectormigrate.model.record import Record
from vectormigrate.stores.base import EVERYWHERE, Content, Endpoint, Range
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.weaviate.facade.definitions import completed
from vectormigrate.stores.weaviate.facade.emulated import SCHEMA, Emulated
from vectormigrate.stores.weaviate.facade.writing import shape_to_make

MOMENT = datetime(2024, 5, 4, tzinfo=UTC)
IDS = [UUID(int=number + 1) for number in range(5)]


@pytest.fixture
def inner():
    return MemoryStore(Endpoint("memory"), Database())


@pytest.fixture
async def store(inner):
    store = Emulated(inner)
    await store.create(shape_to_make(completed({"class": "C"}, ())))
    return store


def record(row, *, width=2, tenant="", **payload):
    dense = {"": np.arange(1, width + 1, dtype=np.float32) * (row + 1)} if width else {}
    key = (tenant, IDS[row]) if tenant else IDS[row]
    return Record(key, dense, payload={"n": row, "at": MOMENT, "owner": IDS[row], **payload})


async def put(store, *records, name="C"):
    shape = await store.describe(name)
    widths = {key: one.shape[-1] for each in records for key, one in each.dense.items()}
    fields = [
        one.__class__(one.name, dim=widths[one.name], metric=one.metric)
        for one in shape.vectors
        if one.name in widths
    ]
    result = await store.upsert(name, batch_of_records(records, fields))
    assert result.refused == ()


async def everything(store, where=None, span=EVERYWHERE, name="C"):
    pages = store.scan(name, span, limit=2) if where is None else store.select(name, where, span, limit=2)
    return [one async for page in pages for one in page.batch.records()]


async def test_an_empty_class_answers(store):
    assert (await store.collections(), await store.count("C")) == (["C"], 0)
    assert len(await store.fetch("C", IDS)) == 0
    assert await everything(store) == []
    assert await store.query("C", Query(np.ones(2, np.float32), "")) == []
    assert (await store.delete("C", IDS)).refused == ()
    with pytest.raises(CollectionExists):
        await store.create(await store.describe("C"))
    with pytest.raises(CollectionMissing):
        await store.describe("Nothing")


async def test_what_goes_in_comes_out(store):
    await put(store, *map(record, range(4)))
    found = (await store.fetch("C", [IDS[2], IDS[0]])).records()
    assert [(one.id, one.payload, one.dense[""].tolist()) for one in found] == [
        (IDS[row], record(row).payload, [row + 1, 2 * row + 2]) for row in (2, 0)
    ]
    assert [one.id for one in await everything(store)] == IDS[:4]
    assert [one.id for one in await everything(store, span=Range(store.cursor_of(IDS[1])))] == IDS[2:4]
    assert store.key_of(store.cursor_of(IDS[1])) == IDS[1]
    await store.delete("C", [IDS[0]])
    assert await store.count("C") == 3
    shape = await store.describe("C")
    assert (shape.id.kind, shape.vectors[0].dim) == (IdKind.UUID, 2)


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (Compare(("n",), Comparison.GT, 1), [2, 3]),
        (In(("n",), (0, 3)), [0, 3]),
        (Not(HasId((IDS[0],))), [1, 2, 3]),
        (Compare(("owner",), Comparison.EQ, IDS[2]), [2]),
        (And((Compare(("at",), Comparison.EQ, MOMENT), Or((HasId((IDS[1],)),)))), [1]),
    ],
)
async def test_filters_of_every_value(store, where, rows):
    await put(store, *map(record, range(4)))
    assert [one.id for one in await everything(store, where)] == [IDS[row] for row in rows]
    matches = await store.query("C", Query(np.ones(2, np.float32), "", 10, where, with_record=True))
    assert {one.id for one in matches} == {IDS[row] for row in rows}
    assert {one.record.id for one in matches} == {IDS[row] for row in rows}
    bare = await store.query("C", Query(np.ones(2, np.float32), "", 10, where))
    assert {one.record for one in bare} == {None}


async def test_a_vector_that_comes_later_moves_everything(store, inner):
    await put(store, record(0, width=0), record(1, width=0))
    assert await inner.collections() == ["C 1", SCHEMA]
    await put(store, record(2))
    assert await inner.collections() == ["C 2", SCHEMA]
    assert [one.id for one in await everything(store)] == IDS[:3]
    assert [one.id for one in await store.query("C", Query(np.ones(2, np.float32), ""))] == [IDS[2]]


async def test_first_writes_at_once_make_one_room(store, inner):
    async with asyncio.TaskGroup() as group:
        for row in range(4):
            group.create_task(put(store, record(row)))
    assert await inner.collections() == ["C 1", SCHEMA]
    assert await store.count("C") == 4


async def test_the_schema_is_found_again(store, inner):
    await put(store, record(0))
    again = Emulated(inner)
    assert await again.collections() == ["C"]
    assert await again.describe("C") == await store.describe("C")
    assert [one.id for one in await everything(again)] == [IDS[0]]
    await again.drop("C")
    await again.drop("C")
    assert await inner.collections() == [SCHEMA]
    assert await Emulated(inner).collections() == []


async def test_tenants_have_ids_of_their_own(store):
    given = {"class": "T", "multiTenancyConfig": {"enabled": True}}
    await store.create(shape_to_make(completed(given, ["C"])))
    await put(store, record(0, tenant="a"), record(0, tenant="b"), name="T")
    assert [
        one.id
        async for page in store.scan("T", EVERYWHERE, content=Content.IDS)
        for one in page.batch.records()
    ] == [
        ("a", IDS[0]),
        ("b", IDS[0]),
    ]
    await store.set_tenants("T", {"a": "HOT"})
    assert await store.tenants("T") == {"a": "HOT"}


async def test_what_it_does_not_do(store):
    config = {"unnamed": {"vectorizer": {"none": {}}}}
    shape = shape_to_make(completed({"class": "D", "vectorConfig": config}, ["C"]))
    with pytest.raises(Unsupported, match="unnamed"):
        await store.create(shape)
    for unwanted in (store.insert("C", batch_of_records([], ())), store.patch("C", IDS, {})):
        with pytest.raises(Unsupported, match="whole objects"):
            await unwanted
