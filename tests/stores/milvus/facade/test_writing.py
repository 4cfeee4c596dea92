"""Writes to a store, and what is refused as strictly as Milvus refuses it."""

from __future__ import annotations

import pytest

from tests.stores.milvus.facade.answering import TYPED, put, rows, schema

ROW = {"id": 1, "v": [1, 2], "t": "a"}


async def test_an_insert_is_told_and_stamped(served):
    made = await served.make()
    first = await served.ok("Insert", put(rows(3), made))
    assert list(first.IDs.int_id.data) == [0, 1, 2]
    assert (first.insert_cnt, list(first.succ_index)) == (3, [0, 1, 2])
    second = await served.ok("Upsert", put(rows(1), made, "Upsert"))
    assert second.upsert_cnt == 1
    assert second.timestamp > first.timestamp
    assert first.timestamp >> 18 == int(served.clock.now().timestamp() * 1000)


async def test_keys_that_are_made_here_grow(served):
    made = await served.make(schema(auto=True))
    told = await served.ok("Insert", put([{"v": [1, 2]}, {"v": [3, 4]}], made))
    again = await served.ok("Insert", put([{"v": [5, 6]}], made))
    ids = [*told.IDs.int_id.data, *again.IDs.int_id.data]
    assert ids == sorted(set(ids))
    assert await served.ids("id > 0") == ids


async def test_texts_that_are_made_here(served):
    made = await served.make(schema(auto=True, text=True))
    told = await served.ok("Insert", put([{"v": [1, 2]}], made))
    assert await served.ids('id != ""') == list(told.IDs.str_id.data)


async def test_what_is_not_given(served):
    made = await served.make(TYPED)
    await served.ok("Insert", put([ROW, {**ROW, "id": 2, "small": None, "n": None}], made))
    got = await served.rest(
        "entities/query", {"collectionName": "c", "filter": "", "outputFields": ["n", "small"]}
    )
    assert got["data"] == [{"id": 1, "n": None, "small": 7}, {"id": 2, "n": None, "small": 7}]


async def test_of_a_key_that_is_given_twice_the_last_counts(served):
    made = await served.make()
    told = await served.ok(
        "Upsert", put([{"id": 1, "v": [1, 2], "n": 1}, {"id": 1, "v": [1, 2], "n": 2}], made, "Upsert")
    )
    assert list(told.IDs.int_id.data) == [1, 1]
    assert await served.ids("n == 2") == [1]
    assert await served.ids("n == 1") == []


@pytest.mark.parametrize(
    "row",
    [
        {"id": 1, "v": [1, 2]},
        {"id": 1, "t": "a"},
        {**ROW, "t": "éééé"},
        {**ROW, "t": None},
        {**ROW, "small": 128},
        {**ROW, "tags": [1, 2, 3, 4]},
        {**ROW, "j": "x" * 70_000},
        {**ROW, "v": [float("nan"), 1]},
    ],
)  # fmt: skip
async def test_a_row_that_milvus_refuses_changes_nothing(served, row):
    made = await served.make(TYPED)
    code, _ = await served.refused("Insert", put([{**ROW, "id": 9}, row], made))
    assert code == 1100
    assert await served.ids("id >= 0") == []


async def test_keys_have_a_length(served):
    made = await served.make(schema(text=True))
    code, reason = await served.refused("Insert", put([{"id": "x" * 21, "v": [1, 2]}], made))
    assert code == 1100
    assert "max length: 20" in reason
    other = put([{"id": 5, "v": [1, 2]}], schema())
    assert (await served.refused("Insert", other))[0] == 1100


async def test_nothing_is_no_insert(served):
    made = await served.make()
    assert (await served.refused("Insert", put([], made)))[0] == 1100


async def test_computed_fields_are_milvus_own(served, store):
    made = schema()
    made.fields[1].is_function_output = True
    await served.make(made)
    assert (await served.refused("Insert", put(rows(1), made)))[0] == 10


async def test_operations_on_fields_are_milvus_own(served):
    made = await served.make()
    message = put(rows(1), made, "Upsert", namespace="x")
    assert (await served.refused("Upsert", message))[0] == 10


async def test_a_part_of_a_record(served):
    made = await served.make(TYPED)
    await served.ok("Insert", put([{**ROW, "n": 5, "tags": [1]}], made))
    part = put([{"id": 1, "t": "new"}], made, "Upsert", partial_update=True)
    await served.ok("Upsert", part)
    got = await served.rest("entities/get", {"collectionName": "c", "id": 1})
    assert got["data"] == [
        {"id": 1, "v": [1.0, 2.0], "t": "new", "n": 5, "tags": [1], "small": 7, "j": None, "f": None}
    ]
    fresh = put([{"id": 2, "t": "new"}], made, "Upsert", partial_update=True)
    assert (await served.refused("Upsert", fresh))[0] == 1100
    whole = put([{**ROW, "id": 3}], made, "Upsert", partial_update=True)
    await served.ok("Upsert", whole)
    assert await served.ids("small == 7") == [1, 3]


async def test_partitions(served):
    made = await served.make()
    await served.ok("CreatePartition", collection_name="c", partition_name="p")
    await served.ok("Insert", put(rows(2), made))
    await served.ok("Insert", put([{"id": 7, "v": [1, 2]}], made, partition_name="p"))
    assert await served.ids("id >= 0", partition_names=["p"]) == [7]
    assert await served.ids("id >= 0", partition_names=["_default"]) == [0, 1]
    assert await served.ids("id in [7, 1]", partition_names=["p"]) == [7]
    assert (await served.refused("Insert", put(rows(1), made, partition_name="q")))[0] == 200
    part = put([{"id": 7, "k": 1}], made, "Upsert", partial_update=True)
    await served.ok("Upsert", part)
    assert await served.ids("k == 1", partition_names=["p"]) == [7]
    gone = await served.ok("Delete", collection_name="c", expr="id in [1, 7]", partition_name="p")
    assert gone.delete_cnt == 1
    assert await served.ids("id >= 0") == [0, 1]


async def test_deletes(served):
    made = await served.make()
    await served.ok("Insert", put(rows(6), made))
    assert (await served.ok("Delete", collection_name="c", expr="id in [1, 99]")).delete_cnt == 2
    assert (await served.ok("Delete", collection_name="c", expr="n > 2 and n < 5")).delete_cnt == 2
    assert await served.ids("id >= 0") == [0, 2, 5]
    assert (await served.refused("Delete", collection_name="c", expr=" "))[0] == 1100
    assert (await served.refused("Delete", collection_name="c", expr="n >"))[0] == 1100
    assert (await served.refused("Delete", collection_name="x", expr="id in [1]"))[0] == 100
