"""Searches through an index: what exact means, and that filters and limits do not leave the answer short."""

import numpy as np
import pytest

from vectormigrate.model.errors import ShapeMismatch
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.query import Query
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.pgvector.store import PgvectorStore

COUNT = 600


@pytest.fixture
def indexed(connection):
    connection.execute("create table t (id int primary key, v vector(8), wide vector(2001), n int)")
    rng = np.random.default_rng(4)
    for number in range(COUNT):
        text = str(rng.standard_normal(8).tolist())
        connection.execute("insert into t values ($1, $2::vector, null, $3)", [number, text, number % 50])
    connection.execute("create index on t using hnsw (v vector_l2_ops) with (m = 4, ef_construction = 8)")
    connection.execute("analyze t")
    return connection


async def test_limits_above_ef_search_and_narrow_filters_are_answered_in_full(store: PgvectorStore, indexed):
    asked = np.zeros(8, np.float32)
    assert len(await store.query("t", Query(asked, "v", limit=COUNT))) == COUNT
    narrow = Query(asked, "v", limit=20, filter=Compare(("n",), Comparison.EQ, 7))
    assert len(await store.query("t", narrow)) == COUNT // 50


async def test_exact_is_the_order_of_the_distances(store: PgvectorStore, indexed):
    asked = np.full(8, 0.3, np.float32)
    got = await store.query("t", Query(asked, "v", limit=25, exact=True))
    rows = indexed.execute(
        "select id from t order by v::real[]::vector <-> $1::vector limit 25", [str(asked.tolist())]
    )
    assert [match.id for match in got] == [number for (number,) in rows.fetchall()]


async def test_an_index_over_halves_is_asked_as_it_is(store: PgvectorStore, connection):
    connection.execute("create table t (id int primary key, wide vector(2001))")
    connection.execute("create index on t using hnsw ((wide::halfvec(2001)) halfvec_l2_ops)")
    connection.execute(
        "insert into t select n, array_fill(n / 10.0, array[2001])::vector from generate_series(1, 50) n"
    )
    asked = np.full(2001, 2.0, np.float32)
    got = await store.query("t", Query(asked, "wide", limit=3))
    assert got[0].id == 20
    assert got[0].score == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    "query",
    [
        Query(np.ones(7, np.float32), "v"),
        Query(SparseVector(np.array([1]), np.array([1], np.float32)), "v"),
        Query(np.ones(8, np.float32), "nothing"),
    ],
)
async def test_a_vector_that_does_not_fit_is_refused(store: PgvectorStore, connection, query):
    connection.execute("create table t (id int primary key, v vector(8))")
    with pytest.raises(ShapeMismatch):
        await store.query("t", query)
