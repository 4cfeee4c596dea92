"""What applications have made, and how it is understood."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import apsw
import numpy as np
import pytest

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.errors import CollectionMissing, ConfigInvalid, StoreBroken
from vectormigrate.stores.sqlite import schema

EMBEDDINGS = [row.tobytes() for row in np.random.default_rng(1).standard_normal((20, 8), dtype=np.float32)]


@pytest.fixture
def db():
    connection = apsw.Connection(":memory:")
    yield connection
    connection.close()


def shape_of(db, name="t", **options) -> CollectionShape:
    return schema.load(db, "x.db", name, options).shape


def test_an_integer_primary_key_is_the_id(db):
    db.execute("create table t(n integer primary key, title varchar(20) not null, price decimal(10,2))")
    shape = shape_of(db)
    assert shape.id == IdField("n", IdKind.INT, KeyOrder.NUMERIC)
    assert shape.fields == (Field("title", FieldType.TEXT, nullable=False), Field("price", FieldType.DECIMAL))
    assert not shape.dynamic


def test_a_collated_key_keeps_an_order_of_its_own(db):
    db.execute("create table t(id text collate nocase primary key)")
    assert shape_of(db).id == IdField("id", IdKind.TEXT, KeyOrder.OTHER)


def test_a_compound_key_has_its_parts_in_key_order(db):
    db.execute("create table t(b int, a text, v, primary key (a, b)) without rowid")
    key = shape_of(db).id
    assert (key.name, key.kind) == ("a,b", IdKind.COMPOUND)
    assert key.parts == (
        IdField("a", IdKind.TEXT, KeyOrder.BYTES),
        IdField("b", IdKind.INT, KeyOrder.NUMERIC),
    )


@pytest.mark.parametrize(
    ("declared", "value", "kind"),
    [
        ("uuid", str(UUID(int=7)), IdKind.UUID),
        ("uuid", str(UUID(int=2**127)).upper().replace("8", "F"), IdKind.TEXT),
        ("uuid", UUID(int=7).bytes, IdKind.UUID),
        ("blob", UUID(int=7).bytes, IdKind.UUID),
        ("", "text", IdKind.TEXT),
        ("", 5, IdKind.INT),
    ],
)
def test_a_key_without_a_telling_type_is_known_by_its_values(db, declared, value, kind):
    db.execute(f"create table t(id {declared} primary key)")
    db.execute("insert into t values (?)", (value,))
    assert shape_of(db).id.kind is kind


@pytest.mark.parametrize("value", [1.5, b"abc"])
def test_a_key_of_another_kind_is_refused_with_its_name(db, value):
    db.execute("create table t(k primary key)")
    db.execute("insert into t values (?)", (value,))
    with pytest.raises(StoreBroken, match="'k'"):
        shape_of(db)


def test_a_table_without_a_key_says_what_to_do(db):
    db.execute("create table t(a, b)")
    with pytest.raises(StoreBroken) as caught:
        shape_of(db)
    assert "PRIMARY KEY" in caught.value.hint


def test_a_missing_table_is_missing_whatever_its_case(db):
    db.execute("create table T(id integer primary key)")
    with pytest.raises(CollectionMissing, match="'t'"):
        shape_of(db)


def test_declared_vectors_need_no_guess(db):
    db.execute(
        "create table t(id text primary key, a FLOAT[3] COSINE, b vector(4), c bit[16], d float16[2], "
        "e SPARSE FLOAT[] DOT, f MULTI INT8[5])"
    )
    assert shape_of(db).vectors == (
        VectorField("a", dim=3, metric=Metric.COSINE),
        VectorField("b", dim=4),
        VectorField("c", element=Element.BINARY, dim=16),
        VectorField("d", element=Element.FLOAT16, dim=2),
        VectorField("e", VectorKind.SPARSE, metric=Metric.DOT),
        VectorField("f", VectorKind.MULTI, Element.INT8, 5),
    )


class TestGuessing:
    @pytest.fixture
    def fill(self, db):
        def fill(column: str, blobs: list) -> CollectionShape:
            db.execute(f"create table t(id integer primary key, {column})")
            db.executemany(
                f"insert into t({column.split(maxsplit=1)[0]}) values (?)", [(blob,) for blob in blobs]
            )
            return shape_of(db)

        return fill

    def test_a_few_values_are_enough_under_a_telling_name(self, fill):
        assert fill("title_embedding blob", EMBEDDINGS[:2]).vectors == (
            VectorField("title_embedding", dim=8),
        )

    def test_many_values_are_enough_under_any_name(self, fill):
        assert fill("stuff", EMBEDDINGS).vectors == (VectorField("stuff", dim=8),)

    @pytest.mark.parametrize(
        "blobs",
        [
            EMBEDDINGS[:2],
            [*EMBEDDINGS, EMBEDDINGS[0][:16]],
            [*EMBEDDINGS, "text"],
            [bytes(range(n, n + 32)) for n in range(20)],
            [np.arange(8, dtype=np.int32).tobytes()] * 20,
            [b"plain old text of 32 bytes here!"] * 20,
            [bytes(32)] * 20,
            [row[:16] for row in EMBEDDINGS],
        ],
    )
    def test_anything_less_certain_stays_bytes(self, fill, blobs):
        shape = fill("stuff blob", blobs)
        assert shape.vectors == ()
        assert shape.fields == (Field("stuff", FieldType.BYTES),)

    def test_some_bad_records_do_not_unmake_a_column_with_a_telling_name(self, fill):
        broken = np.frombuffer(EMBEDDINGS[0], np.float32).copy()
        broken[0] = np.nan
        shape = fill("embedding blob", [*EMBEDDINGS, broken.tobytes(), EMBEDDINGS[0][:16]])
        assert shape.vectors == (VectorField("embedding", dim=len(broken)),)

    def test_our_own_bytes_are_never_taken_for_vectors(self, fill):
        assert fill("embedding BYTES", EMBEDDINGS).vectors == ()

    def test_the_option_names_vectors_beyond_doubt(self, db):
        db.execute("create table t(id integer primary key, a blob, b blob)")
        db.execute("insert into t values (1, ?, null)", (bytes(16),))
        assert shape_of(db, vectors="a, b:6").vectors == (VectorField("a", dim=4), VectorField("b", dim=6))

    def test_the_option_must_name_columns(self, db):
        db.execute("create table t(id integer primary key)")
        with pytest.raises(ConfigInvalid, match="'nope'"):
            shape_of(db, vectors="nope")


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["2024-01-01 00:00:00+00:00", "2024-01-01T00:00:00Z"], FieldType.DATETIME),
        (["2024-01-01 00:00:00+00:00", "2024-01-01 00:00:00"], FieldType.DATETIME_NAIVE),
        ([], FieldType.DATETIME_NAIVE),
    ],
)
def test_whether_a_datetime_has_a_zone_is_seen_in_its_values(db, values, type_):
    db.execute("create table t(id integer primary key, at datetime)")
    db.executemany("insert into t(at) values (?)", [(value,) for value in values])
    assert shape_of(db).field_named("at").type is type_


def test_an_index_is_seen(db):
    db.execute("create table t(id integer primary key, a, b); create index i on t(a, b)")
    assert [(field.name, field.indexed) for field in shape_of(db).fields] == [("a", True), ("b", False)]


def test_what_we_make_can_be_read_in_the_schema(db):
    shape = CollectionShape(
        "docs",
        IdField("id", IdKind.TEXT),
        (VectorField("embedding", dim=768, metric=Metric.COSINE, nullable=False),),
        (Field("price", FieldType.DECIMAL), Field("tags", FieldType.ARRAY, element=FieldType.TEXT)),
        dynamic=True,
    )
    [statement] = schema.create_statements(shape)
    assert statement.splitlines() == [
        'CREATE TABLE "docs" (',
        '  "id" TEXT PRIMARY KEY NOT NULL,',
        '  "embedding" FLOAT[768] COSINE NOT NULL,',
        '  "price" DECIMAL TEXT,',
        '  "tags" ARRAY TEXT,',
        '  "_payload" JSON DYNAMIC',
        ")",
    ]
    db.execute(statement)
    assert shape_of(db, "docs").dynamic


def test_only_collections_are_listed(db):
    db.execute(
        "create table b(id integer primary key); create table a(id text primary key);"
        "create view v as select 1; create virtual table f using fts5(x);"
        "create table seq(id integer primary key autoincrement)"
    )
    assert schema.collections(db) == ["a", "b", "seq"]


def test_a_like_table_has_the_types_of_its_columns_again(db):
    db.execute("create table t(id integer primary key, title varchar(20), price decimal(10,2), raw blob)")
    for statement in schema.create_statements(replace(shape_of(db), name="u")):
        db.execute(statement)
    types = [row[2] for row in db.execute("pragma table_info(u)")]
    assert types == ["INTEGER", "varchar(20)", "decimal(10,2)", "BYTES"]
