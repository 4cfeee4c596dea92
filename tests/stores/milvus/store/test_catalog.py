"""Collections as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conformance.subject import make_records, to_batch
from vectormigrate.daemon.foreseeing import plan
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.collection import Field, FieldType, IdKind
from vectormigrate.model.errors import CollectionExists, CollectionMissing, ShapeMismatch, Unsupported
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.stores.base import EVERYWHERE, Content
from vectormigrate.stores.milvus.pb import milvus_pb2, schema_pb2

from .scripted import ScriptedMilvus, status


async def test_a_collection_that_was_released_is_loaded_for_reading(subject, vendor):
    shape = await subject.create()
    records = make_records(shape, ["a", "b"])
    await subject.store.upsert(shape.name, to_batch(shape, records))
    await subject.store.finish_load(shape)
    vendor.release_collection(shape.name)
    assert (await subject.store.fetch(shape.name, ["b", "a"])).ids == ["b", "a"]


async def test_partitions_indexes_and_limits_are_described(subject):
    fields = [
        Field("tags", FieldType.ARRAY, True, FieldType.TEXT, 7),
        Field("t", FieldType.TEXT, False, None, 9),
    ]
    shape = await subject.create(IdKind.INT, fields=fields, partitions=("beta", "alpha"))
    assert shape.partitions == ("alpha", "beta")
    assert {field.name: field.max_length for field in shape.fields} == {"tags": 7, "t": 9}
    assert (await subject.store.describe(shape.name)) == shape


@pytest.mark.parametrize("kind", ["HNSW_SQ", "IVF_SQ8", "HNSW"])
async def test_an_index_of_fewer_bits_is_named_and_made_again(subject, vendor, kind):
    shape = await subject.create()
    [vector] = shape.vectors
    params = vendor.prepare_index_params()
    params.add_index(vector.name, index_type=kind, metric_type="COSINE", params={"M": 8, "nlist": 2})
    vendor.release_collection(shape.name)
    for name in vendor.list_indexes(shape.name):
        vendor.drop_index(shape.name, name)
    vendor.create_index(shape.name, params)
    [found] = (await subject.store.describe(shape.name)).vectors
    word = "" if kind == "HNSW" else f"milvus:{kind}"
    assert found.quantised == word
    assert word in {"", *subject.store.capabilities.quantises}
    again = await subject.create(vectors=[vector])
    wanted = (replace(vector, index=found.index),)
    await subject.store.finish_load(replace(again, vectors=wanted))
    assert [one.quantised for one in (await subject.store.describe(again.name)).vectors] == [word]


async def parted(subject):
    """A collection with two partitions, each as a collection of its own, and the records of each."""
    whole = await subject.create(IdKind.TEXT, partitions=("red", "blue"))
    shapes = [await subject.store.describe(f"{whole.name}/{name}") for name in ("red", "blue")]
    held = [make_records(shapes[0], ids) for ids in (["a", "b"], ["c"])]
    for shape, records in zip(shapes, held, strict=True):
        written = await subject.store.upsert(shape.name, to_batch(shape, records))
        assert (written.acknowledged, written.refused) == (len(records), ())
    return whole, shapes, held


async def test_a_partition_is_a_collection_by_itself(subject, vendor):
    whole, shapes, _ = await parted(subject)
    store = subject.store
    names = [shape.name for shape in shapes]
    assert await store.partitions(whole.name) == {
        "_default": f"{whole.name}/_default", "red": names[0], "blue": names[1],
    }  # fmt: skip
    assert [shape.partitions for shape in shapes] == [(), ()]
    assert [await store.count(name) for name in (*names, whole.name)] == [2, 1, 3]
    seen = [page.batch.ids async for page in store.scan(names[0], EVERYWHERE, content=Content.FULL)]
    assert seen == [["a", "b"]]
    assert (await store.fetch(names[1], ["a", "c"])).ids == ["c"]
    await store.delete(names[0], ["a", "c"])
    assert [await store.count(name) for name in names] == [1, 1]
    told = vendor.query(whole.name, "key >= ''", output_fields=["key"], partition_names=["red"])
    assert [row["key"] for row in told] == ["b"]


async def test_a_key_that_another_partition_has_is_not_taken_from_it(subject):
    _, shapes, held = await parted(subject)
    written = await subject.store.upsert(shapes[1].name, to_batch(shapes[1], held[0]))
    assert written.acknowledged == 0
    assert "in another partition" in written.refused[0].error.message
    assert await subject.store.count(shapes[0].name) == 2


async def test_a_partition_makes_its_collection_and_the_last_takes_it_along(subject):
    like = await subject.create(IdKind.TEXT)
    store = subject.store
    names = [f"{like.name}_parts/{name}" for name in ("a", "b")]
    for name in names:
        await store.check_create(replace(like, name=name))
        assert (await store.create(replace(like, name=name))).name == name
    with pytest.raises(CollectionExists):
        await store.create(replace(like, name=names[0]))
    await store.drop(names[0])
    await store.drop(names[0])
    assert f"{like.name}_parts" in await store.collections()
    with pytest.raises(CollectionMissing):
        await store.describe(names[0])
    await store.drop(names[1])
    assert f"{like.name}_parts" not in await store.collections()


async def test_a_collection_that_was_there_stays_without_its_partition(subject):
    like = await subject.create(IdKind.TEXT)
    made = await subject.store.create(replace(like, name=f"{like.name}/a"))
    await subject.store.drop(made.name)
    assert like.name in await subject.store.collections()


async def test_a_partition_has_the_fields_of_its_collection(subject):
    like = await subject.create(IdKind.TEXT)
    other = replace(like, name=f"{like.name}/a", fields=(Field("more", FieldType.INT),))
    for make in (subject.store.check_create, subject.store.create):
        with pytest.raises(ShapeMismatch, match="other fields"):
            await make(other)


async def test_a_plan_of_arrays_of_structs_names_them_before_anything_is_read():
    schema = schema_pb2.CollectionSchema(name="docs")
    schema.fields.add(name="pk", is_primary_key=True, data_type=schema_pb2.DataType.Int64)
    schema.struct_array_fields.add(name="chunks")
    answer = milvus_pb2.DescribeCollectionResponse(status=status(), schema=schema, collection_name="docs")
    milvus = ScriptedMilvus(
        "v2.6.0",
        DescribeCollection=lambda _request, _context: answer,
        ShowCollections=lambda _request, _context: milvus_pb2.ShowCollectionsResponse(status=status()),
    )
    with milvus.running() as url:
        asked = Specification("move", StoreRef("milvus", url, "docs"), StoreRef("memory", "there", "copy"))
        with pytest.raises(Unsupported, match="field 'chunks' of arrays of structs"):
            await plan(asked, Secrets())
    assert milvus.calls["DescribeCollection"]
    assert not milvus.calls.keys() & {"Query", "Search"}
