"""What takes more than one call: replacing whole, finding the bad row, loading what is not loaded."""

from __future__ import annotations

import numpy as np
import pytest
from pymilvus import DataType

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.errors import StoreError, Throttled, Unresolved, Unsupported
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.milvus import open_store
from vectormigrate.stores.milvus.pb import milvus_pb2, schema_pb2

from .scripted import ScriptedMilvus, status

VECTORS = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]


def batch_of(ids, payload, partition=None):
    values = np.arange(4 * len(ids), dtype=np.float32).reshape(-1, 4)
    return Batch(list(ids), {"vec": DenseColumn(values)}, payload, partition)


async def test_an_upsert_leaves_nothing_of_the_old_record(subject):
    shape = await subject.create(fields=[], dynamic=True)
    await subject.store.upsert(shape.name, batch_of(["a", "b"], [{"old": 1, "both": 1}, {"old": 2}]))
    await subject.store.upsert(shape.name, batch_of(["a"], [{"both": 2}]), fresh=True)
    assert (await subject.store.fetch(shape.name, ["a", "b"])).payload == [{"both": 2}, {"old": 2}]


async def test_a_record_that_loses_a_key_is_replaced_in_one_request(subject, vendor, monkeypatch):
    """A process that died between a delete and an upsert would have lost it."""
    shape = await subject.create(fields=[], dynamic=True)
    await subject.store.upsert(shape.name, batch_of(["a", "b"], [{"old": 1}, {"old": 2}]))
    vendor.flush(shape.name)
    asked = []
    link = subject.store._link
    monkeypatch.setattr(
        link, "call", lambda method, *words, **more: asked.append(method) or call(method, *words, **more)
    )
    call = type(link).call.__get__(link)
    await subject.store.upsert(shape.name, batch_of(["a"], [{"new": 3}]))
    assert [method for method in asked if method not in ("Query", "GetLoadState")] == ["Insert"]
    vendor.flush(shape.name)
    assert (await subject.store.count(shape.name), await held(subject, shape)) == (
        2,
        {"a": {"new": 3}, "b": {"old": 2}},
    )


async def held(subject, shape):
    """Payloads by id, by scan."""
    pages = [page.batch async for page in subject.store.scan(shape.name, _everything())]
    return {one: payload for batch in pages for one, payload in zip(batch.ids, batch.payload, strict=True)}


async def test_a_record_that_moves_is_gone_from_where_it_was(subject, vendor):
    shape = await subject.create(partitions=("one", "two"))
    await subject.store.upsert(shape.name, batch_of(["a", "b"], [{}, {}], ["one", None]))
    vendor.flush(shape.name)
    await subject.store.upsert(shape.name, batch_of(["a", "b"], [{}, {}], ["two", "one"]))
    assert (await subject.store.fetch(shape.name, ["a", "b"])).partition == ["two", "one"]
    held = {
        name: [row["key"] for row in vendor.query(shape.name, 'key >= ""', ["key"], partition_names=[name])]
        for name in ("_default", "one", "two")
    }
    assert held == {"_default": [], "one": ["b"], "two": ["a"]}


async def test_a_collection_that_makes_its_ids_is_read_and_not_written(subject, vendor):
    name = subject.new_name()
    schema = vendor.create_schema(auto_id=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vec", DataType.FLOAT_VECTOR, dim=4)
    vendor.create_collection(name, schema=schema)
    vendor.insert(name, [{"vec": vector} for vector in VECTORS])
    ids = [page.batch.ids async for page in subject.store.scan(name, _everything())]
    assert len(ids[0]) == 2
    with pytest.raises(Unsupported, match="own ids"):
        await subject.store.upsert(name, batch_of([1], [{}]))


async def test_fields_narrower_than_the_model_refuse_what_does_not_fit(subject, vendor):
    name = subject.new_name()
    schema = vendor.create_schema()
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=10)
    schema.add_field("vec", DataType.FLOAT_VECTOR, dim=4)
    schema.add_field("single", DataType.FLOAT, nullable=True)
    schema.add_field("small", DataType.INT8, nullable=True)
    schema.add_field("text", DataType.VARCHAR, max_length=4, nullable=True)
    vendor.create_collection(name, schema=schema)
    payload = [{"single": 0.5}, {"single": 0.1}, {"small": 128}, {"small": -128}, {"text": "ééé"}, {}]
    ids = ["a", "b", "c", "d", "e", "eleven chars"]
    result = await subject.store.upsert(name, batch_of(ids, payload))
    assert {refusal.id for refusal in result.refused} == {"b", "c", "e", "eleven chars"}
    assert (await subject.store.fetch(name, ids)).ids == ["a", "d"]


def _everything():
    from vectormigrate.stores.base import Range

    return Range()


# Against a server that fails as it is told to.


def scripted(upsert) -> ScriptedMilvus:
    key = schema_pb2.FieldSchema(name="key", is_primary_key=True, data_type=DataType.VARCHAR)
    vector = schema_pb2.FieldSchema(name="vec", data_type=DataType.FLOAT_VECTOR)
    vector.type_params.add(key="dim", value="4")
    schema = schema_pb2.CollectionSchema(name="docs", fields=[key, vector])
    described = milvus_pb2.DescribeCollectionResponse(schema=schema)
    no_index = milvus_pb2.DescribeIndexResponse(status=status(700, 25, "index not found"))
    return ScriptedMilvus(
        DescribeCollection=lambda _r, _c: described,
        DescribeIndex=lambda _r, _c: no_index,
        ShowPartitions=lambda _r, _c: milvus_pb2.ShowPartitionsResponse(partition_names=["_default"]),
        Upsert=upsert,
    )


def keys_of(request):
    return list(request.fields_data[0].scalars.string_data.data)


async def test_the_row_that_a_server_refuses_is_found_and_the_others_are_kept():
    kept = []

    def upsert(request, _context):
        keys = keys_of(request)
        if "bad" in keys or "worse" in keys:
            return milvus_pb2.MutationResult(status=status(1100, 5, "one row is bad"))
        kept.extend(keys)
        return milvus_pb2.MutationResult()

    milvus = scripted(upsert)
    ids = ["a", "b", "bad", "c", "d", "worse", "e"]
    with milvus.running() as url:
        async with open_store(Endpoint("milvus", url)) as store:
            result = await store.upsert("docs", batch_of(ids, []))
    assert result.acknowledged == 5
    assert [(refusal.row, refusal.id) for refusal in result.refused] == [(2, "bad"), (5, "worse")]
    assert "one row is bad" in result.refused[0].error.message
    assert sorted(kept) == ["a", "b", "c", "d", "e"]


async def test_a_request_that_is_at_fault_itself_is_not_blamed_on_its_rows():
    def refuse(_request, _context):
        return milvus_pb2.MutationResult(status=status(1100, 5, "never"))

    milvus = scripted(refuse)
    with milvus.running() as url:
        async with open_store(Endpoint("milvus", url)) as store:
            with pytest.raises(StoreError, match="never") as caught:
                await store.upsert("docs", batch_of([f"id{number}" for number in range(200)], []))
    assert not caught.value.retryable
    assert milvus.calls["Upsert"] < 50


@pytest.mark.parametrize(("good", "kind"), [(0, Throttled), (1, Unresolved)])
async def test_a_write_that_fails_behind_an_applied_part_is_unresolved(good, kind):
    """One bad row splits the request; what fails after the first half is applied is no longer "not applied"."""
    answers = iter(
        [
            milvus_pb2.MutationResult(status=status(1100, 5, "one row is bad")),
            *[milvus_pb2.MutationResult()] * good,
        ]
    )
    throttled = milvus_pb2.MutationResult(status=status(8, 49, "rate limit"))
    milvus = scripted(lambda _r, _c: next(answers, throttled))
    with milvus.running() as url:
        async with open_store(Endpoint("milvus", url)) as store:
            with pytest.raises(kind):
                await store.upsert("docs", batch_of(["a", "b"], []))
