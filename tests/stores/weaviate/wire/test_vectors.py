"""Vectors as bytes, as the vendor's client packs and unpacks them."""

import numpy as np
import pytest
from weaviate.collections.grpc.shared import _Pack

from tests.stores.weaviate.classes import floats
from vectormigrate.stores.weaviate.wire.vectors import read_dense, read_multi, write_dense, write_multi


def test_a_dense_vector_is_the_vendors_bytes():
    vector = floats(0.1, -2.5, 1e-30)
    assert write_dense(vector) == _Pack.single(vector.tolist())
    assert read_dense(write_dense(vector[::-1])).tolist() == vector[::-1].tolist()


def test_a_multi_vector_is_the_vendors_bytes():
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert write_multi(rows) == _Pack.multi(rows.tolist())
    assert read_multi(write_multi(rows)).tolist() == rows.tolist()


def test_what_is_no_vector_is_said():
    with pytest.raises(ValueError, match="without a row"):
        write_multi(np.zeros((0, 3), np.float32))
    for raw in (b"", b"\0\0", b"\x03\0\0\0\0\0"):
        with pytest.raises(ValueError, match=r"width|reshape"):
            read_multi(raw)
    with pytest.raises(ValueError, match="buffer"):
        read_dense(b"\0\0\0")
