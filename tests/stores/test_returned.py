"""What a migration wrote, read again as what it had been; what somebody else wrote beside it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from vectormigrate.model.batch import Batch, dense_column
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
from vectormigrate.model.errors import CollectionMissing, Unsupported
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.model.query import Query
from vectormigrate.model.specification import WayBack
from vectormigrate.stores.base import EVERYWHERE, Content, Endpoint
from vectormigrate.stores.memory import CAPABILITIES, Database, MemoryStore
from vectormigrate.stores.returned import returned
from vectormigrate.stores.surrogate import keyed

SHAPE = CollectionShape(
    "docs",
    IdField("id", IdKind.INT, KeyOrder.NUMERIC),
    (VectorField("v", dim=2, metric=Metric.EUCLID),),
    (Field("price", FieldType.DECIMAL),),
    dynamic=True,
)
IDS = [1, -2, 3]
HELD = CAPABILITIES.field_types - {FieldType.DECIMAL}


def batch():
    vectors = dense_column([np.array([one, 0], np.float32) for one in IDS], width=2)
    return Batch(list(IDS), {"v": vectors}, [{"price": Decimal(f"{one}.50")} for one in IDS])


@pytest.fixture(params=[(IdKind.TEXT, False), (IdKind.UUID, False), (IdKind.UUID, True)])
async def went(request):
    """A store with its own ids, types and names, what came there, and its plan."""
    store = MemoryStore(Endpoint("memory"), Database())
    kind, surrogates = request.param
    store.database.capabilities = replace(CAPABILITIES, id_kinds=frozenset({kind}), field_types=HELD)
    options = MappingOptions(rename={"price": "cost"}, surrogates=surrogates)
    plan = make_plan(SHAPE, store.capabilities, "copy", options=options)
    await store.create(plan.target)
    sent = Translator(plan, store.capabilities)(batch())
    assert not sent.refused
    await keyed(store, plan, SHAPE.id).upsert("copy", sent.batch)
    return store, plan


async def read(pages):
    found = [page.batch async for page in pages]
    return {
        one: (part.payload[row], row in part.faults) for part in found for row, one in enumerate(part.ids)
    }


def test_where_there_is_no_way_back_to_go_it_is_the_store_itself():
    store = MemoryStore(Endpoint("memory"), Database())
    assert returned(store, None) is store


async def test_records_are_what_they_were(went):
    store, plan = went
    back = returned(store, WayBack("there", "memory", SHAPE, plan))
    shape = await back.describe("copy")
    assert (shape.name, shape.id.kind, shape.fields) == ("copy", IdKind.INT, SHAPE.fields)
    assert shape.id.order is KeyOrder.OTHER, "pages come in the order of the text, not of the numbers"
    wanted = {one: ({"price": Decimal(f"{one}.50")}, False) for one in IDS}
    assert await read(back.scan("copy", EVERYWHERE)) == wanted
    assert set(await read(back.scan("copy", EVERYWHERE, content=Content.IDS))) == set(wanted)
    fetched = await back.fetch("copy", [3, 99, -2])
    assert fetched.ids == [3, -2]
    assert fetched.vectors["v"].values.tolist() == [[3, 0], [-2, 0]]
    dear = Compare(("price",), Comparison.EQ, Decimal("3.50"))
    assert list(await read(back.select("copy", dear))) == [3]


async def test_a_scan_goes_on_behind_a_record(went):
    store, plan = went
    back = returned(store, WayBack("there", "memory", SHAPE, plan))
    pages = [page async for page in back.scan("copy", EVERYWHERE, limit=1)]
    first = pages[0].batch.ids[0]
    assert pages[0].cursor == back.cursor_of(first)
    behind = replace(EVERYWHERE, lower=pages[0].cursor)
    assert first not in await read(back.scan("copy", behind))


async def test_what_somebody_else_wrote_is_a_fault_and_not_left_out():
    store = MemoryStore(Endpoint("memory"), Database())
    store.database.capabilities = replace(CAPABILITIES, id_kinds=frozenset({IdKind.TEXT}), field_types=HELD)
    plan = make_plan(SHAPE, store.capabilities, "copy")
    await store.create(plan.target)
    await store.upsert("copy", Translator(plan, store.capabilities)(batch()).batch)
    vectors = dense_column([np.zeros(2, np.float32)] * 2, width=2)
    await store.upsert("copy", Batch(["one", "7"], {"v": vectors}, [{"price": "1"}, {"price": "dear"}]))
    back = returned(store, WayBack("there", "memory", SHAPE, plan))
    found = await read(back.scan("copy", EVERYWHERE))
    assert {one for one, (_, fault) in found.items() if fault} == {"one", 7}
    assert found[3] == ({"price": Decimal("3.50")}, False)


async def test_partitions_that_stood_beside_the_records_are_partitions_again():
    store = MemoryStore(Endpoint("memory"), Database())
    store.database.capabilities = replace(CAPABILITIES, partitions=False)
    source = replace(SHAPE, partitions=("red", "blue"))
    plan = make_plan(source, store.capabilities, "copy")
    await store.create(plan.target)
    places = ["red", None, "blue"]
    translated = Translator(plan, store.capabilities)(replace(batch(), partition=places)).batch
    await store.upsert("copy", translated)
    back = returned(store, WayBack("there", "memory", source, plan))
    assert (await back.describe("copy")).partitions == ("red", "blue")
    assert (await back.fetch("copy", IDS)).partition == places
    (page,) = [one async for one in back.scan("copy", EVERYWHERE)]
    assert dict(zip(page.batch.ids, page.batch.partition, strict=True)) == dict(zip(IDS, places, strict=True))
    assert [payload.keys() for payload in page.batch.payload] == [{"price"}] * 3


async def test_it_is_neither_searched_nor_written(went):
    store, plan = went
    back = returned(store, WayBack("there", "memory", SHAPE, plan))
    for request in (
        back.query("copy", Query("v", np.zeros(2, np.float32), 1)),
        back.upsert("copy", batch()),
        back.insert("copy", batch()),
        back.patch("copy", [1], {}),
        back.delete("copy", [1]),
    ):
        with pytest.raises(Unsupported):
            await request
    with pytest.raises(CollectionMissing):
        await back.describe("other")
