"""vec0 tables made by sqlite-vec itself, and the qortex layout: read, written, and read again by sqlite-vec."""

from __future__ import annotations

from dataclasses import replace

import apsw
import numpy as np
import pytest
import sqlite_vec

from tests.conformance.compare import assert_same
from tests.conformance.subject import make_ids, make_record, read_all, to_batch
from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import Element, FieldType, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.errors import CollectionExists
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.query import Query
from vectormigrate.stores.base import Endpoint, Range
from vectormigrate.stores.sqlite import CAPABILITIES, SqliteStore, open_store

ELEMENTS = {Element.FLOAT32: "float", Element.INT8: "int8", Element.BINARY: "bit"}
METRICS = {Metric.EUCLID: "l2", Metric.MANHATTAN: "l1", Metric.COSINE: "cosine"}
TYPES = {FieldType.TEXT: "text", FieldType.INT: "integer", FieldType.FLOAT: "float", FieldType.BYTES: "blob"}


def connect(path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    return connection


class Vec0Store(SqliteStore):
    """Makes vec0 tables where ours makes plain ones, so that the suite runs over them."""

    async def create(self, shape):
        columns = [f"{shape.id.name} {'integer' if shape.id.kind is IdKind.INT else 'text'} primary key"]
        for vector in shape.vectors:
            metric = f" distance_metric={METRICS[vector.metric]}" if vector.metric in METRICS else ""
            columns.append(f"{vector.name} {ELEMENTS[vector.element]}[{vector.dim}]{metric}")
        columns += [f"+{field.name} {TYPES[field.type]}" for field in shape.fields]
        connection = connect(self._database.path)
        try:
            connection.execute(f"CREATE VIRTUAL TABLE {shape.name} USING vec0({', '.join(columns)})")
        except apsw.SQLError as error:
            raise CollectionExists(f"{shape.name}: {error}") from None
        finally:
            connection.close()
        return await self.describe(shape.name)


class TestVec0(ConformanceSuite):
    @pytest.fixture
    def target(self, tmp_path):
        path = tmp_path / "vec0.db"
        able = replace(
            CAPABILITIES,
            id_kinds=frozenset({IdKind.INT, IdKind.TEXT}),
            key_order=frozenset({KeyOrder.NUMERIC, KeyOrder.BYTES}),
            elements=frozenset(ELEMENTS),
            metrics=frozenset({*METRICS, Metric.HAMMING}),
            field_types=frozenset(TYPES),
            dynamic=False,
            sparse=False,
            multi=False,
            nullable_vectors=False,
            write_batch=500,
            name_pattern=r"[A-Za-z]\w*",
            reserved_names=frozenset({"select", "schlüssel"}),
        )
        return Subject(open=lambda: Vec0Store(Endpoint("sqlite", str(path)), able))


@pytest.fixture
async def store(tmp_path):
    async with open_store(Endpoint("sqlite", str(tmp_path / "v.db"))) as opened:
        yield opened


async def test_a_vec0_table_is_described_from_its_statement(store, tmp_path):
    connect(tmp_path / "v.db").execute(
        """create virtual table docs using vec0(
            doc_id text primary key, tenant integer partition key,
            embedding float[8] distance_metric=cosine, small int8[4], bits bit[16],
            genre text, stars float, seen boolean, +note text, chunk_size=16
        )"""
    )
    assert await store.collections() == ["docs"]
    shape = await store.describe("docs")
    assert shape.id == IdField("doc_id", IdKind.TEXT, KeyOrder.BYTES)
    assert shape.vectors == (
        VectorField("embedding", dim=8, metric=Metric.COSINE, nullable=False),
        VectorField("small", element=Element.INT8, dim=4, metric=Metric.EUCLID, nullable=False),
        VectorField("bits", element=Element.BINARY, dim=16, metric=Metric.HAMMING, nullable=False),
    )
    assert {field.name: (field.type, field.nullable) for field in shape.fields} == {
        "tenant": (FieldType.INT, False),
        "genre": (FieldType.TEXT, False),
        "stars": (FieldType.FLOAT, False),
        "seen": (FieldType.BOOL, False),
        "note": (FieldType.TEXT, True),
    }
    ids = make_ids(IdKind.TEXT, 40)
    records = [
        make_record(shape, id_, n, tenant=n % 3, genre=f"g{n}", stars=n / 2, seen=n % 2 == 0, note=None)
        for n, id_ in enumerate(ids)
    ]
    assert (await store.upsert("docs", to_batch(shape, records))).acknowledged == 40
    assert_same(await read_all(store, "docs", limit=7), records, shape)
    await store.patch("docs", [ids[3], "nobody"], {"tenant": 9, "note": "moved"})
    records[3] = replace(records[3], payload={**records[3].payload, "tenant": 9, "note": "moved"})
    assert_same(await read_all(store, "docs", limit=7), records, shape)
    rows = connect(tmp_path / "v.db").execute(
        "select doc_id, embedding, tenant, vec_to_json(bits) from docs where doc_id = ?", (ids[3],)
    )
    bits = np.unpackbits(records[3].dense["bits"]).tolist()
    assert list(rows) == [(ids[3], records[3].dense["embedding"].tobytes(), 9, str(bits).replace(" ", ""))]


async def test_a_table_without_a_named_key_has_rowids(store, tmp_path):
    connection = connect(tmp_path / "v.db")
    connection.execute("create virtual table plain using vec0(embedding float[2])")
    connection.execute("insert into plain(rowid, embedding) values (7, '[1, 2]'), (3, '[3, 4]')")
    got = await read_all(store, "plain")
    assert [(record.id, record.dense["embedding"].tolist()) for record in got] == [(3, [3, 4]), (7, [1, 2])]
    await store.upsert("plain", Batch([3], {"embedding": DenseColumn(np.array([[5, 6]], np.float32))}))
    assert list(connection.execute("select rowid, vec_to_json(embedding) from plain order by 1")) == [
        (3, "[5.000000,6.000000]"),
        (7, "[1.000000,2.000000]"),
    ]


async def test_a_filtered_search_in_vec0_looks_at_every_row(store, tmp_path):
    connection = connect(tmp_path / "v.db")
    connection.execute("create virtual table t using vec0(e float[2] distance_metric=cosine, genre text)")
    connection.execute(
        "insert into t(rowid, e, genre) values (1,'[1,0]','a'), (2,'[0,1]','b'), (3,'[1,1]','b')"
    )
    wanted = np.array([1, 0], np.float32)
    everything = await store.query("t", Query(wanted, "e", limit=2))
    assert [(match.id, round(match.score, 4)) for match in everything] == [(1, 1.0), (3, 0.7071)]
    genre = Compare(("genre",), Comparison.EQ, "b")
    assert [match.id for match in await store.query("t", Query(wanted, "e", filter=genre))] == [3, 2]


class TestQortex:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "v.db"
        connection = connect(path)
        connection.execute("create virtual table vec_index using vec0(embedding float[3])")
        connection.execute("create table vec_meta(id text primary key, row_id integer not null)")
        for row, name in ((1, "beta"), (2, "alpha"), (9, "ü")):
            vector = np.array([row, 0, 0], np.float32).tobytes()
            connection.execute("insert into vec_index(rowid, embedding) values (?, ?)", (row, vector))
            connection.execute("insert into vec_meta values (?, ?)", (name, row))
        connection.close()
        return path

    async def test_both_tables_are_one_collection_with_text_ids(self, store, path):
        assert await store.collections() == ["vec_index"]
        shape = await store.describe("vec_index")
        assert shape.id == IdField("id", IdKind.TEXT, KeyOrder.BYTES)
        assert shape.vectors == (VectorField("embedding", dim=3, metric=Metric.EUCLID, nullable=False),)
        got = [page async for page in store.scan("vec_index", Range(), limit=2)]
        assert [page.batch.ids for page in got] == [["alpha", "beta"], ["ü"]]
        assert got[1].batch.vectors["embedding"].values.tolist() == [[9, 0, 0]]
        assert await store.count("vec_index") == 3

    async def test_writing_keeps_both_tables_in_step(self, store, path):
        values = np.arange(6, dtype=np.float32).reshape(2, 3)
        await store.upsert("vec_index", Batch(["beta", "new"], {"embedding": DenseColumn(values)}))
        await store.delete("vec_index", ["ü", "nobody"])
        added = await store.insert("vec_index", Batch(["new", "newer"], {"embedding": DenseColumn(values)}))
        assert added.acknowledged == 1
        joined = connect(path).execute(
            "select m.id, vec_to_json(v.embedding) from vec_meta m join vec_index v on v.rowid = m.row_id "
            "order by m.id"
        )
        assert [(name, eval(text)) for name, text in joined] == [
            ("alpha", [2, 0, 0]),
            ("beta", [0, 1, 2]),
            ("new", [3, 4, 5]),
            ("newer", [3, 4, 5]),
        ]
        [(vectors,)] = connect(path).execute("select count(*) from vec_index").fetchall()
        assert vectors == 4

    async def test_a_search_answers_with_text_ids(self, store, path):
        got = await store.query("vec_index", Query(np.array([8, 0, 0], np.float32), "embedding", limit=2))
        assert [(match.id, match.score) for match in got] == [("ü", 1.0), ("alpha", 6.0)]

    async def test_dropping_it_drops_both(self, store, path):
        await store.drop("vec_index")
        assert await store.collections() == []
