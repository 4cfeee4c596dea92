"""Searches over a store: Milvus' scores, ranges, windows, and what it would refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.fakes.front import FakeFront
from tests.stores.milvus.facade.answering import Served, T, pairs, put, schema, search
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import HasId
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access, Standing
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.milvus.facade.problems import UNIMPLEMENTED
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.native import native_of
from vectormigrate.stores.milvus.wire.rows import write_targets
from vectormigrate.stores.milvus.wire.schema import Column, read_layout, read_shape

LINE = [{"id": row, "v": [row, 0], "n": row, "name": f"n{row}"} for row in range(10)]


@pytest.fixture
async def line(served):
    """Ten records in a line, compared by L2."""
    await served.make(schema(), "L2")
    await served.ok("Insert", put(LINE, schema()))
    return served


async def hits(served, *given, **words):
    results = (await served.ok("Search", search(*given, **words))).results
    return list(zip(results.ids.int_id.data, results.scores, strict=True))


async def test_l2_is_squared_and_windows_count_from_the_nearest(line):
    assert await hits(line, (3, 0), limit=3) == [(3, 0.0), (2, 1.0), (4, 1.0)]
    assert await hits(line, (3, 0), limit=2, offset=3) == [(1, 4.0), (5, 4.0)]
    assert len(await hits(line, (3, 0), limit=100)) == 10


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"radius": 4.0}, [3, 2, 4]),
        ({"radius": 10.0, "range_filter": 1.0}, [2, 4, 1, 5, 0, 6]),
        ({"range_filter": 30.0}, [9]),
        ({"radius": 10.0, "range_filter": 4.0}, [1, 5, 0, 6]),
    ],
)
@pytest.mark.parametrize("limit", [2, 10])
async def test_a_range_of_distances(line, params, found, limit):
    asked = await hits(line, (3, 0), limit=limit, params=params)
    assert [one for one, _ in asked] == found[:limit]


async def test_a_range_of_similarities(served):
    await served.make(schema(), "IP")
    await served.ok("Insert", put(LINE, schema()))
    assert await hits(served, (1, 0), params={"radius": 5.0, "range_filter": 7.0}) == [(7, 7.0), (6, 6.0)]


async def test_scores_are_rounded_by_request(served):
    await served.make()
    await served.ok("Insert", put([{"id": 1, "v": [1, 1]}], schema()))
    assert await hits(served, (1, 0), round_decimal=2) == [(1, pytest.approx(0.71))]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("n > 4 and n < 8", [5, 6, 7]),
        ('name like "n1%"', [1]),
        ("id >= 8", [8, 9]),
        ("id in [9, 2]", [2, 9]),
        ("not (id in [0, 1, 2, 3, 4, 5, 6, 7])", [8, 9]),
        ("n == 77", []),
    ],
)
async def test_only_what_matches_is_found(line, where, found):
    assert [one for one, _ in await hits(line, (0, 0), dsl=where)] == found


async def test_what_of_a_record_is_answered(line):
    results = (await line.ok("Search", search((3, 0), limit=1, output_fields=["name", "id"]))).results
    assert list(results.output_fields) == ["id", "name"]
    assert [field.field_name for field in results.fields_data] == ["id", "$meta"]
    assert results.fields_data[1].scalars.json_data.data[0] == b'{"name":"n3"}'
    bare = (await line.ok("Search", search((3, 0), limit=1))).results
    assert len(bare.fields_data) == 0
    assert bare.primary_field_name == "id"


async def test_several_at_once(line):
    message = search((3, 0), limit=2)
    group = common_pb2.PlaceholderGroup.FromString(message.placeholder_group)
    group.placeholders[0].values.append(np.array([9, 0], "<f4").tobytes())
    message.placeholder_group, message.nq = group.SerializeToString(), 2
    results = (await line.ok("Search", message)).results
    assert (list(results.topks), results.num_queries) == ([2, 2], 2)
    assert list(results.ids.int_id.data) == [3, 2, 9, 8]


async def test_partitions(line):
    await line.ok("CreatePartition", collection_name="c", partition_name="p")
    await line.ok("Insert", put([{"id": 50, "v": [100, 0]}], schema(), partition_name="p"))
    assert await hits(line, (0, 0), limit=1, partition_names=["p"]) == [(50, 10_000.0)]
    assert len(await hits(line, (0, 0), limit=20, partition_names=["_default"])) == 10
    assert len(await hits(line, (0, 0), limit=20, partition_names=["_default", "p"])) == 11
    assert (await line.refused("Search", search(partition_names=["q"])))[0] == 200


async def test_sparse_vectors_find_only_what_they_share(served):
    made = schema(more=[("s", T.SparseFloatVector, {})])
    await served.make(made)
    held = [{"id": row, "v": [1, 0], "s": {str(row): 1.0, "50": 0.5}} for row in range(6)]
    await served.ok("Insert", put([*held, {"id": 9, "v": [1, 0], "s": {"3": -0.0}}], made))
    message = search(of=made)
    message.placeholder_group = write_targets([{"3": 2.0, "77": 1.0}], Column("s", T.SparseFloatVector))
    del message.search_params[:]
    message.search_params.extend(pairs(anns_field="s", topk=1))
    results = (await served.ok("Search", message)).results
    assert list(results.ids.int_id.data) == [3]
    del message.search_params[:]
    message.search_params.extend(pairs(anns_field="s", topk=9))
    results = (await served.ok("Search", message)).results
    assert list(results.ids.int_id.data) == [3, 9]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"limit": 0}, 1100),
        ({"limit": 16_385}, 1100),
        ({"limit": 10, "offset": 16_380}, 1100),
        ({"limit": 10, "offset": -1}, 1100),
        ({"offset": "x"}, 1100),
        ({"metric_type": "IP"}, 1100),
        ({"params": {"radius": "far"}}, 1100),
        ({"dsl": "n >"}, 1100),
        ({"dsl": "n ** 1 == 2"}, 10),
        ({"group_by_field": "n"}, 1100),
        ({"rank_params": "x"}, 10),
        ({"output_fields": ["v"], "order_by_fields": "n"}, 10),
    ],
)
async def test_what_is_refused(line, words, code):
    assert (await line.refused("Search", search(**words)))[0] == code


async def test_vectors_that_do_not_fit(line):
    message = search()
    for kind, raw in [
        (T.FloatVector, np.zeros(3, "<f4").tobytes()),
        (T.BinaryVector, b"ab"),
        (T.VarChar, b"text"),
        (T.FloatVector, np.array([np.nan, 1], "<f4").tobytes()),
    ]:
        group = common_pb2.PlaceholderGroup()
        group.placeholders.add(tag="$0", type=kind, values=[raw])
        message.placeholder_group = group.SerializeToString()
        assert (await line.refused("Search", message))[0] == 1100
    message.placeholder_group = b""
    assert (await line.refused("Search", message))[0] == 1100


async def test_which_vector_must_be_said_where_there_are_several(served):
    made = schema(more=[("w", T.FloatVector, {"params": {"dim": 2}})])
    await served.make(made)
    for using in ("", "nowhere"):
        message = search(of=made)
        del message.search_params[:]
        message.search_params.extend(pairs(anns_field=using, topk=3))
        assert (await served.refused("Search", message))[0] == 1100


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.sub_reqs.add(),
        lambda m: setattr(m, "search_by_primary_keys", True),
        lambda m: m.ids.int_id.data.append(1),
        lambda m: m.function_score.SetInParent(),
    ],
)
async def test_other_rankings_are_milvus_own(line, change):
    message = search()
    change(message)
    assert (await line.refused("Search", message))[0] == 10


SHAPE = CollectionShape(
    "c",
    IdField("id", IdKind.INT, KeyOrder.NUMERIC),
    (VectorField("v", dim=2, metric=Metric.EUCLID),),
    dynamic=True,
)


async def test_a_store_without_words_for_a_filter_is_given_keys(line):
    class Wordless(MemoryStore):
        asked = ()

        async def query(self, collection, query):
            self.asked = (*self.asked, query.filter)
            if not isinstance(query.filter, HasId):
                raise Unsupported("no words")
            return await super().query(collection, query)

    store = Wordless(Endpoint("memory"), Database())
    await store.create(SHAPE)
    after = Served(front=FakeFront(Access(store=store, shape=SHAPE)))
    await after.ok("Insert", put(LINE, schema()))
    assert [one for one, _ in await hits(after, (0, 0), dsl="id in [4, 3]")] == [3, 4]
    assert [one for one, _ in await hits(after, (0, 0), dsl="n in [7]")] == [7]
    assert store.asked[-1] == HasId((7,))


async def test_a_search_for_words_is_milvus_own_and_rows_are_taken(store):
    """Milvus makes that vector of the text by itself: an application never gives it."""
    more = [("t", T.VarChar, {"params": {"max_length": 9}}), ("sparse", T.SparseFloatVector, {})]
    made = schema(more=more)
    made.fields[-1].is_function_output = True
    function = made.functions.add(type=schema_pb2.FunctionType.BM25, name="bm25")
    function.input_field_names.append("t")
    function.output_field_names.append("sparse")
    described = milvus_pb2.DescribeCollectionResponse(schema=made, collection_name="c")
    shape = replace(read_shape(read_layout(made), (), ()), native=native_of(described, ()))
    vectors = tuple(replace(one, metric=Metric.COSINE) for one in shape.vectors)
    await store.create(replace(shape, vectors=vectors))
    served = Served(front=Standing(store))
    await served.ok("Insert", put([{"id": 1, "v": [1, 0], "t": "a word"}], made))
    assert await hits(served) == [(1, 1.0)]
    asked = search()
    asked.search_params[0].value = "sparse"
    code, told = await served.refused("Search", asked)
    assert code == UNIMPLEMENTED
    assert "a search for words in 't' is not answered here" in told
    unnamed = search()
    unnamed.search_params[0].value = ""
    assert "multiple anns_fields" in (await served.refused("Search", unnamed))[1]
