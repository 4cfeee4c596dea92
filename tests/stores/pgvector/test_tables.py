"""DDL: what is made, and which index is built, carried, replaced or left out, and said so."""

from dataclasses import replace

import numpy as np
import psycopg
import pytest

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorIndex,
    VectorKind,
)
from vectormigrate.model.errors import CollectionMissing, PermissionDenied, Unsupported, UsageError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pgvector import open_store
from vectormigrate.stores.pgvector.names import TableName
from vectormigrate.stores.pgvector.store import PgvectorStore
from vectormigrate.stores.pgvector.tables import Extension, create_statements, index_statement

HELD = Extension("public", (0, 8, 0))
KEY = IdField("id", IdKind.INT)


def shape(*vectors: VectorField, fields: tuple[Field, ...] = (), dynamic: bool = False) -> CollectionShape:
    return CollectionShape("docs", KEY, vectors, fields, dynamic)


def hnsw(**params: int) -> VectorIndex:
    return VectorIndex("hnsw", params)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            VectorField("v", dim=3, metric=Metric.DOT, index=hnsw(m=8, ef_construction=40)),
            '"public".vector_ip_ops) with (m = 8, ef_construction = 40)',
        ),
        (VectorField("v", dim=3, index=hnsw(m=400)), "with (m = 100, ef_construction = 200)"),
        (
            VectorField("v", dim=2001, metric=Metric.COSINE, index=hnsw()),
            '(("v"::"public".halfvec(2001)) "public".halfvec_cosine_ops)',
        ),
        (
            VectorField("v", dim=3, metric=Metric.EUCLID, index=VectorIndex("ivfflat", {"lists": 7})),
            "(lists = 7)",
        ),
        (VectorField("v", dim=3, metric=Metric.MANHATTAN, index=VectorIndex("ivfflat")), "using hnsw"),
        (VectorField("v", dim=3, metric=Metric.EUCLID, index=VectorIndex("DISKANN")), "using hnsw"),
        (
            VectorField("v", element=Element.BINARY, dim=8, metric=Metric.JACCARD, index=hnsw()),
            "bit_jaccard_ops",
        ),
        (
            VectorField("v", VectorKind.SPARSE, metric=Metric.DOT, index=VectorIndex("ivfflat")),
            "using hnsw",
        ),
        (VectorField("v", element=Element.FLOAT16, dim=4001, index=hnsw()), ""),
        (VectorField("v", dim=4001, index=hnsw()), ""),
        (VectorField("v", dim=3, index=VectorIndex("flat")), "flat"),
    ],
)
def test_an_index_becomes_what_pgvector_has(field, expected):
    statement = index_statement("t", field, HELD)
    assert expected in statement
    assert bool(expected) == bool(statement)


@pytest.mark.parametrize(
    ("field", "held"),
    [
        (VectorField("v", VectorKind.MULTI, dim=3), HELD),
        (VectorField("v", element=Element.INT8, dim=3), HELD),
        (VectorField("v", dim=16_001), HELD),
        (VectorField("v", element=Element.BINARY, dim=12), HELD),
        (VectorField("v", element=Element.FLOAT16, dim=3), Extension("public", (0, 6, 2))),
        (VectorField("v", VectorKind.SPARSE, dim=3), Extension("public", (0, 6, 2))),
    ],
)
def test_what_cannot_be_held_is_named(field, held):
    with pytest.raises(Unsupported, match="'v'"):
        create_statements(shape(field), TableName("docs"), held)


def test_names_must_fit_and_differ():
    with pytest.raises(UsageError, match="longer"):
        create_statements(shape(fields=(Field("x" * 64, FieldType.INT),)), TableName("docs"), HELD)
    with pytest.raises(Unsupported, match="'id'"):
        create_statements(shape(fields=(Field("id", FieldType.INT),)), TableName("docs"), HELD)


async def test_a_fresh_database_gets_the_extension_and_a_taken_name_another(postgres_dsn: str):
    wanted = shape(VectorField("v", dim=2), fields=(Field("payload", FieldType.TEXT),), dynamic=True)
    async with open_store(Endpoint("pgvector", postgres_dsn)) as store:
        assert (await store.info()).version.startswith("not installed, PostgreSQL ")
        made = await store.create(wanted)
        assert made.dynamic
        extension, _, server = (await store.info()).version.partition(" on PostgreSQL ")
        assert (extension.partition(".")[0], bool(server)) == ("0", True)
    with psycopg.connect(postgres_dsn) as connection:
        columns = connection.execute(
            "select attname from pg_attribute where attrelid = 'docs'::regclass and attnum > 0"
        )
        assert [name for (name,) in columns] == ["id", "v", "payload", "payload_2"]


async def test_who_may_not_install_the_extension_is_told_whom_to_ask(postgres_dsn: str):
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("drop role if exists humble")
        connection.execute("create role humble login")
        connection.execute("grant create on schema public to humble")
    url = postgres_dsn.replace("postgres@", "humble@")
    async with open_store(Endpoint("pgvector", url)) as store:
        with pytest.raises(PermissionDenied) as caught:
            await store.create(shape(VectorField("v", dim=2)))
        assert "create extension vector" in caught.value.hint
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("drop owned by humble")
        connection.execute("drop role humble")


async def test_a_schema_that_is_missing_is_named(store: PgvectorStore):
    with pytest.raises(CollectionMissing, match="'nowhere'"):
        await store.create(replace(shape(VectorField("v", dim=2)), name="nowhere.docs"))


async def test_indexes_come_behind_the_load_with_their_parameters(store: PgvectorStore, connection):
    fields = (
        Field("kind", FieldType.TEXT, indexed=True),
        Field("tags", FieldType.ARRAY, element=FieldType.TEXT, indexed=True),
    )
    wanted = shape(
        VectorField("v", dim=3, metric=Metric.DOT, index=hnsw(m=5, ef_construction=20)),
        VectorField("wide", dim=2100, metric=Metric.COSINE, index=hnsw()),
        VectorField("wider", dim=4100, metric=Metric.COSINE, index=hnsw()),
        fields=fields,
    )
    made = await store.create(wanted)
    before = connection.execute(
        "select count(*) from pg_indexes where tablename = 'docs' and schemaname = current_schema()"
    ).fetchone()
    assert before == (1,), "the primary key alone"
    assert [vector.index is None for vector in made.vectors] == [False, False, True]
    await store.finish_load(made)
    await store.finish_load(wanted)
    described = await store.describe("docs")
    assert described.vector("v").index == VectorIndex("hnsw", {"m": 5, "ef_construction": 20})
    assert described.vector("wide").index.params["cast"] == "halfvec"
    assert described.vector("wider").index is None
    assert described.vector("wider").metric is Metric.COSINE
    assert all(field.indexed for field in described.fields)
    [comment] = connection.execute("select col_description('docs'::regclass, 4)").fetchone()
    assert "4100 dimensions" in comment
    after = connection.execute(
        "select count(*) from pg_indexes where tablename = 'docs' and schemaname = current_schema()"
    ).fetchone()
    assert after[0] - before[0] == 4


async def test_an_index_over_a_cast_is_an_index_over_a_cast_again(store: PgvectorStore):
    """It holds half of what one over the column would, and is what the application's searches name."""
    index = VectorIndex("hnsw", {"m": 5, "cast": "halfvec"})
    wanted = shape(VectorField("v", dim=3, metric=Metric.DOT, index=index))
    await store.finish_load(await store.create(wanted))
    await store.finish_load(wanted)
    described = (await store.describe("docs")).vector("v")
    assert (described.quantised, described.metric) == ("pgvector:halfvec", Metric.DOT)
    assert described.index.params["m"] == 5
    held = Extension("public", (0, 6, 0))
    assert "halfvec" not in index_statement("t", wanted.vectors[0], held), "which had none"


async def test_sequences_go_on_behind_what_was_loaded(store: PgvectorStore, connection):
    connection.execute("create table docs (id int generated by default as identity primary key, v vector(2))")
    connection.execute("insert into docs values (41, '[1,2]')")
    await store.finish_load(await store.describe("docs"))
    assert connection.execute("insert into docs (v) values ('[1,2]') returning id").fetchone() == (42,)


async def test_what_counts_beside_a_key_is_made_left_alone_and_kept_by_an_upsert(
    store: PgvectorStore, connection
):
    asked = CollectionShape(
        "nodes",
        IdField("node_id", IdKind.TEXT),
        (VectorField("v", dim=2),),
        (Field("text", FieldType.TEXT),),
        native={"pgvector": {"counter": "id"}},
    )
    await store.create(asked)
    assert (await store.describe("nodes")).native["pgvector"]["counter"] == "id"
    for text in ("first", "second"):
        batch = Batch(["a", "b"], {"v": DenseColumn(np.ones((2, 2), np.float32))}, [{"text": text}] * 2)
        assert (await store.upsert("nodes", batch)).refused == ()
    rows = connection.execute("select id, node_id, text from nodes order by id").fetchall()
    assert rows == [(1, "a", "second"), (2, "b", "second")]
    found = await store.fetch("nodes", ["a"])
    assert found.payload == [{"text": "second"}]
    connection.execute("insert into nodes (node_id, text, v) values ('c', 'theirs', '[1,2]')")


async def test_a_like_table_has_the_types_of_its_columns_again(connection, store):
    """But for those that only this database knows."""
    connection.execute("create type mood as enum ('good', 'bad')")
    types = ["character varying(20)", "numeric(10,2)", "smallint", "real", "json", "character varying(9)[]"]
    columns = ", ".join(f"c{place} {one}" for place, one in enumerate(types))
    connection.execute(f"create table docs (id bigint primary key, {columns}, felt mood)")
    await store.create(replace(await store.describe("docs"), name="again"))
    made = connection.execute(
        "select format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'again'::regclass and attnum > 1 order by attnum"
    ).fetchall()
    assert [one for (one,) in made] == [*types, "text"]
