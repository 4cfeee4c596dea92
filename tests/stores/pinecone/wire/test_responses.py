"""Answers as Pinecone's clients read them."""

import numpy as np
import orjson
import pytest

from vectormigrate.model.collection import Metric
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.stores.pinecone.wire import responses
from vectormigrate.stores.pinecone.wire.shape import Layout

LAYOUT = Layout("demo", "values", "sparse", dim=2)
RECORD = Record(
    "a",
    {"values": np.array([0.1, 2], np.float32)},
    {"sparse": SparseVector(np.array([3, 9]), np.array([1, 0.5], np.float32))},
    payload={"n": 1, "none": None, "tags": [], "deep": {"x": 1}},
)


def test_a_vector_object_in_the_shortest_digits():
    shown = orjson.loads(responses.to_json(responses.vector_object(RECORD, LAYOUT)))
    assert shown == {
        "id": "a",
        "values": [0.1, 2.0],
        "sparseValues": {"indices": [3, 9], "values": [1.0, 0.5]},
        "metadata": {"n": 1, "tags": [], "_vm_meta": '{"deep":{"x":1}}'},
    }
    assert responses.vector_object(RECORD, LAYOUT, values=False, metadata=False) == {"id": "a", "values": []}
    assert "metadata" not in responses.vector_object(Record("a"), LAYOUT)


@pytest.mark.parametrize(
    ("metric", "shown"), [(Metric.COSINE, 0.5), (Metric.DOT, 0.5), (Metric.EUCLID, 0.25)]
)
def test_scores_in_pinecones_scale(metric, shown):
    assert responses.scored({"id": "a"}, metric, 0.5) == {"id": "a", "score": shown}


def test_errors_of_both_planes():
    assert responses.data_error("NOT_FOUND", "gone") == {"code": 5, "message": "gone", "details": []}
    assert responses.control_error("NOT_FOUND", "gone") == {
        "error": {"code": "NOT_FOUND", "message": "gone"},
        "status": 404,
    }


def test_a_search_of_pinecones_own_read_back():
    answer = {"matches": [{"id": "a", "score": 0.25}, {"id": "b"}]}
    request = {"vector": [1, 2], "topK": 2, "filter": {"x": 1}}
    query, matches = responses.read_search(request, answer, LAYOUT, Metric.EUCLID)
    assert (query.using, query.limit, query.vector.tolist()) == ("values", 2, [1, 2])
    assert [(match.id, match.score) for match in matches] == [("a", 0.5), ("b", 0.0)]


@pytest.mark.parametrize("request_", [{"id": "a"}, {"vector": [1, 2], "sparseVector": {"indices": [1]}}, {}])
def test_a_search_without_a_neutral_form(request_):
    assert responses.read_search({"topK": 1, **request_}, {"matches": []}, LAYOUT, Metric.DOT) is None
