"""A search that Milvus answered, for another store to be asked."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fakes.front import FakeFront, FakeUpstream
from tests.stores.milvus.facade.answering import Served, search
from tests.stores.milvus.facade.test_rpc import FIXED, SHAPE
from vectormigrate.model.collection import CollectionShape, Metric, VectorField
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.stores.front import Access
from vectormigrate.stores.milvus.facade import observing
from vectormigrate.stores.milvus.facade.endpoints import SERVICE
from vectormigrate.stores.milvus.pb import milvus_pb2, schema_pb2
from vectormigrate.stores.raw import RpcCall, RpcReply


def answer():
    ids = schema_pb2.IDs(int_id=schema_pb2.LongArray(data=[3, 4]))
    return milvus_pb2.SearchResults(results=schema_pb2.SearchResultData(ids=ids, scores=[4.0, 9.0]))


EUCLID = CollectionShape(SHAPE.name, SHAPE.id, (VectorField("v", dim=2, metric=Metric.EUCLID),), SHAPE.fields)


def test_a_search_in_neutral_terms():
    query, matches = observing.found(search((1, 2), of=FIXED, dsl="n > 3", limit=7), answer(), EUCLID)
    np.testing.assert_array_equal(query.vector, [1, 2])
    assert (query.using, query.limit) == ("v", 7)
    assert query.filter == Compare(("n",), Comparison.GT, 3)
    assert [(match.id, match.score) for match in matches] == [(3, 2.0), (4, 3.0)]


def test_without_a_filter():
    query, _ = observing.found(search(of=FIXED), answer(), SHAPE)
    assert query.filter is None


@pytest.mark.parametrize(
    "words",
    [
        {"offset": 2},
        {"params": {"radius": 0.5}},
        {"round_decimal": 2},
        {"dsl": "n > "},
        {"dsl": "n ** 1 > 2"},
        {"dsl": "id > 5"},
        {"dsl": "x == 1"},
        {"group_by_field": "n"},
        {"metric_type": "L2"},
        {"partition_names": ["p"]},
    ],
)
def test_what_has_no_neutral_form(words):
    assert observing.found(search(of=FIXED, **words), answer(), SHAPE) is None


def test_what_is_no_answer():
    assert not observing.is_answer(None)
    assert not observing.is_answer(milvus_pb2.QueryResults())
    assert observing.is_answer(answer())


@pytest.mark.parametrize("shadowed", [True, False])
async def test_the_front_is_told_of_searches(shadowed):
    upstream = FakeUpstream(reply=RpcReply(answer().SerializeToString()))
    front = FakeFront(Access(upstream=upstream, shape=EUCLID, shadowed=shadowed))
    served = Served(front=front)
    call = RpcCall(SERVICE + "Search", search(of=FIXED).SerializeToString())
    assert await served.facade.rpc(call) is upstream.reply
    assert len(front.searches) == shadowed
    if shadowed:
        [(collection, seconds, found)] = front.searches
        assert (collection, seconds) == ("c", 0.0)
        assert [match.id for match in found()[1]] == [3, 4]
