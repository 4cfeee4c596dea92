"""What is known of a point without reading it back: never more than its server would store."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.stores.qdrant.wire.certain import certain, keeps_as_given
from vectormigrate.stores.qdrant.wire.changes import read_changes

DENSE = VectorField("", dim=2, metric=Metric.DOT)


def shape(*vectors, native=None):
    return CollectionShape("c", IdField("id", IdKind.MIXED), vectors, native=native or {})


@pytest.mark.parametrize(
    ("vector", "kept"),
    [
        (DENSE, True),
        (replace(DENSE, metric=Metric.EUCLID), True),
        (replace(DENSE, metric=Metric.COSINE), False),
        (replace(DENSE, element=Element.FLOAT16), False),
        (replace(DENSE, element=Element.UINT8), False),
        (VectorField("s", VectorKind.SPARSE, metric=Metric.DOT), True),
    ],
)
def test_which_collections_keep_what_they_are_given(vector, kept):
    assert keeps_as_given(shape(vector)) is kept
    assert keeps_as_given(shape(DENSE, vector)) is kept


def test_not_one_with_a_datatype_that_the_model_does_not_know():
    assert not keeps_as_given(shape(DENSE, native={"qdrant": {"vectors": {"": {"datatype": "turbo4"}}}}))


def known(*points):
    text = b",".join(
        b'{"id":%d,"vector":%b,"payload":%b}' % (row, *point) for row, point in enumerate(points)
    )
    [change] = read_changes("upsert", b'{"points":[%b]}' % text)
    return certain(change, shape(DENSE)).ids


@pytest.mark.parametrize(
    ("payload", "sure"),
    [
        (b"{}", True),
        (b'{"a": 0.1, "b": 123456789012345, "c": "2026-01-01T00:00:00Z", "d": [1.5]}', True),
        (b'{"a": 0.12345678901234567}', False),
        (b'{"a": 1234567890123456789012}', False),
        (b'{"a": 1e300}', False),
        (b'{"a": 1.5E-7}', False),
    ],
)
def test_long_numbers_in_payloads_are_read_back(payload, sure):
    assert known((b"[1,2]", b"{}"), (b"[1,2]", payload)) == ([0, 1] if sure else [0])


def test_numbers_near_the_middle_between_two_floats_are_read_back():
    low = np.float32(1.0)
    middle = (float(low) + float(np.nextafter(low, np.float32(2)))) / 2
    near, far = float(np.nextafter(middle, 2)), middle + 1e-9
    texts = [
        orjson.dumps([number, 0.5]) for number in (1.0, far, middle, near, 1e-5, float(np.float32(0.1)), 0.0)
    ]
    assert known(*((text, b"{}") for text in texts)) == [0, 1, 4, 5, 6]


def test_numbers_beyond_what_a_float_has_all_its_bits_for_are_read_back():
    texts = [b"[1e-40, 1]", b"[1, 3.5e38]", b"[1e-37, 3e38]", b"[-1e-45, 0]", b"[-0.0, -3e38]", b"[1, -1e39]"]
    assert known(*((text, b"{}") for text in texts)) == [2, 4]


def test_of_an_id_that_is_given_twice_the_last_is_known():
    [change] = read_changes("upsert", b'{"points":[{"id":1,"vector":[1,1]},{"id":1,"vector":[2,2]}]}')
    batch = certain(change, shape(DENSE))
    assert (batch.ids, batch.vectors[""].values.tolist()) == ([1], [[2, 2]])
