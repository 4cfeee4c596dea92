"""Bodies of writes: what is read of them, and what may be left out before they are."""

from __future__ import annotations

import json
from uuid import UUID

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectormigrate.model.collection import VectorField
from vectormigrate.stores.qdrant.wire.changes import (
    Delete,
    Selected,
    SetPayload,
    Strange,
    Upsert,
    read_changes,
    without_numbers,
)

A = "0b0e0000-0000-0000-0000-00000000000a"

numbers = st.integers(0, 99).map(lambda seed: np.random.default_rng(seed).standard_normal(70).tolist())
tricky = st.sampled_from(
    [
        'a "quote" [0.5, 1',
        "]",
        "[0.12345, 0.5, 0.25, 0.125, 0.5, 0.25, 0.125, 0.5, 0.25, 0.125, 0.5]",
        "\\",
        '\\"',
        "é",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**63) | st.floats(-1, 1) | st.text(max_size=5) | tricky,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | tricky, inner, max_size=3)
        | numbers
    ),
    max_leaves=4,
)
vectors = (
    numbers
    | st.lists(numbers, min_size=1, max_size=2)
    | st.dictionaries(
        st.sampled_from(["text", "[0.5", "vector"]),
        numbers | st.builds(lambda held: {"indices": [*range(len(held))], "values": held}, numbers),
        max_size=2,
    )
)
ids = st.integers(0, 2**64 - 1) | st.uuids().map(str)
points = st.lists(
    st.fixed_dictionaries(
        {"id": ids, "vector": vectors}, optional={"payload": st.dictionaries(tricky, values, max_size=3)}
    ),
    min_size=3,
    max_size=5,
)


@given(
    points,
    st.sampled_from(
        [
            orjson.dumps,
            lambda body: json.dumps(body).encode(),
            lambda body: json.dumps(body, indent=1).encode(),
        ]
    ),
)
def test_without_its_numbers_a_body_names_the_same_ids(given_points, dump):
    body = dump({"points": given_points})
    short = without_numbers(body)
    [whole], [cut] = read_changes("upsert", body), read_changes("upsert", short)
    assert cut.ids == whole.ids
    assert len(short) <= len(body)


@settings(max_examples=60, deadline=None)
@given(points)
def test_so_does_a_batch_and_a_body_by_columns(given_points):
    columns = {
        "ids": [point["id"] for point in given_points],
        "vectors": [point["vector"] if isinstance(point["vector"], list) else {} for point in given_points],
        "payloads": [point.get("payload") for point in given_points],
    }
    body = orjson.dumps(
        {"operations": [{"upsert": {"batch": columns}}, {"delete": {"points": columns["ids"]}}]}
    )
    whole, cut = read_changes("batch", body), read_changes("batch", without_numbers(body))
    assert [whole[0].ids, whole[1]] == [cut[0].ids, cut[1]]


def test_what_is_cut_is_what_is_long():
    point = {"id": 1, "vector": [0.123456789] * 768, "payload": {"list": [0.5] * 4}}
    body = orjson.dumps({"points": [point] * 10})
    assert len(without_numbers(body)) < len(body) / 50
    assert without_numbers(b'{"points":[]}') == b'{"points":[]}'


def test_a_change_is_read():
    body = orjson.dumps(
        {"points": [{"id": 5, "vector": [1, 2], "payload": {"a": 1}}, {"id": A, "vector": [3, 4]}]}
    )
    [change] = read_changes("upsert", body)
    assert isinstance(change, Upsert)
    assert (change.ids, change.whole) == ((5, UUID(A)), True)
    batch = change.read([VectorField("", dim=2)])
    assert (batch.ids, batch.payload) == ([5, UUID(A)], [{"a": 1}, {}])
    assert batch.vectors[""].values.tolist() == [[1, 2], [3, 4]]


def test_so_are_the_others():
    assert read_changes("delete", b'{"points": [1]}') == [Delete(Selected((1,)))]
    assert read_changes("overwrite_payload", b'{"filter": {}, "payload": {"a": null}, "key": "x"}') == [
        SetPayload(Selected(None, {}), {"a": None}, None, replace=True)
    ]
    assert read_changes("batch", b'{"operations": [{"new": 1, "newer": 2}]}') == [Strange("new, newer")]


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("upsert", b"{"),
        ("upsert", b'{"points": [{"id": true, "vector": []}]}'),
        ("upsert", b'{"points": [{"vector": []}]}'),
        ("upsert", b'{"points": {}, "batch": {}}'),
        ("upsert", b'{"batch": {"ids": [1], "vectors": {}, "payloads": []}}'),
        ("delete", b'{"points": 5}'),
        ("delete", b'{"points": ["x"]}'),
        ("set_payload", b'{"points": [1], "payload": []}'),
        ("batch", b'{"operations": [{"upsert": {}}]}'),
        ("batch", b"{}"),
    ],
)
def test_what_cannot_be_read_is_told(operation, body):
    with pytest.raises(ValueError, match=r"\w"):
        read_changes(operation, body)


def test_points_without_vectors_by_columns():
    [change] = read_changes("upsert", b'{"batch": {"ids": [1, 2], "vectors": {}}}')
    assert change.read([VectorField("a", dim=1)]).vectors["a"].present.tolist() == [False, False]
