"""Who answers."""

from __future__ import annotations

import pytest

from vectormigrate.model.collection import Element, Metric
from vectormigrate.stores.milvus.wire.server import parse_version


@pytest.mark.parametrize(
    ("text", "lite", "number", "version"),
    [
        ("milvus_lite-3.2.2", True, (3, 2), "3.2.2"),
        ("v2.3.5-lite", False, (2, 3), "2.3.5-lite"),
        ("v2.6.1", False, (2, 6), "2.6.1"),
        ("2.5.4", False, (2, 5), "2.5.4"),
        ("zilliz", False, (99, 0), "zilliz"),
    ],
)
def test_versions(text, lite, number, version):
    server = parse_version(text)
    assert (server.lite, server.number, server.version) == (lite, number, version)


def test_abilities_grow_with_the_version():
    old, middle, new = (parse_version(f"v2.{minor}.0").capabilities() for minor in (3, 4, 6))
    assert (old.sparse, middle.sparse) == (False, True)
    assert (old.max_vectors, middle.max_vectors) == (1, 4)
    assert Element.FLOAT16 in middle.elements - old.elements
    assert Element.INT8 in new.elements - middle.elements
    assert parse_version("v2.5.0").nullable_fields > parse_version("v2.4.9").nullable_fields


def test_lite_has_fewer_types_and_one_writer():
    lite = parse_version("milvus_lite-3.2.2").capabilities()
    assert lite.elements == {Element.FLOAT32}
    assert Metric.HAMMING not in lite.metrics
    assert lite.max_writers == 1
    assert lite.positive_weights > parse_version("v2.6.0").capabilities().positive_weights
    assert lite.empty_sparse < parse_version("v2.6.0").capabilities().empty_sparse
    assert lite.multi_process
    assert not parse_version("milvus_lite-3.2.2", embedded=True).capabilities().multi_process
