"""Writing into tables that others made: constraints, collations, defaults, triggers."""

from __future__ import annotations

import apsw
import pytest

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import RecordRefused
from vectormigrate.model.operation import WriteResult
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.sqlite import open_store


@pytest.fixture
def db(tmp_path):
    connection = apsw.Connection(str(tmp_path / "w.db"))
    yield connection
    connection.close()


@pytest.fixture
async def store(tmp_path, db):
    async with open_store(Endpoint("sqlite", str(tmp_path / "w.db"))) as opened:
        yield opened


def batch(**payloads) -> Batch:
    return Batch(list(payloads), {}, [{"n": n} for n in payloads.values()])


def held(db) -> list:
    return db.execute("select * from t order by 1").fetchall()


async def test_a_row_that_the_table_refuses_costs_only_itself(store, db):
    db.execute("create table t(id text primary key, n int check (n < 10), unique (n))")
    result = await store.upsert("t", batch(a=1, b=50, c=1, d=4))
    assert result.acknowledged == 2
    assert [(refusal.row, refusal.id) for refusal in result.refused] == [(1, "b"), (2, "c")]
    assert all(isinstance(refusal.error, RecordRefused) for refusal in result.refused)
    assert "CHECK constraint failed" in str(result.refused[0].error)
    assert held(db) == [("a", 1), ("d", 4)]


async def test_replacing_one_record_never_removes_another(store, db):
    db.execute("create table t(id text primary key, n int unique); insert into t values ('mine', 1)")
    assert (await store.upsert("t", batch(yours=1))).acknowledged == 0
    assert held(db) == [("mine", 1)]


async def test_an_id_that_only_the_collation_takes_for_another_is_refused(store, db):
    db.execute("create table t(id text collate nocase primary key, n int); insert into t values ('A', 1)")
    result = await store.upsert("t", batch(a=2, b=3))
    assert [(refusal.row, refusal.id) for refusal in result.refused] == [(0, "a")]
    assert await store.upsert("t", batch(A=5)) == WriteResult(1)
    await store.delete("t", ["a", "B"])
    await store.patch("t", ["a"], {"n": 0})
    assert held(db) == [("A", 5), ("b", 3)]
    await store.patch("t", ["A"], {"n": 7})
    await store.delete("t", ["b"])
    assert held(db) == [("A", 7)]


async def test_an_insert_counts_what_it_added_though_triggers_write_more(store, db):
    db.execute(
        "create table t(id text primary key, n int); create table log(id integer primary key);"
        "create trigger g after insert on t begin insert into log values (null); end;"
        "insert into t values ('a', 1)"
    )
    assert await store.insert("t", batch(a=9, b=2, c=3)) == WriteResult(2)
    assert held(db) == [("a", 1), ("b", 2), ("c", 3)]


async def test_generated_columns_are_left_to_the_table(store, db):
    db.execute("create table t(id text primary key, n int, twice int as (n * 2))")
    result = await store.upsert("t", Batch(["a"], {}, [{"n": 4, "twice": 8}]))
    assert result == WriteResult(1)
    assert held(db) == [("a", 4, 8)]


async def test_exact_text_stays_text(store, db):
    """What affinity would make a number of: SQLite's own reading of what we made is the judge."""
    from decimal import Decimal

    from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind

    fields = (Field("d", FieldType.DECIMAL), Field("j", FieldType.JSON), Field("t", FieldType.TEXT))
    await store.create(CollectionShape("t", IdField("id", IdKind.TEXT), (), fields))
    row = {"d": Decimal("12345678901234567890.10"), "j": 12345678901234567890, "t": "1e5"}
    await store.upsert("t", Batch(["0010"], {}, [row]))
    assert held(db) == [("0010", "12345678901234567890.10", "12345678901234567890", "1e5")]


async def test_refusals_keep_their_places_among_known_and_new_ones(store, db):
    db.execute("create table t(id text primary key, n int check (n < 10), x)")
    payloads = [{"n": 1}, {"n": "text"}, {"n": 2, "x": [1]}, {"n": 50}, {"n": 3, "stranger": 1}, {"n": 4}]
    result = await store.upsert("t", Batch(list("abcdef"), {}, payloads))
    assert result.acknowledged == 2
    assert [(refusal.row, refusal.id) for refusal in result.refused] == [
        (1, "b"),
        (2, "c"),
        (3, "d"),
        (4, "e"),
    ]
    assert [row[0] for row in held(db)] == ["a", "f"]


async def test_an_id_of_another_kind_removes_nothing(store, db):
    db.execute("create table t(id integer primary key, n int); insert into t values (5, 1)")
    strangers = ["5", ("5", 1), 2**70, "\ud800"]
    assert await store.delete("t", strangers) == WriteResult(4)
    assert await store.patch("t", strangers, {"n": 9}) == WriteResult(4)
    assert (await store.fetch("t", strangers)).ids == []
    assert held(db) == [(5, 1)]


async def test_a_batch_of_many_rows_is_written_whole_but_for_the_refused(store, db):
    db.execute("create table t(id text primary key, n int check (n <> 500))")
    many = Batch([f"{n:04}" for n in range(1001)], {}, [{"n": n} for n in range(1001)])
    result = await store.upsert("t", many)
    assert (result.acknowledged, [refusal.row for refusal in result.refused]) == (1000, [500])
    assert [n for _, n in held(db)] == [n for n in range(1001) if n != 500]
    again = Batch(many.ids[:500], {}, [{"n": -n} for n in range(500)])
    assert await store.upsert("t", again) == WriteResult(500)
    assert [n for _, n in held(db)] == [-n for n in range(500)] + list(range(501, 1001))
