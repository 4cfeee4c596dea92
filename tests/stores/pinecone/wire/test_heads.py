"""The head of a write: found without parsing numbers, and never mistaken."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Whole
from vectormigrate.stores.pinecone.wire import heads
from vectormigrate.stores.pinecone.wire.records import Malformed
from vectormigrate.stores.pinecone.wire.shape import Keys, Layout

ONE = Layout("demo", "values", None)
SHARED = Layout("demo", "values", None, keys=Keys.NAMESPACED, namespace="n")

tricky = st.text() | st.sampled_from(
    ['"values":[', '"values": [1]', 'values":[1', '\\"values\\":[', '"id":"no"', "]", '"']
)
metadata = st.dictionaries(
    tricky | st.just("values"), tricky | st.lists(tricky) | st.integers() | st.lists(st.integers())
)
vectors = st.lists(
    st.fixed_dictionaries(
        {"id": tricky, "values": st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4)},
        optional={
            "metadata": metadata,
            "sparseValues": st.fixed_dictionaries({"indices": st.just([1]), "values": st.just([0.5])}),
        },
    ),
    max_size=5,
)


@given(vectors, st.none() | tricky, st.booleans())
def test_numbers_are_stepped_over_and_nothing_else(vectors, namespace, spaced):
    body = {"vectors": vectors, **({} if namespace is None else {"namespace": namespace})}
    raw = (json.dumps(body) if spaced else json.dumps(body, separators=(",", ":"))).encode()
    padded = raw[:-1] + b" " * 3000 + raw[-1:]  # long enough to be skimmed
    assert heads._skim(padded) != padded or not any(vector["values"] for vector in vectors)
    for one in (raw, padded):
        head = heads.read_head(one)
        assert [item.id for item in head.vectors] == [vector["id"] for vector in vectors]
        assert head.namespace == namespace


@pytest.mark.parametrize(
    "vector",
    [
        {"id": "a", "values": [[1, 2], [3]]},
        {"id": "a", "values": [{"x": [1]}]},
        {"id": "a", "values": ["]", 1]},
    ],
)
def test_lists_of_anything_else_are_left_to_the_parser(vector):
    body = orjson.dumps({"vectors": [vector, {"id": "b", "values": [0.5] * 1000}]})
    assert [item.id for item in heads.read_head(body).vectors] == ["a", "b"]


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b'{"vectors":[{}]}', b'{"ids":"a"}', b"{" + b" " * 3000, b"\xff" * 3000]
)
def test_a_body_that_is_none_is_refused(body):
    with pytest.raises(Malformed):
        heads.read_head(body)


def test_where_namespaces_share_a_collection_keys_carry_them():
    head = heads.read_head(b'{"ids":["a","a","b"]}')
    assert heads.touches("delete", head, ONE) == [Ids(("a", "b"), removes=True)]
    assert heads.touches("delete", head, SHARED) == [Ids((("n", "a"), ("n", "b")), removes=True)]


def test_clearing_a_part_of_a_collection_is_not_clearing_it():
    assert heads.clearing(ONE) == Whole(Scope.CLEAR)
    assert heads.clearing(ONE, drops=True) == Whole(Scope.DROP)
    assert heads.clearing(SHARED, drops=True) == Matching(None, removes=True)


def test_what_an_action_does_not_read_does_not_count():
    head = heads.read_head(b'{"vectors":[{"id":"a"}],"deleteAll":true,"filter":{"x":1},"ids":["b"],"id":"c"}')
    assert heads.touches("upsert", head, ONE) == [Ids(("a",))]
    assert heads.touches("update", head, ONE)[1:] == [Ids(("c",))]
    assert [type(one) for one in heads.touches("delete", head, ONE)] == [Whole, Matching, Ids]
    assert heads.touches("update", heads.Head(), ONE) == [Unknown("a Pinecone update that names no records")]


@pytest.mark.parametrize("body", [b'{"text":"x"}', b'{"_id":5}', b"[]", b'{"_id":"a"}\nnonsense'])
def test_texts_without_ids_are_refused(body):
    with pytest.raises(Malformed):
        heads.record_touches(body, ONE)


@pytest.mark.parametrize(
    ("body", "namespace"), [(b"{}", "__default__"), (b"", "__default__"), (b'{"namespace":"n"}', "n")]
)
def test_the_namespace_of_a_body(body, namespace):
    assert heads.read_namespace(body) == namespace
