"""Reading tables that others made: odd keys, collations, broken rows, skewed keys."""

from __future__ import annotations

import apsw
import numpy as np
import pytest

from vectormigrate.model.errors import RecordRefused, StoreBroken
from vectormigrate.stores.base import Content, Endpoint, Range
from vectormigrate.stores.sqlite import open_store


@pytest.fixture
def db(tmp_path):
    connection = apsw.Connection(str(tmp_path / "r.db"))
    yield connection
    connection.close()


@pytest.fixture
async def store(tmp_path, db):
    async with open_store(Endpoint("sqlite", str(tmp_path / "r.db"))) as opened:
        yield opened


async def scan(store, name="t", span=None, limit=3, content=Content.FULL) -> list:
    return [
        record
        async for page in store.scan(name, span or Range(), limit=limit, content=content)
        for record in page.batch.records()
    ]


async def test_values_are_read_as_what_they_are(store, db):
    db.execute("create table t(id integer primary key, n integer, d date, x, j json, twice as (n || n))")
    db.execute("insert into t values (1, 'not a number', '2024-13-01', x'00', '{\"a\": [1, null]}')")
    [record] = await scan(store)
    assert record.payload == {
        "n": "not a number",
        "d": "2024-13-01",
        "x": b"\0",
        "j": {"a": [1, None]},
        "twice": "not a numbernot a number",
    }


async def test_a_collated_key_is_paged_in_its_own_order(store, db):
    db.execute("create table t(id text collate nocase primary key)")
    ids = [f"{letter}{n}" for n in range(5) for letter in "aBcD"]
    with db:
        db.executemany("insert into t values (?)", [(id_,) for id_ in ids])
    expected = sorted(ids, key=str.lower)
    assert [record.id for record in await scan(store)] == expected
    ranges = await store.split("t", 4)
    assert [record.id for span in ranges for record in await scan(store, span=span)] == expected
    assert (await store.fetch("t", ["b1", "B1"])).ids == ["B1"]


async def test_mixed_keys_of_a_loose_table_are_all_found(store, db):
    db.execute("create table t(id int primary key) without rowid")
    db.execute("insert into t values (10), (2), ('x'), ('10a'), (-1)")
    assert [record.id for record in await scan(store, limit=1)] == [-1, 2, 10, "10a", "x"]


async def test_a_row_without_a_key_stops_the_scan(store, db):
    db.execute("create table t(id text primary key); insert into t values ('a'), (null)")
    with pytest.raises(StoreBroken, match="'id' holds NULL"):
        await scan(store, content=Content.IDS)


async def test_a_malformed_vector_is_a_fault_of_its_record_alone(store, db):
    db.execute("create table t(id text primary key, v float[2])")
    db.execute("insert into t values ('a', zeroblob(8)), ('b', zeroblob(7)), ('c', null)")
    (page,) = [page async for page in store.scan("t", Range())]
    fetched = await store.fetch("t", ["c", "b"])
    for batch, row in ((page.batch, 1), (fetched, 1)):
        assert list(batch.faults) == [row]
        assert "vector 'v' holds 7 bytes" in batch.faults[row]
        with pytest.raises(RecordRefused, match="7 bytes") as caught:
            batch.record(row)
        assert caught.value.ids == ("s:b",)
    assert page.batch.record(0).dense["v"].tolist() == [0, 0]
    assert [record.id for record in await scan(store, content=Content.IDS)] == ["a", "b", "c"]


@pytest.mark.parametrize("dense", [True, False])
async def test_integers_are_split_evenly_wherever_they_are(store, db, dense):
    db.execute("create table t(id integer primary key)")
    numbers = list(range(100)) if dense else [*range(90), *range(10**15, 10**15 + 10)]
    with db:
        db.executemany("insert into t values (?)", [(n,) for n in numbers])
    ranges = await store.split("t", 5)
    assert [len(await scan(store, span=span)) for span in ranges] == [20] * 5


async def test_compound_keys_go_on_in_the_middle_of_a_prefix(store, db):
    db.execute("create table t(a text, b int, primary key (a, b))")
    ids = [(a, b) for a in ("x", "y") for b in range(6)]
    db.executemany("insert into t values (?, ?)", ids[::-1])
    assert [record.id for record in await scan(store, limit=4)] == ids
    ranges = await store.split("t", 3)
    assert [record.id for span in ranges for record in await scan(store, span=span)] == ids


async def test_undeclared_keys_stand_beside_declared_ones(store, db):
    db.execute("create table t(id integer primary key, a text, rest JSON DYNAMIC)")
    db.execute(
        "insert into t values (1, 'mine', '{\"a\": \"theirs\", \"b\": 2}'), (2, null, null), (3, null, '[1]')"
    )
    assert [record.payload for record in await scan(store)] == [
        {"a": "mine", "b": 2},
        {"a": None},
        {"a": None, "rest": [1]},
    ]


async def test_thousands_of_ids_are_fetched_in_the_order_asked(store, db):
    db.execute("create table t(id integer primary key, v float[1])")
    with db:
        db.executemany("insert into t values (?, ?)", [(n, np.float32(n).tobytes()) for n in range(1500)])
    wanted = list(range(1499, -1, -1))
    batch = await store.fetch("t", [*wanted, 10**6])
    assert batch.ids == wanted
    assert batch.vectors["v"].values[:, 0].tolist() == wanted


async def test_a_text_that_is_not_utf_8_is_the_fault_of_its_record(store, db):
    db.execute("create table t(id text primary key, k text, j json)")
    db.execute("insert into t values ('a', 'x', '{}'), ('b', cast(x'ff41' as text), '{}'), ('d', 'y', '[]')")
    [page] = [page async for page in store.scan("t", Range(), limit=10)]
    fetched = await store.fetch("t", ["d", "b", "c"])
    assert page.batch.faults == {1: "it holds a text that is not UTF-8"}
    assert list(page.batch.payload)[::2] == [{"k": "x", "j": {}}, {"k": "y", "j": []}]
    assert (fetched.ids, list(fetched.faults)) == (["d", "b"], [1])
    assert [one.id for one in await scan(store, content=Content.IDS)] == ["a", "b", "d"]


async def test_a_key_that_is_not_utf_8_has_no_name_and_ends_the_reading(store, db):
    db.execute("create table t(id text primary key, k text)")
    db.execute("insert into t values (cast(x'ff41' as text), 'x')")
    with pytest.raises(StoreBroken, match="not UTF-8"):
        await scan(store)
