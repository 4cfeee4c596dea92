"""Pages in the order of the database, whatever its collation; quantiles; what cannot be read says which record."""

from uuid import UUID

import numpy as np
import pytest

from vectormigrate.model.errors import StoreBroken
from vectormigrate.stores.base import EVERYWHERE, Content, Range
from vectormigrate.stores.pgvector import reading
from vectormigrate.stores.pgvector.shape import DYNAMIC_COMMENT, load
from vectormigrate.stores.pgvector.store import PgvectorStore


async def pages(store: PgvectorStore, span: Range | None = None, limit: int = 2) -> list:
    found = store.scan("t", span or Range(), limit=limit, content=Content.IDS)
    return [record_id async for page in found for record_id in page.batch.ids]


async def test_what_is_looked_at_comes_without_its_vectors(store, connection):
    connection.execute("create table t (id text primary key, v vector(1), note text)")
    connection.execute("insert into t values ('a', '[1]', 'held')")
    [page] = [page async for page in store.scan("t", EVERYWHERE, content=Content.PAYLOAD)]
    assert (page.batch.ids, page.batch.vectors, [dict(one) for one in page.batch.payload]) == (
        ["a"],
        {},
        [{"note": "held"}],
    )


@pytest.mark.parametrize("collation", ["C", "C.utf8", "pg_c_utf8", "pg_unicode_fast"])
async def test_keyset_pages_follow_the_collation_of_the_column(store, connection, collation):
    words = ["a", "B", "b", "A", "ä", "Z", "zz", "a b", "a-b", "ab", "é", "10", "9", "😀"]
    connection.execute(f'create table t (id text collate "{collation}" primary key, v vector(1))')
    for word in words:
        connection.execute("insert into t values ($1, '[1]')", [word])
    order = [word for (word,) in connection.execute("select id from t order by id").fetchall()]
    assert await pages(store) == order
    for place, word in enumerate(order):
        assert await pages(store, Range(store.cursor_of(word))) == order[place + 1 :]
        assert await pages(store, Range(None, store.cursor_of(word))) == order[: place + 1]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("timestamptz", ["2024-01-01 00:00:00+00", "2024-01-01 00:00:00.5+00", "2025-01-01 00:00:00+00"]),
        ("numeric(30)", ["2", "10", "99999999999999999999"]),
        ("inet", ["10.0.0.1/32", "10.0.0.2/32", "192.168.0.1/32"]),
        ("char(4)", ["a", "ab", "b"]),
        ("bytea", ["\\x00", "\\x00ff", "\\x01"]),
    ],
)
async def test_keys_of_other_types_are_texts_compared_by_the_server(store, connection, key, values):
    connection.execute(f"create table t (id {key} primary key, v vector(1), note text)")
    for value in values:
        connection.execute(f"insert into t values ('{value}', '[1]', 'n')")
    assert await pages(store, limit=1) == values
    assert (await store.fetch("t", values[::-1])).ids == values[::-1]
    assert await store.delete("t", values[:1])
    assert await pages(store) == values[1:]


async def test_compound_keys_are_compared_as_rows(store, connection):
    connection.execute("create table t (b int, a text, c uuid, v vector(1), primary key (a, b, c))")
    keys = [(a, b, UUID(int=c)) for a in ("x", "y") for b in (2, 10) for c in (1, 2)]
    for a, b, c in keys:
        connection.execute("insert into t values ($1, $2, $3, '[1]')", [b, a, c])
    assert await pages(store, limit=3) == keys
    assert (await store.fetch("t", [keys[5], ("z", 1, UUID(int=1)), keys[0]])).ids == [keys[5], keys[0]]
    ranges = await store.split("t", 3)
    assert [key for span in ranges for key in await pages(store, span)] == keys


async def test_ids_that_no_record_can_have_are_just_not_there(store, connection):
    connection.execute("create table t (id int primary key, v vector(1))")
    connection.execute("insert into t values (1, '[1]')")
    strangers = ["1", 2**40, 2**70, UUID(int=1), (1, 2), True]
    assert (await store.fetch("t", [*strangers, 1])).ids == [1]
    assert (await store.delete("t", strangers)).acknowledged == len(strangers)
    assert await pages(store, Range(store.cursor_of(2**70))) == []
    assert await pages(store, Range(store.cursor_of(-(2**70)))) == [1]


async def test_a_bound_with_a_nul_stands_behind_its_head(store, connection):
    connection.execute('create table t (id text collate "C" primary key, v vector(1))')
    connection.execute("insert into t values ('a', '[1]'), ('b', '[1]')")
    assert await pages(store, Range(store.cursor_of("a\0x"))) == ["b"]
    assert await pages(store, Range(None, store.cursor_of("a\0x"))) == ["a"]


async def test_mixed_dimensions_name_the_record(store, connection):
    connection.execute("create table t (id int primary key, v vector)")
    connection.execute("insert into t values (1, '[1,2]'), (7, '[1,2,3]')")
    with pytest.raises(StoreBroken, match="i:7 has 3 dimensions among vectors of 2") as caught:
        await store.fetch("t", [1, 7])
    assert caught.value.ids == ("i:7",)


async def test_values_of_every_type_and_their_nulls_are_read(store, connection):
    connection.execute("create type mood as enum ('sad', 'glad')")
    connection.execute(
        "create table t (id int primary key, v vector(2), n numeric(10, 2), tags text[], addr inet, m mood,"
        " span interval, doc json, twice int generated always as (id * 2) stored, flags bit(3))"
    )
    connection.execute(
        "insert into t values (1, '[1,2]', 1.50, '{a,NULL}', '10.0.0.1', 'glad', '1 day', '{\"a\": 1.0}', default, '101')"
    )
    connection.execute("insert into t (id) values (2)")
    batch = await store.fetch("t", [1, 2])
    first, second = batch.records()
    assert str(first.payload.pop("n")) == "1.50"
    assert first.payload == {
        "tags": ["a", None],
        "addr": "10.0.0.1/32",
        "m": "glad",
        "span": "P1D",
        "doc": {"a": 1.0},
        "twice": 2,
        "flags": "101",
    }
    assert second.payload == {**dict.fromkeys(first.payload), "n": None, "twice": 4}
    np.testing.assert_array_equal(first.dense["v"], [1, 2])
    assert second.dense == {}


def test_a_large_table_is_split_by_a_sample(connection, monkeypatch):
    connection.execute("create table t (id int primary key, v vector(1))")
    connection.execute("insert into t select n, '[1]' from generate_series(1, 20000) n")
    connection.execute("analyze t")
    monkeypatch.setattr(reading, "_SAMPLE_FROM", 1000)
    monkeypatch.setattr(reading, "_SAMPLE_ROWS", 16_000)
    ranges = reading.split(connection, load(connection, "t"), 4)
    edges = [int(span.upper.removeprefix("i:")) for span in ranges if span.upper]
    assert len(edges) == 3
    assert all(0 < abs(edge - place * 5000) < 2000 for place, edge in enumerate(edges, 1))
    assert reading.split(connection, load(connection, "t"), 4) == ranges


@pytest.mark.parametrize("declared", [True, False])
async def test_json_that_no_text_can_hold_is_the_fault_of_its_record(store, connection, declared):
    """The type json keeps any escape, half of a surrogate pair too; jsonb does not."""
    column = "j" if declared else "extra"
    connection.execute(f"create table docs (id int primary key, v vector(2), {column} json)")
    if not declared:
        connection.execute(f"comment on column docs.extra is '{DYNAMIC_COMMENT}'")
    for number, text in enumerate(['{"a":1}', '{"a":"\\ud800"}', '{"\\udc00":[]}', '{"a":"\\ud83d\\ude00"}']):
        connection.execute("insert into docs values ($1, '[1,2]', $2)", [number, text])
    [page] = [page async for page in store.scan("docs", EVERYWHERE)]
    reason = f"field {column!r} cannot be read: a text is not Unicode: it holds half a surrogate pair"
    assert page.batch.faults == {1: reason, 2: reason}
    assert (await store.fetch("docs", [2, 0])).faults == {0: reason}
