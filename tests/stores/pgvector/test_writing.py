"""Writing, checked with psycopg and pgvector's own client, into tables that other people made."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector
from pgvector import SparseVector as PgSparse
from pgvector.psycopg import register_vector

from vectormigrate.model.batch import Batch, DenseColumn, batch_of_records
from vectormigrate.model.collection import CollectionShape, FieldType
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.stores.pgvector.store import PgvectorStore


@pytest.fixture
def client(schema_dsn: str) -> Iterator[psycopg.Connection]:
    """A plain psycopg connection with pgvector's own types: no code of ours."""
    with psycopg.connect(schema_dsn, autocommit=True, prepare_threshold=None) as made:
        register_vector(made)
        yield made


def batch(shape: CollectionShape, *records: Record) -> Batch:
    return batch_of_records(records, shape.vectors)


def vector(*values: float) -> dict[str, np.ndarray]:
    return {"v": np.array(values, np.float32)}


async def test_pgvectors_own_client_reads_what_was_written(store: PgvectorStore, client):
    client.execute("create table t (id uuid primary key default gen_random_uuid())")
    client.execute("drop table t")
    client.execute(
        "create table t (id int primary key, v vector(3), h halfvec(2), s sparsevec(10), b bit(8), doc jsonb)"
    )
    shape = await store.describe("t")
    record = Record(
        1,
        {**vector(1.5, -2, 0.1), "h": np.array([0.5, 3], np.float16), "b": np.array([0b10100000], np.uint8)},
        {"s": SparseVector(np.array([0, 9]), np.array([1, 2], np.float32))},
        payload={"doc": {"n": 2**60, "x": 1.0}},
    )
    for fresh in (True, False):
        assert (await store.upsert("t", batch(shape, record), fresh=fresh)).acknowledged == 1
        row = client.execute("select v, h, s, b::text, doc::text from t").fetchone()
        assert (
            np.asarray(row[0].to_list() if hasattr(row[0], "to_list") else row[0], np.float32).tolist()
            == record.dense["v"].tolist()
        )
        assert row[1] == HalfVector([0.5, 3])
        assert row[2] == PgSparse({0: 1, 9: 2}, 10)
        assert row[3:] == ("10100000", '{"n": 1152921504606846976, "x": 1.0}')


async def test_the_qortex_layout_is_written_as_it_is(store: PgvectorStore, client):
    client.execute(
        "create table qortex_vectors (id text primary key, embedding vector(2), created_at timestamptz default now())"
    )
    values = DenseColumn(np.array([[1, 2], [3, 4]], np.float32))
    for fresh in (True, False):
        await store.upsert(
            "qortex_vectors",
            Batch(["a", "b"], {"embedding": values}, [{}, {"created_at": None}]),
            fresh=fresh,
        )
        rows = client.execute("select id, created_at is null from qortex_vectors order by id").fetchall()
        assert rows == [("a", False), ("b", True)], (
            "a column that is not mentioned gets its default, null stays null"
        )


async def test_generated_and_identity_columns_are_left_to_the_server(store: PgvectorStore, client):
    client.execute(
        "create table t (id bigint generated always as identity primary key, v vector(1),"
        " n int, twice int generated always as (n * 2) stored, serial int generated always as identity)"
    )
    shape = await store.describe("t")
    for fresh in (True, False):
        record = Record(77, vector(1), payload={"n": 4 + fresh, "twice": 999, "serial": 5})
        assert (await store.upsert("t", batch(shape, record), fresh=fresh)).acknowledged == 1
        assert client.execute("select id, n, twice, serial from t").fetchall() == [
            (77, 4 + fresh, 2 * (4 + fresh), 5)
        ]


async def test_types_without_a_codec_are_cast_by_the_server(store: PgvectorStore, client):
    client.execute("create type mood as enum ('sad', 'glad')")
    client.execute(
        "create table t (id int primary key, v vector(1), m mood, addr inet, nets inet[], at interval)"
    )
    shape = await store.describe("t")
    payload = {"m": "glad", "addr": "10.0.0.1", "nets": ["10.0.0.0/8", None], "at": "P1D"}
    bad = {**payload, "m": "angry"}
    result = await store.upsert(
        "t",
        batch(shape, Record(1, vector(1), payload=payload), Record(2, vector(1), payload=bad)),
        fresh=True,
    )
    assert [(refusal.row, "angry" in refusal.error.message) for refusal in result.refused] == [(1, True)]
    assert client.execute("select id, m::text, addr::text, nets::text, at::text from t").fetchall() == [
        (1, "glad", "10.0.0.1/32", "{10.0.0.0/8,NULL}", "1 day")
    ]


@pytest.mark.parametrize("fresh", [True, False])
async def test_a_value_that_only_the_server_can_refuse_costs_its_own_record_alone(
    store: PgvectorStore, client, fresh
):
    client.execute(
        "create table t (id int primary key, v vector(1), name varchar(3), price numeric(4, 2),"
        " n int not null check (n > 0), code int unique)"
    )
    shape = await store.describe("t")
    good = {"name": "abc", "price": Decimal("12.34"), "n": 1}
    payloads = [{**good, "code": number} for number in range(40)]
    payloads[3]["name"] = "abcd"
    payloads[11]["price"] = Decimal("123.45")
    payloads[12]["n"] = -1
    payloads[20]["n"] = None
    payloads[21] = {**payloads[21], "stranger": 1}
    payloads[22]["n"] = 2**31
    payloads[30]["name"] = "a\0"
    payloads[39]["code"] = 0
    records = [Record(number, vector(1), payload=payload) for number, payload in enumerate(payloads)]
    result = await store.upsert("t", batch(shape, *records), fresh=fresh)
    bad = [3, 11, 12, 20, 21, 22, 30, 39]
    assert [refusal.row for refusal in result.refused] == bad
    assert all(refusal.error.ids == (f"i:{refusal.id}",) for refusal in result.refused)
    assert result.acknowledged == 40 - len(bad)
    stored = [number for (number,) in client.execute("select id from t order by id").fetchall()]
    assert stored == [number for number in range(40) if number not in bad]


async def test_a_few_records_are_held_to_the_tables_own_rules(store: PgvectorStore, client):
    client.execute("create table t (id int primary key, v vector(1), name varchar(3), price numeric(4, 2))")
    shape = await store.describe("t")
    result = await store.upsert("t", batch(shape, Record(1, vector(1), payload={"name": "abcd"})))
    assert [refusal.id for refusal in result.refused] == [1]  # an explicit cast would have cut it
    few = [
        Record(2, vector(2), payload={"name": "abc", "price": Decimal("1.25")}),
        Record(3, vector(3), payload={"name": None}),
    ]
    assert (await store.upsert("t", batch(shape, *few))).acknowledged == 2
    assert (await store.upsert("t", batch(shape, few[0]))).acknowledged == 1
    assert client.execute("select id, name, price from t order by id").fetchall() == [
        (2, "abc", Decimal("1.25")),
        (3, None, None),
    ]


async def test_an_error_of_the_request_writes_nothing(store: PgvectorStore, client):
    client.execute("create table t (id int primary key, v vector(1), n int)")
    shape = await store.describe("t")
    client.execute("alter table t drop column n")
    await store.upsert("t", batch(shape, Record(1, vector(1))))
    assert client.execute("select count(*) from t").fetchone() == (1,), (
        "the shape is read again when it has changed"
    )


async def test_patch_sets_typed_columns(store: PgvectorStore, client):
    client.execute(
        "create table t (id int primary key, v vector(1), at timestamptz, doc jsonb, tags text[], n int not null)"
    )
    client.execute("insert into t values (1, '[1]', null, null, null, 5)")
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    payload = {"at": moment, "doc": {"a": [1.0]}, "tags": ["x", None]}
    assert (await store.patch("t", [1, 9], payload)).acknowledged == 2
    assert client.execute("select at, doc::text, tags, n from t").fetchone() == (
        moment,
        '{"a": [1.0]}',
        ["x", None],
        5,
    )
    for wrong in ({"n": None}, {"n": "x"}, {"stranger": 1}):
        assert (await store.patch("t", [1], wrong)).acknowledged == 0
    assert client.execute("select n from t").fetchone() == (5,)


async def test_halves_of_a_wider_source_are_taken_when_exact_and_refused_when_not(
    store: PgvectorStore, client
):
    client.execute("create table t (id int primary key, v halfvec(2))")
    exact = Batch([1], {"v": DenseColumn(np.array([[0.5, 2]], np.float32))}, [{}])
    inexact = Batch([2], {"v": DenseColumn(np.array([[0.1, 2]], np.float32))}, [{}])
    assert (await store.upsert("t", exact)).acknowledged == 1
    assert (await store.upsert("t", inexact)).acknowledged == 0
    assert client.execute("select id from t").fetchall() == [(1,)]


async def test_every_declared_type_is_written_as_the_server_reads_it(store: PgvectorStore, client):
    client.execute(
        'create table "My Table" (id int primary key, v vector(1), n numeric, b bytea, at timestamp)'
    )
    shape = await store.describe("My Table")
    assert {field.type for field in shape.fields} == {
        FieldType.DECIMAL,
        FieldType.BYTES,
        FieldType.DATETIME_NAIVE,
    }
    payload = {"n": Decimal("-0.000123"), "b": b"\0\xff", "at": datetime(2024, 1, 2, 3, 4, 5, 6)}  # noqa: DTZ001
    await store.upsert("My Table", batch(shape, Record(1, vector(1), payload=payload)))
    assert client.execute('select n, b, at from "My Table"').fetchone() == tuple(payload.values())
