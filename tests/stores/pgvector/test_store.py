"""The port on a real server: the conformance suite, and what only PostgreSQL has."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest

from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.stores.base import Endpoint, Range
from vectormigrate.stores.pgvector import open_store


class TestConformance(ConformanceSuite):
    @pytest.fixture
    def target(self, postgres_shared_dsn: str) -> Subject:
        async def raw_count(name: str) -> int:
            async with await psycopg.AsyncConnection.connect(postgres_shared_dsn) as connection:
                row = await (await connection.execute(f'select count(*) from "{name}"')).fetchone()
                assert row is not None
                return row[0]

        return Subject(
            open=lambda: open_store(Endpoint("pgvector", postgres_shared_dsn)), raw_count=raw_count
        )


async def test_collections_are_the_tables_with_vectors_named_as_they_can_be_asked_for(store, connection):
    connection.execute('create schema "Other.Schema"')
    connection.execute('create table "Other.Schema".docs (id int primary key, v halfvec(2))')
    connection.execute('create table "My Docs" (id int primary key, b bit(8))')
    connection.execute("create table plain (id int primary key, flags bit(3), t text)")
    connection.execute("create table parted (id int primary key, v vector(2)) partition by range (id)")
    connection.execute("create table part_1 partition of parted for values from (0) to (10)")
    connection.execute("insert into parted values (1, '[1,2]'), (2, '[3,4]')")
    names = await store.collections()
    assert {'"Other.Schema".docs', "My Docs", "parted"} <= set(names)
    assert not {"plain", "part_1"} & set(names)
    for name in ('"Other.Schema".docs', "My Docs", "parted"):
        assert (await store.describe(name)).vectors
    assert await store.count("parted") == 2
    assert [len(page.batch) async for page in store.scan("parted", Range())] == [2]


async def test_a_table_of_another_schema_is_made_filled_and_dropped(store, connection):
    connection.execute('create schema "Target"')
    wanted = CollectionShape(
        "Target.Docs",
        IdField("id", IdKind.TEXT),
        (VectorField("v", dim=2, metric=Metric.COSINE),),
        (),
        dynamic=True,
    )
    made = await store.create(wanted)
    assert made.vectors[0].metric is Metric.COSINE, "kept in a comment until there is an index"
    values = DenseColumn(np.array([[1, 0], [0, 1]], np.float32))
    batch = Batch(["a", "b"], {"v": values}, [{"x": 1}, {}])
    assert (await store.upsert("Target.Docs", batch, fresh=True)).acknowledged == 2
    assert connection.execute('select id, payload->>\'x\' from "Target"."Docs" order by id').fetchall() == [
        ("a", "1"),
        ("b", None),
    ]
    await store.drop("Target.Docs")
    await store.drop("Target.Docs")
    assert connection.execute('select to_regclass(\'"Target"."Docs"\')').fetchone() == (None,)


def test_identity_is_the_database_and_not_the_credentials():
    names = {
        open_store(Endpoint("pgvector", url, owner=owner)).identity()
        for owner, url in (
            ("a", "postgresql://u:secret@db/x"),
            ("b", "host=db port=5432 dbname=x user=other"),
            ("", "postgresql://db:5432/x?connect_timeout=3"),
        )
    }
    assert names == {"pgvector:db:5432/x"}


async def test_a_table_that_changes_under_the_store_is_looked_at_again(store, connection):
    connection.execute("create table t (id int primary key, v vector(2), n int)")
    connection.execute("insert into t values (1, '[1,2]', 5)")
    assert (await store.fetch("t", [1])).payload == [{"n": 5}]
    connection.execute("alter table t rename column n to m")
    assert (await store.fetch("t", [1])).payload == [{"m": 5}]


async def test_settle_is_immediate_where_strays_can_be_ended(schema_dsn):
    async with open_store(Endpoint("pgvector", schema_dsn, owner="m9")) as store:
        assert await store.settle() == 0.0
    async with open_store(Endpoint("pgvector", schema_dsn)) as store:
        assert await store.settle() == 0.0
