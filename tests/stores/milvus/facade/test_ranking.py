"""Rankings that only Milvus makes: Milvus Lite is behind the facade, and asked itself beside it."""

from __future__ import annotations

import numpy as np
import pytest
from pymilvus import AnnSearchRequest, DataType, Function, FunctionType, RRFRanker

from tests.stores.milvus.facade.answering import Served, T, pairs, search
from tests.stores.milvus.facade.answering import schema as schema_of
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Native
from vectormigrate.model.query import Query
from vectormigrate.stores.front import Standing
from vectormigrate.stores.milvus.facade.answering import REQUESTS
from vectormigrate.stores.milvus.facade.problems import INVALID, UNIMPLEMENTED
from vectormigrate.stores.milvus.pb import common_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.rows import write_targets
from vectormigrate.stores.milvus.wire.schema import read_layout

NAME = "ranked"


@pytest.fixture
async def served(vendor, subject):
    """Thirty records in a collection that a vendor's client made, behind a facade."""
    made = vendor.create_schema(enable_dynamic_field=True)
    made.add_field("id", DataType.INT64, is_primary=True)
    made.add_field("v", DataType.FLOAT_VECTOR, dim=2)
    made.add_field("a", DataType.INT64)
    made.add_field("f", DataType.FLOAT)
    made.add_field("at", DataType.TIMESTAMPTZ, nullable=True)
    indexes = vendor.prepare_index_params()
    indexes.add_index("v", index_type="FLAT", metric_type="L2")
    vendor.drop_collection(NAME)
    vendor.create_collection(NAME, schema=made, index_params=indexes, consistency_level="Strong")
    vendor.create_partition(NAME, "other")
    vendor.insert(NAME, [{"id": n, "v": [n, 1.0], "a": n % 4, "f": n / 3} for n in range(30)])
    yield Served(front=Standing(subject.store))
    vendor.drop_collection(NAME)


def near(*vectors, **words):
    message = search(vectors[0], limit=words.pop("limit", 3), **words)
    message.collection_name = NAME
    if len(vectors) > 1:
        [column] = read_layout(schema_of()).vectors
        message.placeholder_group = write_targets([list(one) for one in vectors], column)
        message.nq = len(vectors)
    return message


def decay(message, **more):
    function = message.function_score.functions.add(name="later", type=schema_pb2.FunctionType.Rerank)
    function.input_field_names.append("a")
    told = {"reranker": "decay", "function": "gauss", "origin": "3", "scale": "2", **more}
    function.params.extend(pairs(**told))
    return message


def hybrid(*parts, **words):
    return REQUESTS["HybridSearch"](collection_name=NAME, requests=parts, rank_params=pairs(**words))


def told(results):
    """Ids and scores of each ranking."""
    ids, scores = iter(results.ids.int_id.data), iter(results.scores)
    return [[(next(ids), pytest.approx(next(scores), abs=1e-5)) for _ in range(top)] for top in results.topks]


def own(hits):
    return [[(hit["id"], hit["distance"]) for hit in one] for one in hits]


async def test_full_groups_are_what_the_other_makes_of_them(served, vendor):
    asked = ((3.0, 1.0), (20.0, 1.0))
    for size in (2, 8, 9):
        words = {"group_by_field": "a", "group_size": size, "strict_group_size": True}
        results = (await served.ok("Search", near(*asked, output_fields=["f"], **words))).results
        theirs = vendor.search(
            NAME, [list(one) for one in asked], limit=3, anns_field="v", output_fields=["f", "a"], **words
        )
        assert told(results) == own(theirs)
        values = list(results.group_by_field_value.scalars.long_data.data)
        assert values == [hit["entity"]["a"] for hits in theirs for hit in hits]
        [column] = [one for one in results.fields_data if one.field_name == "f"]
        assert list(column.scalars.float_data.data) == [
            np.float32(hit["entity"]["f"]) for hits in theirs for hit in hits
        ]
    assert told(results)[0] == []  # no group has nine


async def test_rankers_are_the_others(served):
    results = (await served.ok("Search", decay(near((3, 1), limit=4)))).results
    [ranking] = told(results)
    assert ranking[0][0] == 3
    assert ranking[0][1] == 1.0
    parts = near((3, 1), limit=5), near((9, 1), limit=5)
    results = (await served.ok("HybridSearch", decay(hybrid(*parts, limit=2)))).results
    assert len(told(results)[0]) == 2
    grouped = hybrid(*parts, limit=2, group_by_field="a", strategy="rrf", params={"k": 60})
    results = (await served.ok("HybridSearch", grouped)).results
    assert len({*results.group_by_field_value.scalars.long_data.data}) == 2


def parted(message):
    message.partition_names.append("other")
    return message


def by_keys(message):
    message.ids.int_id.data.append(3)
    return message


FULL = {"group_by_field": "a", "strict_group_size": True}


@pytest.mark.parametrize(
    ("message", "code", "said"),
    [
        (
            near((3, 1), dsl="at is not null", **FULL),
            UNIMPLEMENTED,
            "field 'at' is kept by the target in another type",
        ),
        (decay(near((3, 1)), filter="at is null"), UNIMPLEMENTED, "field 'at'"),
        (parted(near((3, 1), **FULL)), UNIMPLEMENTED, "some partitions"),
        (by_keys(near((3, 1), **FULL)), UNIMPLEMENTED, "not answered here"),
        (decay(near((3, 1), order_by_fields="a")), UNIMPLEMENTED, "order_by_fields"),
        (near((3, 1), limit=0, **FULL), INVALID, "topk"),
        (near((3, 1), group_by_field="none", strict_group_size=True), INVALID, "not found"),
        (near((3, 1), dsl="a >", **FULL), INVALID, ""),
    ],
)
async def test_what_is_not_passed_on(served, message, code, said):
    given, reason = await served.refused("Search", message)
    assert (given, said in reason) == (code, True), reason


async def test_words_are_milvus_own(served, subject):
    for words, where in (
        (Native("qdrant", ("Search", b"")), None),
        (Native("milvus", ("Search", b"")), Native("milvus", ("a > 1", {}))),
    ):
        with pytest.raises(Unsupported):
            await subject.store.query(NAME, Query(np.zeros(0), "", words=words, filter=where))


async def test_no_other_store_is_asked(store):
    other = Served(store)
    await other.make(schema_of(more=[("a", T.Int64, {})]))
    code, reason = await other.refused("Search", search((1, 0), **FULL))
    assert (code, "full" in reason) == (UNIMPLEMENTED, True)


def worded(text, **words):
    """A search for words."""
    message = near((0, 0), **words)
    message.search_params[0].value = "sparse"
    group = common_pb2.PlaceholderGroup()
    group.placeholders.add(tag="$0", type=common_pb2.PlaceholderType.VarChar, values=[text.encode()])
    message.placeholder_group = group.SerializeToString()
    return message


async def test_words_are_looked_for_in_another_milvus_and_in_no_other_store(vendor, subject):
    made = vendor.create_schema()
    made.add_field("id", DataType.INT64, is_primary=True)
    made.add_field("v", DataType.FLOAT_VECTOR, dim=2)
    made.add_field("t", DataType.VARCHAR, max_length=50, enable_analyzer=True)
    made.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    made.add_function(Function("bm25", FunctionType.BM25, ["t"], ["sparse"]))
    indexes = vendor.prepare_index_params()
    indexes.add_index("v", index_type="FLAT", metric_type="L2")
    indexes.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    vendor.drop_collection(NAME)
    vendor.create_collection(NAME, schema=made, index_params=indexes, consistency_level="Strong")
    texts = ["tea and milk", "coffee", "tea, and more tea", "milk"]
    vendor.insert(NAME, [{"id": n, "v": [n, 1.0], "t": text} for n, text in enumerate(texts)])
    [direct] = vendor.search(NAME, data=["tea"], anns_field="sparse", limit=3, output_fields=["t"])
    served = Served(front=Standing(subject.store))
    reply = await served.ok("Search", worded("tea", output_fields=["t"]))
    assert list(reply.results.ids.int_id.data) == [hit["id"] for hit in direct]
    assert [hit["id"] for hit in direct] == [2, 0]
    assert list(reply.results.scores) == pytest.approx([hit["distance"] for hit in direct])
    [told] = [one for one in reply.results.fields_data if one.field_name == "t"]
    assert list(told.scalars.string_data.data) == [texts[2], texts[0]]
    both = REQUESTS["HybridSearch"](collection_name=NAME, requests=[near((0, 1)), worded("coffee")])
    both.rank_params.extend(pairs(strategy="rrf", params={"k": 60}, limit=2))
    [fused] = vendor.hybrid_search(
        NAME,
        [
            AnnSearchRequest([[0.0, 1.0]], "v", {}, 3),
            AnnSearchRequest(["coffee"], "sparse", {}, 3),
        ],
        RRFRanker(60),
        limit=2,
    )
    results = (await served.ok("HybridSearch", both)).results
    assert list(results.ids.int_id.data) == [hit["id"] for hit in fused]
    vendor.drop_collection(NAME)
