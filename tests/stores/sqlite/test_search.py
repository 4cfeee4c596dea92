import apsw
import numpy as np
import pytest

from vectormigrate.model.errors import ShapeMismatch, StoreBroken
from vectormigrate.model.query import Query
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.sqlite import open_store


@pytest.fixture
def db(tmp_path):
    connection = apsw.Connection(str(tmp_path / "s.db"))
    connection.execute(
        "create table t(id integer primary key, c float[2] COSINE, e float[2] EUCLID, h float16[2] DOT)"
    )
    yield connection
    connection.close()


@pytest.fixture
async def store(tmp_path, db):
    async with open_store(Endpoint("sqlite", str(tmp_path / "s.db"))) as opened:
        yield opened


def floats(*numbers, dtype=np.float32) -> bytes:
    return np.array(numbers, dtype).tobytes()


async def test_a_zero_vector_is_found_without_an_angle(store, db):
    db.executemany(
        "insert into t(id, c) values (?, ?)", [(1, floats(0, 0)), (2, floats(0, 1)), (3, floats(0, -1))]
    )
    got = await store.query("t", Query(np.array([0, 2], np.float32), "c"))
    assert [(match.id, match.score) for match in got] == [(2, 1.0), (1, 0.0), (3, -1.0)]


async def test_nan_comes_last(store, db):
    db.executemany("insert into t(id, e) values (?, ?)", [(1, floats(np.nan, 0)), (2, floats(3, 4))])
    got = await store.query("t", Query(np.zeros(2, np.float32), "e"))
    assert [match.id for match in got] == [2, 1]
    assert got[0].score == 5.0
    assert np.isnan(got[1].score)


async def test_half_floats_are_scored_too(store, db):
    db.execute(
        "insert into t(id, h) values (1, ?), (2, ?)", (floats(1, 2, dtype="f2"), floats(3, 4, dtype="f2"))
    )
    got = await store.query("t", Query(np.array([1, 1], np.float16), "h"))
    assert [(match.id, match.score) for match in got] == [(2, 7.0), (1, 3.0)]


async def test_a_vector_of_another_length_is_told(store, db):
    db.execute("insert into t(id, c) values (1, zeroblob(12))")
    with pytest.raises(StoreBroken, match="'c'"):
        await store.query("t", Query(np.zeros(2, np.float32), "c"))


async def test_a_sparse_query_does_not_fit_a_dense_vector(store, db):
    sparse = SparseVector(np.array([0]), np.array([1], np.float32))
    with pytest.raises(ShapeMismatch):
        await store.query("t", Query(sparse, "c"))
