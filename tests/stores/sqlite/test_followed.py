"""The tables of LangChain's `SQLiteVec`, made by its own statements or by us: read, written, and searched as it searches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import apsw
import numpy as np
import pytest
import sqlite_vec

from vectormigrate.model.batch import Batch, DenseColumn
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
from vectormigrate.model.errors import CollectionExists, Unsupported
from vectormigrate.model.query import Query
from vectormigrate.stores.base import EVERYWHERE, Endpoint
from vectormigrate.stores.sqlite import SqliteStore, followed, open_store, schema

CLASS = """
    CREATE TABLE docs (rowid INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, metadata BLOB, text_embedding BLOB);
    CREATE VIRTUAL TABLE docs_vec USING vec0(rowid INTEGER PRIMARY KEY, text_embedding float[2]);
    CREATE TRIGGER docs_embed_text AFTER INSERT ON docs BEGIN
      INSERT INTO docs_vec(rowid, text_embedding) VALUES (new.rowid, new.text_embedding); END;
"""
"""As langchain-community 0.4.2 has it."""
NATIVE = {"sqlite": {"counter": "rowid"}}


def wanted(kind: IdKind = IdKind.UUID, key: str = "id", **vector: Any) -> CollectionShape:
    """The shape that a layout asks for."""
    given = {"name": "text_embedding", "dim": 2, "metric": Metric.COSINE, **vector}
    return CollectionShape(
        "docs",
        IdField(key, kind),
        (VectorField(**given),),
        (Field("text", FieldType.TEXT), Field("metadata", FieldType.JSON)),
        native=NATIVE,
    )


def batch(ids: list[Any], vectors: list[list[float]]) -> Batch:
    held = {"text_embedding": DenseColumn(np.array(vectors, np.float32))}
    return Batch(ids, held, [{"text": f"text {one}", "metadata": {"n": 1}} for one in ids])


@pytest.fixture
def db(tmp_path) -> apsw.Connection:
    connection = apsw.Connection(str(tmp_path / "f.db"))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    return connection


@pytest.fixture
async def store(tmp_path, db) -> AsyncIterator[SqliteStore]:
    async with open_store(Endpoint("sqlite", str(tmp_path / "f.db"))) as opened:
        yield opened


def added(db: apsw.Connection, *texts: str) -> None:
    """As the class adds documents."""
    for place, text in enumerate(texts):
        vector = np.array([1, place], np.float32).tobytes()
        db.execute(
            "INSERT INTO docs(text, metadata, text_embedding) VALUES (?, ?, ?)", (text, '{"n": 1}', vector)
        )


def searched(db: apsw.Connection, *vector: float) -> list[Any]:
    """As the class searches: texts, the nearest first."""
    rows = db.execute(
        "SELECT text FROM docs AS e INNER JOIN docs_vec AS v ON v.rowid = e.rowid"
        " WHERE v.text_embedding MATCH ? AND k = 10 ORDER BY distance",
        (np.array(vector, np.float32).tobytes(),),
    )
    return [text for (text,) in rows]


async def test_what_the_class_made_is_one_collection_with_all_that_it_says(store, db):
    db.execute(CLASS)
    assert await store.collections() == ["docs"]
    added(db, "a", "b")
    shape = await store.describe("docs")
    assert shape.id == IdField("rowid", IdKind.INT, KeyOrder.NUMERIC)
    assert shape.vectors == (VectorField("text_embedding", dim=2, metric=Metric.EUCLID, nullable=False),)
    assert [(one.name, one.type) for one in shape.fields] == [("text", "text"), ("metadata", "json")]
    assert shape.native == NATIVE
    assert (await store.fetch("docs", [2])).payload == [{"text": "b", "metadata": {"n": 1}}]
    await store.drop("docs")
    assert await store.collections() == []


@pytest.mark.parametrize(
    "instead",
    [
        "DROP TRIGGER docs_embed_text",
        "DROP TABLE docs_vec",
        "DROP TABLE docs_vec; CREATE TABLE docs_vec (rowid INTEGER PRIMARY KEY, text_embedding float[2])",
        "DROP TABLE docs_vec; CREATE VIRTUAL TABLE docs_vec USING vec0(other float[2])",
        "ALTER TABLE docs RENAME COLUMN metadata TO more",
    ],
)
async def test_what_only_looks_like_it_is_a_plain_table(store, db, instead):
    db.execute(CLASS)
    db.execute(instead)
    assert (await store.describe("docs")).native["sqlite"].keys().isdisjoint(NATIVE["sqlite"])


async def test_what_we_write_the_class_finds_and_what_it_adds_has_an_id(store, db):
    made = await store.create(wanted())
    assert (made.id.kind, made.vectors[0].metric, made.native) == (IdKind.UUID, Metric.COSINE, NATIVE)
    one, other = UUID(int=2**127), UUID(int=5)
    assert (await store.upsert("docs", batch([one, other], [[1, 0], [0, 1]]))).acknowledged == 2
    assert searched(db, 0, 3) == [f"text {other}", f"text {one}"]
    added(db, "theirs")
    assert db.execute("SELECT rowid FROM docs WHERE rowid > 2").fetchall() == [(3,)]
    assert sorted(searched(db, 1, 0)[:2]) == [f"text {one}", "theirs"]
    ids = [
        record
        for page in [page async for page in store.scan("docs", EVERYWHERE)]
        for record in page.batch.ids
    ]
    assert len(ids) == 3
    assert all(isinstance(record, UUID) for record in ids)


@pytest.mark.parametrize(("kind", "ids"), [(IdKind.INT, [7, 8]), (IdKind.TEXT, ["a", "b"])])
@pytest.mark.parametrize("key", ["id", "rowid"])
async def test_replaced_and_deleted_records_are_so_in_searches_too(store, db, kind, ids, key):
    if kind is IdKind.TEXT and key == "rowid":
        key = "name"
    await store.create(wanted(kind, key))
    await store.upsert("docs", batch(ids, [[1, 0], [0, 1]]))
    await store.upsert("docs", batch(ids, [[0, 1], [1, 0]]))
    assert searched(db, 0, 1) == [f"text {one}" for one in ids]
    assert await store.insert("docs", batch(ids, [[1, 0], [1, 0]])) is not None
    assert searched(db, 0, 1) == [f"text {one}" for one in ids]
    found = await store.query("docs", Query(np.array([0, 1], np.float32), "text_embedding", limit=2))
    assert [one.id for one in found] == ids
    await store.delete("docs", ids[:1])
    assert searched(db, 0, 1) == [f"text {ids[1]}"]
    assert db.execute("SELECT count(*) FROM docs_vec").fetchall() == [(1,)]


@pytest.mark.parametrize("verb", ["upsert", "insert"])
async def test_what_was_deleted_in_one_table_alone_is_not_in_the_way(store, db, verb):
    db.execute(CLASS)
    added(db, "a")
    db.execute("DELETE FROM docs")
    result = await getattr(store, verb)("docs", batch([1], [[1, 0]]))
    assert (result.acknowledged, searched(db, 1, 0)) == (1, ["text 1"])


async def test_a_row_that_the_other_table_refuses_costs_only_itself(store, db):
    db.execute(CLASS)
    db.execute(
        "CREATE TRIGGER t BEFORE INSERT ON docs WHEN new.rowid = 2 BEGIN"
        " INSERT INTO docs_vec(rowid, text_embedding) VALUES (3, '[1]'); END"
    )
    result = await store.upsert("docs", batch([1, 2, 4], [[1, 0]] * 3))
    assert (result.acknowledged, [one.id for one in result.refused]) == (2, [2])


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (wanted(metric=Metric.DOT), "do not compare by dot"),
        (wanted(element=Element.INT8), "int8"),
        (wanted(kind=IdKind.TEXT, name="v"), "called 'text_embedding'"),
    ],
)
async def test_what_the_class_could_not_find_is_refused(store, shape, why):
    with pytest.raises(Unsupported, match=why):
        await store.check_create(shape)


def test_names_keys_and_vectors_that_the_class_has_not_are_refused():
    shape = wanted()
    parts = (IdField("a", IdKind.INT), IdField("b", IdKind.INT))
    for other, why in (
        (replace(shape, name="my docs"), "without quotes"),
        (replace(shape, id=IdField("a,b", IdKind.COMPOUND, parts=parts)), "several columns"),
        (replace(shape, vectors=(*shape.vectors, VectorField("s", VectorKind.SPARSE))), "here are 2"),
    ):
        with pytest.raises(Unsupported, match=why):
            followed.check(other)


async def test_both_names_must_be_free(store, db):
    db.execute("CREATE TABLE docs_vec (n)")
    with pytest.raises(CollectionExists, match="docs_vec"):
        await store.create(wanted())
    assert await store.collections() == ["docs_vec"]


def test_without_text_or_metadata_it_is_a_plain_table():
    shape = replace(wanted(), fields=(Field("text", FieldType.TEXT),))
    assert not followed.is_wanted(shape)
    assert len(schema.create_statements(shape)) == 1
    assert len(schema.create_statements(wanted())) == 3
