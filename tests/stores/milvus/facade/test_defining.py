"""Collections, indexes, partitions and aliases made, changed and refused."""

from __future__ import annotations

import pytest

from tests.fakes.front import FakeFront
from tests.stores.milvus.facade.answering import Served, T, pairs, put, rows, schema
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.milvus.pb import milvus_pb2
from vectormigrate.stores.milvus.wire.native import native_of

C = {"collection_name": "c"}


async def test_a_collection_from_nothing(served):
    made = schema(more=[("t", T.VarChar, {"params": {"max_length": 7}})])
    await served.ok("CreateCollection", **C, schema=made.SerializeToString(), consistency_level=1)
    await served.ok("CreateCollection", **C, schema=made.SerializeToString(), consistency_level=1)
    told = await served.ok("DescribeCollection", **C)
    assert [(field.fieldID, field.name) for field in told.schema.fields] == [
        (100, "id"),
        (101, "v"),
        (102, "t"),
    ]
    assert (told.consistency_level, told.num_partitions, told.db_name) == (1, 1, "default")
    assert (await served.refused("DescribeIndex", **C))[0] == 700
    assert (await served.refused("LoadCollection", **C))[0] == 700
    assert (await served.ok("GetLoadState", **C)).state == 1
    params = pairs(index_type="HNSW", metric_type="IP", params={"M": 8})
    await served.ok("CreateIndex", **C, field_name="v", index_name="by_v", extra_params=params)
    await served.ok("CreateIndex", **C, field_name="v", index_name="by_v", extra_params=params)
    [index] = (await served.ok("DescribeIndex", **C)).index_descriptions
    assert (index.index_name, index.field_name) == ("by_v", "v")
    assert {pair.key: pair.value for pair in index.params}["metric_type"] == "IP"
    other = pairs(index_type="FLAT", metric_type="L2")
    await served.refused("CreateIndex", **C, field_name="v", extra_params=other)
    await served.ok("LoadCollection", **C)
    assert (await served.ok("GetLoadState", **C)).state == 3
    assert (await served.ok("GetLoadingProgress", **C)).progress == 100
    assert (await served.refused("DropIndex", **C, index_name="by_v"))[0] == 1100
    await served.ok("ReleaseCollection", **C)
    assert (await served.refused("Query", **C, expr="id > 0"))[0] == 101
    await served.ok("DropIndex", **C, index_name="by_v")
    assert (await served.refused("DescribeIndex", **C))[0] == 700
    await served.ok("DropCollection", **C)
    await served.ok("DropCollection", **C)
    assert (await served.ok("GetLoadState", **C)).state == 0
    assert not (await served.ok("HasCollection", **C)).value


async def test_states_of_an_index(served):
    await served.make()
    await served.ok("Insert", put(rows(3), schema()))
    [index] = (await served.ok("GetIndexStatistics", **C)).index_descriptions
    assert (index.indexed_rows, index.total_rows) == (3, 3)
    assert (await served.ok("GetIndexState", **C)).state == 3
    assert (await served.ok("GetIndexBuildProgress", **C)).indexed_rows == 3
    await served.ok("AlterIndex", **C, index_name="v")


async def test_truncating(served):
    await served.make()
    await served.ok("Insert", put(rows(3), schema()))
    await served.ok("TruncateCollection", **C)
    assert await served.ids("id >= 0") == []
    told = await served.ok("GetCollectionStatistics", **C)
    assert (told.stats[0].key, told.stats[0].value) == ("row_count", "0")


async def test_partitions(served):
    await served.make()
    await served.ok("CreatePartition", **C, partition_name="p")
    await served.ok("CreatePartition", **C, partition_name="p")
    shown = await served.ok("ShowPartitions", **C)
    assert (list(shown.partition_names), list(shown.inMemory_percentages)) == (["_default", "p"], [100, 100])
    assert list((await served.ok("ShowPartitions", **C, partition_names=["p"])).partition_names) == ["p"]
    assert (await served.ok("HasPartition", **C, partition_name="p")).value
    await served.ok("LoadPartitions", **C, partition_names=["p"])
    await served.ok("ReleasePartitions", **C, partition_names=["p"])
    assert (await served.refused("LoadPartitions", **C, partition_names=["q"]))[0] == 200
    await served.ok("Insert", put(rows(2), schema(), partition_name="p"))
    told = await served.ok("GetPartitionStatistics", **C, partition_name="p")
    assert told.stats[0].value == "2"
    assert (await served.refused("DropPartition", **C, partition_name="_default"))[0] == 1100
    await served.ok("DropPartition", **C, partition_name="p")
    await served.ok("DropPartition", **C, partition_name="p")
    assert await served.ids("id >= 0") == []
    assert not (await served.ok("HasPartition", **C, partition_name="p")).value


async def test_aliases(served):
    await served.make()
    await served.make(schema("d"))
    await served.ok("CreateAlias", **C, alias="a")
    await served.ok("CreateAlias", **C, alias="a")
    assert (await served.refused("CreateAlias", collection_name="d", alias="a"))[0] == 1602
    assert (await served.refused("CreateAlias", **C, alias="d"))[0] == 1601
    assert (await served.refused("CreateAlias", collection_name="x", alias="b"))[0] == 100
    assert (await served.ok("DescribeAlias", alias="a")).collection == "c"
    assert (await served.ok("DescribeCollection", collection_name="a")).schema.name == "c"
    assert (await served.refused("DropCollection", collection_name="a"))[0] == 1100
    await served.ok("AlterAlias", collection_name="d", alias="a")
    assert list((await served.ok("ListAliases", collection_name="d")).aliases) == ["a"]
    assert list((await served.ok("ListAliases")).aliases) == ["a"]
    assert (await served.refused("AlterAlias", **C, alias="b"))[0] == 1600
    assert (await served.refused("ListAliases", collection_name="x"))[0] == 100
    assert (await served.ok("HasCollection", collection_name="a")).value
    await served.ok("DropAlias", alias="a")
    assert (await served.refused("DescribeAlias", alias="a"))[0] == 1600


def changed(change):
    made = schema()
    change(made)
    return made


def _add(name, kind, **params):
    def change(made):
        column = made.fields.add(name=name, data_type=kind)
        for key, value in params.items():
            column.type_params.add(key=key, value=str(value))

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.fields.pop(0),
        lambda made: made.fields.pop(1),
        lambda made: setattr(made.fields[1], "is_primary_key", True),
        lambda made: setattr(made.fields[0], "data_type", T.Double),
        lambda made: setattr(made.fields[1], "name", "1v"),
        lambda made: setattr(made.fields[1], "name", "id"),
        lambda made: setattr(made.fields[1].type_params[0], "value", "0"),
        lambda made: setattr(made.fields[1].type_params[0], "value", "40000"),
        _add("t", T.VarChar),
        _add("t", T.VarChar, max_length=70_000),
        _add("a", T.Array),
        _add("b", T.BinaryVector, dim=7),
        lambda made: [_add(f"f{row}", T.Int64)(made) for row in range(70)],
    ],
)
async def test_a_schema_that_milvus_refuses(served, change):
    made = changed(change)
    assert (await served.refused("CreateCollection", **C, schema=made.SerializeToString()))[0] == 1100
    assert list((await served.ok("ShowCollections")).collection_names) == []


async def test_arrays_of_structs_are_refused_by_name(served):
    made = changed(lambda made: made.struct_array_fields.add(name="chunks"))
    code, reason = await served.refused("CreateCollection", **C, schema=made.SerializeToString())
    assert "'chunks'" in reason, code
    assert list((await served.ok("ShowCollections")).collection_names) == []


async def test_other_definitions_that_are_refused(served):
    assert (await served.refused("CreateCollection", **C, schema=b"\xff"))[0] == 1100
    made = changed(lambda made: made.functions.add(name="bm25"))
    assert (await served.refused("CreateCollection", **C, schema=made.SerializeToString()))[0] == 10
    await served.make()
    other = schema(dynamic=False).SerializeToString()
    assert (await served.refused("CreateCollection", **C, schema=other))[0] == 1100
    assert (await served.refused("CreateIndex", **C, field_name="x"))[0] == 1100
    unknown = pairs(index_type="FLAT", metric_type="BM25")
    assert (await served.refused("CreateIndex", **C, field_name="v", extra_params=unknown))[0] == 1100


async def test_beside_a_migration_everything_stays_as_it_was_made():
    store = MemoryStore(Endpoint("memory"), Database())
    shape = CollectionShape("c", IdField("id", IdKind.INT), (VectorField("v", dim=2, metric=Metric.COSINE),))
    await store.create(shape)
    after = Served(front=FakeFront(Access(store=store, shape=shape)))
    assert (await after.refused("CreateCollection", **C, schema=schema().SerializeToString()))[0] == 10
    for name, words in [
        ("CreatePartition", {"partition_name": "p"}),
        ("DropPartition", {"partition_name": "p"}),
        ("CreateAlias", {"alias": "a"}),
        ("DropIndex", {"index_name": "v"}),
        ("CreateIndex", {"field_name": "v", "extra_params": pairs(metric_type="L2")}),
    ]:
        assert (await after.refused(name, **C, **words))[0] == 10
    await after.ok("CreateIndex", **C, field_name="v", extra_params=pairs(metric_type="COSINE"))
    await after.ok("LoadCollection", **C)
    await after.ok("ReleaseCollection", **C)
    assert (await after.ok("GetLoadState", **C)).state == 3
    shown = await after.ok("ShowCollections", collection_names=["c", "x"])
    assert (list(shown.collection_names), list(shown.query_service_available)) == (["c"], [True])


async def test_the_other_names_of_a_migrated_collection_are_still_told():
    store = MemoryStore(Endpoint("memory"), Database())
    native = native_of(milvus_pb2.DescribeCollectionResponse(schema=schema()), (), ["a", "b"])
    shape = CollectionShape("c", IdField("id", IdKind.INT), (VectorField("v", dim=2),), native=native)
    await store.create(shape)
    after = Served(front=FakeFront(Access(store=store, shape=shape)))
    assert list((await after.ok("ListAliases", **C)).aliases) == ["a", "b"]
    assert list((await after.ok("DescribeCollection", **C)).aliases) == ["a", "b"]
    assert (await after.ok("DescribeAlias", alias="b")).collection == "c"


async def test_the_server_itself(served):
    assert (await served.ok("CheckHealth")).isHealthy
    assert (await served.ok("GetVersion")).version.startswith("2.")
    assert (await served.ok("Connect")).identifier > 0
    assert list((await served.ok("ListDatabases")).db_names) == ["default"]
    assert (await served.ok("AllocTimestamp")).timestamp < (await served.ok("AllocTimestamp")).timestamp
    assert (await served.rpc("GetComponentStates")).state.state_code == 1
    await served.make()
    await served.ok("Flush", collection_names=["c"])
    assert (await served.refused("Flush", collection_names=["x"]))[0] == 100
    assert (await served.ok("GetFlushState")).flushed
    await served.ok("FlushAll")
    assert (await served.ok("GetFlushAllState")).flushed
