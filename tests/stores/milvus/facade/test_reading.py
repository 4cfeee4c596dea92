"""Queries over a store: keys as listed, pages in the order of keys whatever order the store has, counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.front import FakeFront
from tests.stores.milvus.facade.answering import Served, pairs, put, rows, schema
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.milvus.pb import milvus_pb2
from vectormigrate.stores.milvus.wire.native import native_of

SHAPE = CollectionShape(
    "c",
    IdField("id", IdKind.INT, KeyOrder.NUMERIC),
    (VectorField("v", dim=2, metric=Metric.COSINE),),
    dynamic=True,
)


class Disordered(MemoryStore):
    """Tells that its order of keys is one of its own."""

    async def describe(self, collection):
        shape = await super().describe(collection)
        return replace(shape, id=replace(shape.id, order=KeyOrder.OTHER))


@pytest.fixture(params=[MemoryStore, Disordered])
async def filled(request):
    store = request.param(Endpoint("memory"), Database())
    await store.create(SHAPE)
    served = Served(front=FakeFront(Access(store=store, shape=SHAPE)))
    await served.ok("Insert", put(rows(12), schema()))
    return served


async def count(served, expr="", **words):
    told = await served.ok("Query", collection_name="c", expr=expr, output_fields=["count(*)"], **words)
    return told.fields_data[0].scalars.long_data.data[0]


LISTED = "id in [7, 99, 3, 7, 5]"


async def test_keys_come_in_their_order(filled):
    assert await filled.ids(LISTED) == [3, 5, 7]
    assert await filled.ids(LISTED, query_params=pairs(limit=2)) == [3, 5]


async def test_from_a_milvus_lite_they_come_as_listed_but_to_an_iterator():
    described = milvus_pb2.DescribeCollectionResponse(schema=schema())
    store = MemoryStore(Endpoint("memory"), Database())
    shape = replace(SHAPE, native=native_of(described, (), lite=True))
    await store.create(shape)
    served = Served(front=FakeFront(Access(store=store, shape=shape)))
    await served.ok("Insert", put(rows(12), schema()))
    assert await served.ids(LISTED) == [7, 3, 5]
    assert await served.ids(LISTED, query_params=pairs(limit=2)) == [7, 3]
    assert await served.ids(LISTED, query_params=pairs(limit=2, iterator="True")) == [3, 5]


@pytest.mark.parametrize(
    ("expr", "params", "found"),
    [
        ("", {"limit": 3}, [0, 1, 2]),
        ("", {"limit": 3, "offset": 10}, [10, 11]),
        ("id > 4", {"limit": 2, "offset": 1}, [6, 7]),
        ("id > 4 and id <= 6", {}, [5, 6]),
        ("id >= 9 and n < 11", {}, [9, 10]),
        ("n in [1, 11]", {"limit": 1, "offset": 1}, [11]),
        ("id < 2 or n == 5", {}, [0, 1, 5]),
        ("id > 3", {"limit": 4, "iterator": "True"}, [4, 5, 6, 7]),
        ("id > 40", {"limit": 4}, []),
        ("n > 3", {"limit": "-1"}, [4, 5, 6, 7, 8, 9, 10, 11]),
    ],
)
async def test_pages(filled, expr, params, found):
    assert await filled.ids(expr, query_params=pairs(**params)) == found


@pytest.mark.parametrize(
    ("expr", "found"),
    [("", 12), ("id in [1, 2, 99]", 2), ("n > 3", 8), ("id > 3", 8), ("id > 3 and n < 6", 2)],
)
async def test_counts(filled, expr, found):
    assert await count(filled, expr) == found


async def test_what_is_answered_beside_the_key(filled):
    told = await filled.ok("Query", collection_name="c", expr="id == 3", output_fields=["n"])
    assert list(told.output_fields) == ["id", "n"]
    assert told.primary_field_name == "id"
    assert told.fields_data[1].scalars.json_data.data[0] == b'{"n":3}'
    assert told.session_ts > 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"expr": ""}, 1100),
        ({"expr": "id > 1", "query_params": pairs(limit=0)}, 1100),
        ({"expr": "id > 1", "query_params": pairs(limit=10, offset=16_375)}, 1100),
        ({"expr": "id > 1", "query_params": pairs(limit="many")}, 1100),
        ({"expr": "id > {x}"}, 1100),
        ({"expr": 'id == "x"'}, 1100),
        ({"expr": "n * 2 + 1 == 3"}, 10),
        ({"expr": "id > 1", "query_params": pairs(group_by_fields="n")}, 10),
        ({"expr": "id > 1", "partition_names": ["p"]}, 200),
    ],
)
async def test_what_is_refused(filled, words, code):
    assert (await filled.refused("Query", collection_name="c", **words))[0] == code


async def test_no_collection(served):
    assert (await served.refused("Query", collection_name="", expr="id > 1"))[0] == 1100
    code, reason = await served.refused("Query", collection_name="x", expr="id > 1")
    assert code == 100
    assert "can't find collection" in reason
