"""A store that stands for a Milvus: its definitions outlive the process, and records come back as they were."""

from __future__ import annotations

import pytest

from tests.stores.milvus.facade.answering import TYPED, Served, put, rows, schema, search
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    VectorField,
)
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import And, Compare, Comparison, Exists, HasId, In, IsNull, Native, Not, Or
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.milvus.facade.emulated import CATALOGUE, Emulated
from vectormigrate.stores.registry import disguised, open_store

OF_N = Compare(("n",), Comparison.EQ, 2)


async def _selected(store, where):
    return [record_id async for page in store.select("c", where) for record_id in page.batch.ids]


async def test_a_file_is_opened_again(tmp_path):
    endpoint = Endpoint("sqlite", str(tmp_path / "local.db"))
    async with open_store(endpoint) as store:
        served = Served(store)
        await served.make(TYPED, "L2")
        row = {"id": 1, "v": [1, 2], "t": "a", "n": 2**62, "j": {"a": [None, 1.5]}, "tags": [1, 2], "f": 0.5}
        await served.ok("Insert", put([row, {"id": 2, "v": [3, 4], "t": "b"}], TYPED))
        await served.ok("CreateAlias", collection_name="c", alias="other")
        before = await served.rest("entities/query", {"collectionName": "c", "filter": ""})
    async with open_store(endpoint) as store:
        served = Served(store)
        after = await served.rest("entities/query", {"collectionName": "other", "filter": ""})
        assert after == before
        assert after["data"][0] == {**row, "small": 7, "v": [1.0, 2.0]}
        assert after["data"][1]["tags"] is None
        told = await served.ok("DescribeCollection", collection_name="other")
        assert [field.name for field in told.schema.fields] == [field.name for field in TYPED.fields]
        assert list(told.aliases) == ["other"]
        assert await served.ids("n is null") == [2]


async def test_what_it_is_made_of_is_not_shown(served, store):
    await served.make()
    assert sorted(await store.collections()) == ["c", CATALOGUE]
    assert await disguised("milvus", store).collections() == ["c"]
    shown = await served.ok("ShowCollections")
    assert list(shown.collection_names) == ["c"]


async def test_a_collection_that_was_there_before_is_served_as_it_is(served, store):
    key = IdField("id", IdKind.INT, KeyOrder.NUMERIC)
    shape = CollectionShape("old", key, (VectorField("v", dim=2),), (Field("n", FieldType.INT),))
    await store.create(shape)
    await served.ok(
        "Insert", put([{"id": 5, "v": [1, 2], "n": 7}], schema("old", dynamic=False, more=[("n", 5, {})]))
    )
    assert [
        record.payload async for page in store.scan("old", _all()) for record in page.batch.records()
    ] == [{"n": 7}]
    for rpc, words in [
        ("CreatePartition", {"partition_name": "p"}),
        ("DropIndex", {"index_name": "v"}),
        ("CreateAlias", {"alias": "a"}),
    ]:
        assert (await served.refused(rpc, collection_name="old", **words))[0] == 10
    await served.ok("LoadCollection", collection_name="old")
    await served.ok("ReleaseCollection", collection_name="old")
    await served.ok("CreateIndex", collection_name="old", field_name="n")
    got = await served.rest("entities/get", {"collectionName": "old", "id": 5})
    assert got["data"] == [{"id": 5, "v": [1.0, 2.0], "n": 7}]


def _all():
    from vectormigrate.stores.base import EVERYWHERE

    return EVERYWHERE


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (OF_N, [2]),
        (In(("n",), (0, 3)), [0, 3]),
        (Not(OF_N), [0, 1, 3]),
        (And((OF_N, Exists(("n",)))), [2]),
        (Or((OF_N, HasId((1,)))), [1, 2]),
        (IsNull(("n",)), []),
    ],
)
async def test_filters_reach_where_fields_are_held(served, where, found):
    await served.make()
    await served.ok("Insert", put(rows(4), schema()))
    store = served.front.reading("c").store
    assert await _selected(store, where) == found


async def test_native_words_are_nobodys(served):
    await served.make()
    with pytest.raises(Unsupported):
        await _selected(served.front.reading("c").store, Native("milvus", ("n > 1", {})))


async def test_a_part_of_what_is_one_field_cannot_be_set(store):
    with pytest.raises(Unsupported):
        await Emulated(store).patch("c", [1], {"a": 1})


@pytest.mark.parametrize(
    ("metric", "ids", "scores"),
    [
        ("L2", [1, 0, 2], [0.0, 1.0, 4.0]),
        ("IP", [2, 1, 0], [3.0, 1.0, 0.0]),
        ("COSINE", [1, 2, 0], [1.0, 1.0, 0.0]),
    ],
)
async def test_every_metric_is_known_only_when_it_is_asked(served, metric, ids, scores):
    await served.make(schema(), metric)
    await served.ok("Insert", put([{"id": row, "v": [(0, 1, 3)[row], 0]} for row in range(3)], schema()))
    found = (await served.ok("Search", search())).results
    assert list(found.ids.int_id.data) == ids
    assert list(found.scores) == scores


async def test_a_definition_goes_with_its_collection(served, store):
    await served.make()
    await served.ok("DropCollection", collection_name="c")
    assert await store.count(CATALOGUE) == 0
    assert await store.collections() == [CATALOGUE]
