"""Tables as other people make them, read from the catalog."""

from collections.abc import Callable

import pytest

from vectormigrate.model.collection import Element, FieldType, IdKind, KeyOrder, Metric, VectorKind
from vectormigrate.model.errors import CollectionMissing, StoreBroken
from vectormigrate.stores.pgvector.connections import Connection
from vectormigrate.stores.pgvector.shape import Table, load


@pytest.fixture
def table(connection: Connection) -> Callable[..., Table]:
    def make(*statements: str, name: str = "t") -> Table:
        for statement in statements:
            connection.execute(statement)
        return load(connection, name)

    return make


def test_the_qortex_layout_is_read_as_it_is(table):
    shape = table(
        "create table qortex_vectors (id text primary key, embedding vector(4), created_at timestamptz default now())",
        "create index on qortex_vectors using hnsw (embedding vector_cosine_ops) with (m = 8, ef_construction = 32)",
        name="qortex_vectors",
    ).shape
    assert (shape.id.name, shape.id.kind) == ("id", IdKind.TEXT)
    [vector] = shape.vectors
    assert (vector.name, vector.dim, vector.metric) == ("embedding", 4, Metric.COSINE)
    assert vector.index is not None
    assert (vector.index.kind, vector.index.params) == ("hnsw", {"m": 8, "ef_construction": 32})
    assert [(field.name, field.type) for field in shape.fields] == [("created_at", FieldType.DATETIME)]
    assert not shape.dynamic


def test_every_kind_of_vector_beside_another(table):
    shape = table(
        "create table t (id int primary key, a vector(3) not null, b halfvec(4), c sparsevec(9), d bit(16), e bit(3))",
        "create index on t using ivfflat (b halfvec_l2_ops) with (lists = 2)",
    ).shape
    kinds = {vector.name: (vector.kind, vector.element, vector.dim) for vector in shape.vectors}
    assert kinds == {
        "a": (VectorKind.DENSE, Element.FLOAT32, 3),
        "b": (VectorKind.DENSE, Element.FLOAT16, 4),
        "c": (VectorKind.SPARSE, Element.FLOAT32, 9),
        "d": (VectorKind.DENSE, Element.BINARY, 16),
    }
    assert not shape.vector("a").nullable
    assert shape.vector("b").metric is Metric.EUCLID
    assert shape.vector("b").index.kind == "ivfflat"
    assert [field.name for field in shape.fields] == ["e"], "three bits are flags, not a vector"


def test_types_of_columns(table):
    columns = {
        "boolean": FieldType.BOOL,
        "smallint": FieldType.INT,
        "real": FieldType.FLOAT,
        "numeric(10, 2)": FieldType.DECIMAL,
        "varchar(10)": FieldType.TEXT,
        "bytea": FieldType.BYTES,
        "timestamp": FieldType.DATETIME_NAIVE,
        "date": FieldType.DATE,
        "time": FieldType.TIME,
        "uuid": FieldType.UUID,
        "json": FieldType.JSON,
        "jsonb": FieldType.JSON,
        "text[]": FieldType.ARRAY,
        "inet": FieldType.TEXT,
        "interval": FieldType.TEXT,
        "mood": FieldType.TEXT,
        "inet[]": FieldType.ARRAY,
        "short": FieldType.TEXT,
    }
    named = ", ".join(f'"{name}" {name}' for name in columns)
    made = table(
        "create type mood as enum ('sad', 'glad')",
        "create domain short as varchar(5)",
        f"create table t (id bigint primary key, {named})",
    )
    assert {field.name: field.type for field in made.shape.fields} == columns
    assert made.shape.field_named("varchar(10)").max_length == 40
    assert {column.name for column in made.fields if not column.native} == {
        "inet",
        "interval",
        "mood",
        "inet[]",
    }


@pytest.mark.parametrize(
    ("key", "kind", "order"),
    [
        ("id int", IdKind.INT, KeyOrder.NUMERIC),
        ("id uuid", IdKind.UUID, KeyOrder.UUID),
        ('id text collate "C"', IdKind.TEXT, KeyOrder.BYTES),
        ('id varchar(20) collate "POSIX"', IdKind.TEXT, KeyOrder.BYTES),
        ('id text collate "pg_c_utf8"', IdKind.TEXT, KeyOrder.BYTES),
        ('id text collate "C.utf8"', IdKind.TEXT, KeyOrder.OTHER),
        ("id text", IdKind.TEXT, KeyOrder.BYTES),
        ("id timestamptz", IdKind.TEXT, KeyOrder.OTHER),
        ("id char(5)", IdKind.TEXT, KeyOrder.OTHER),
    ],
)
def test_the_order_of_a_key_is_known_only_where_it_is(table, key, kind, order):
    # "id text" is in the default collation, which for this database is C.
    shape = table(f"create table t ({key} primary key, v vector(2))").shape
    assert (shape.id.kind, shape.id.order) == (kind, order)


def test_a_compound_key(table):
    made = table("create table t (v vector(2), tenant int, doc text, primary key (doc, tenant))")
    assert made.shape.id.kind is IdKind.COMPOUND
    assert [(part.name, part.kind) for part in made.shape.id.parts] == [
        ("doc", IdKind.TEXT),
        ("tenant", IdKind.INT),
    ]


def test_a_unique_index_stands_in_for_a_primary_key_where_it_is_sure(table):
    made = table(
        "create table t (a int unique, b text not null, c int not null, d int not null unique, unique (b, c))"
    )
    assert made.shape.id.name == "d", "a can be null, and (b, c) is longer"


@pytest.mark.parametrize(
    "statement",
    [
        "create table t (id int, v vector(2))",
        "create table t (id int unique, v vector(2))",
        "create view t as select 1 as id",
    ],
)
def test_no_key_is_said_clearly(table, statement):
    with pytest.raises(StoreBroken, match="no primary key") as caught:
        table(statement)
    assert "primary key" in caught.value.hint


def test_a_marked_column_is_the_key_and_what_only_counts_is_no_payload(table, connection):
    make = "create table t (id bigserial primary key, node text, text varchar, v vector(2))"
    mark = "comment on column t.node is 'vectormigrate: key instead of id'"
    assert table(make).shape.id.name == "id"
    connection.execute(mark)
    for statement in ("create unique index on t (node, text)", "create unique index on t (node)"):
        with pytest.raises(StoreBroken, match="'node' is to be the key") as caught:
            load(connection, "t")
        connection.execute(statement)
    assert "set not null" in caught.value.hint
    connection.execute("alter table t alter node set not null")
    made = load(connection, "t").shape
    assert (made.id.name, made.id.kind) == ("node", IdKind.TEXT)
    assert [field.name for field in made.fields] == ["text"]
    assert made.native["pgvector"]["counter"] == "id"


def test_names_in_schemas_and_of_mixed_case(table, connection):
    connection.execute('create schema "App"')
    connection.execute('create table "App"."My Docs" (id int primary key, v vector(2))')
    connection.execute("create table docs (id int primary key, v vector(3))")
    for name in ('"App"."My Docs"', "App.My Docs"):
        assert load(connection, name).shape.vectors[0].dim == 2
    assert load(connection, "DOCS").shape.vectors[0].dim == 3
    with pytest.raises(CollectionMissing):
        load(connection, "My Docs")
    connection.execute('set search_path = "App", public')
    assert load(connection, "My Docs").shape.vectors[0].dim == 2


def test_a_vector_without_dimension_has_that_of_its_rows(table, connection):
    made = table("create table t (id int primary key, v vector, h halfvec)")
    assert [vector.dim for vector in made.shape.vectors] == [None, None]
    connection.execute("insert into t values (1, null, null), (2, '[1,2,3]', '[1,2]')")
    assert [vector.dim for vector in load(connection, "t").shape.vectors] == [3, 2]


def test_an_index_over_a_cast_is_known(table):
    made = table(
        "create table t (id int primary key, v vector(2500))",
        "create index on t using hnsw ((v::halfvec(2500)) halfvec_ip_ops)",
    )
    [vector] = made.shape.vectors
    assert vector.metric is Metric.DOT
    assert vector.index.params == {"cast": "halfvec"}
    assert made.indexed_halves == {"v"}


def test_indexes_over_fewer_bits_are_named(table):
    made = table(
        'create table t (id int primary key, a vector(8), b vector(8), "C c" vector(8), d halfvec(8))',
        "create index on t using hnsw ((a::halfvec(8)) halfvec_l2_ops)",
        "create index on t using hnsw ((binary_quantize(b)::bit(8)) bit_hamming_ops)",
        'create index on t using hnsw ((binary_quantize("C c")::bit(8)) bit_hamming_ops)',
        'create index on t using hnsw ("C c" vector_l2_ops)',
        "create index on t using hnsw (d halfvec_l2_ops)",
    )
    assert {one.name: one.quantised for one in made.shape.vectors} == {
        "a": "pgvector:halfvec", "b": "pgvector:bit", "C c": "pgvector:bit", "d": "",
    }  # fmt: skip
    assert made.shape.vector("b").index is None
    assert made.shape.vector("C c").metric is Metric.EUCLID
