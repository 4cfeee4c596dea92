"""The suite over plain tables that we make, and what only SQLite can show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import apsw
import numpy as np
import pytest

from tests.conformance.subject import make_ids, make_record, read_all, to_batch
from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorIndex,
)
from vectormigrate.model.errors import (
    CollectionExists,
    CollectionMissing,
    ConfigInvalid,
    StoreBroken,
    Unsupported,
)
from vectormigrate.model.query import Query
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.sqlite import open_store
from vectormigrate.stores.sqlite.store import path_of

SHAPE = CollectionShape(
    "docs",
    IdField("id", IdKind.TEXT),
    (VectorField("v", dim=2, metric=Metric.COSINE, index=VectorIndex("hnsw")),),
    (Field("label", FieldType.TEXT, indexed=True),),
)


class TestPlainTables(ConformanceSuite):
    @pytest.fixture
    def target(self, tmp_path):
        path = tmp_path / "plain.db"

        async def raw_count(name: str) -> int:
            with_apsw = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                return with_apsw.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0]
            finally:
                with_apsw.close()

        return Subject(open=lambda: open_store(Endpoint("sqlite", str(path))), raw_count=raw_count)


@pytest.fixture
async def store(tmp_path):
    async with open_store(Endpoint("sqlite", str(tmp_path / "new.db"))) as opened:
        yield opened


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("data/x.db", "data/x.db"),
        ("/data/x.db", "/data/x.db"),
        ("sqlite:///x.db", "x.db"),
        ("sqlite:////data/x.db", "/data/x.db"),
    ],
)
def test_a_url_is_a_path(url, path):
    assert path_of(url) == Path(path)


@pytest.mark.parametrize("url", ["", ":memory:", "sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_no_store(url):
    with pytest.raises(ConfigInvalid, match="no path"):
        open_store(Endpoint("sqlite", url))


@pytest.mark.parametrize("timeout", ["soon", "-1", "nan"])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with pytest.raises(ConfigInvalid, match=timeout):
        open_store(Endpoint("sqlite", "x.db", options={"timeout": timeout}))


async def test_a_file_that_is_not_there_is_made_by_create_alone(store, tmp_path):
    assert "not there yet" in (await store.info()).details["file"]
    assert await store.collections() == []
    await store.drop("docs")
    with pytest.raises(CollectionMissing, match=r"'docs'.*does not exist"):
        await store.describe("docs")
    assert not (tmp_path / "new.db").exists()
    await store.create(SHAPE)
    info = await store.info()
    assert (info.version, info.details["journal_mode"]) == (apsw.sqlite_lib_version(), "delete")


async def test_a_missing_folder_is_a_wrong_path(tmp_path):
    async with open_store(Endpoint("sqlite", str(tmp_path / "no" / "x.db"))) as store:
        with pytest.raises(ConfigInvalid, match="no folder"):
            await store.info()


async def test_an_index_of_a_field_is_built_after_the_load_and_the_metric_is_kept(store):
    made = await store.create(SHAPE)
    assert not made.field_named("label").indexed
    await store.finish_load(SHAPE)
    await store.finish_load(SHAPE)
    described = await store.describe("docs")
    assert described.field_named("label").indexed
    assert described.vectors == (VectorField("v", dim=2, metric=Metric.COSINE),)


async def test_names_that_sqlite_takes_for_one_are_refused_before_anything_is_made(store, tmp_path):
    fields = (Field("Name", FieldType.TEXT), Field("name", FieldType.TEXT))
    with pytest.raises(Unsupported, match="'Name' and 'name'"):
        await store.create(replace(SHAPE, fields=fields))
    with pytest.raises(Unsupported):
        await store.create(replace(SHAPE, name="sqlite_x"))
    assert not (tmp_path / "new.db").exists()
    await store.create(SHAPE)
    with pytest.raises(CollectionExists):
        await store.create(replace(SHAPE, name="DOCS"))


async def test_a_change_of_the_table_is_seen_at_once(store, tmp_path):
    made = await store.create(SHAPE)
    await store.upsert("docs", to_batch(made, [make_record(made, "a", label="x")]))
    other = apsw.Connection(str(tmp_path / "new.db"))
    other.execute("alter table docs add column later INTEGER; update docs set later = 5")
    [record] = await read_all(store, "docs")
    assert record.payload == {"label": "x", "later": 5}
    other.execute("alter table docs rename to papers")
    with pytest.raises(CollectionMissing):
        await read_all(store, "docs")
    other.close()


async def test_a_batch_made_ready_for_a_table_that_has_changed_since_goes_into_the_table_as_it_is(
    store, tmp_path
):
    made = await store.create(SHAPE)
    await store.upsert("docs", to_batch(made, [make_record(made, "a", label="x")]))
    other = apsw.Connection(str(tmp_path / "new.db"))
    other.execute("alter table docs add column later INTEGER")
    records = [make_record(made, id_, label="x", later=5) for id_ in make_ids(IdKind.TEXT, 100)]
    result = await store.upsert("docs", to_batch(made, records))
    assert (result.acknowledged, result.refused) == (100, ())
    assert other.execute("select sum(later) from docs").fetchall() == [(500,)]
    other.close()


async def test_a_guess_made_of_nothing_is_made_again(store, tmp_path):
    other = apsw.Connection(str(tmp_path / "new.db"))
    other.execute("create table t(id integer primary key, embedding blob)")
    assert (await store.describe("t")).vectors == ()
    other.execute("insert into t values (1, ?)", (np.arange(8, dtype=np.float32).tobytes(),))
    assert (await store.describe("t")).vectors == (VectorField("embedding", dim=8),)
    other.close()


async def test_a_failing_page_ahead_spoils_nothing_for_who_leaves_early(store, tmp_path):
    made = await store.create(SHAPE)
    ids = make_ids(IdKind.TEXT, 4)
    await store.upsert("docs", to_batch(made, [make_record(made, id_, label="x") for id_ in ids]))
    other = apsw.Connection(str(tmp_path / "new.db"))
    other.execute("update docs set id = cast(x'ff' as text) where id = ?", (ids[3],))
    pages = store.scan("docs", store_range := (await store.split("docs", 1))[0], limit=2)
    assert (await anext(pages)).batch.ids == ids[:2]
    await pages.aclose()
    with pytest.raises(StoreBroken, match="UTF-8"):
        [page async for page in store.scan("docs", store_range, limit=2)]
    assert await store.count("docs") == 4
    other.close()


async def test_a_plain_table_without_a_metric_is_searched_by_cosine(store, tmp_path):
    other = apsw.Connection(str(tmp_path / "new.db"))
    other.execute("create table t(id integer primary key, v float[2])")
    rows = [(1, np.array([9, 0], "f4").tobytes()), (2, np.array([1, 1], "f4").tobytes())]
    other.executemany("insert into t values (?, ?)", rows)
    got = await store.query("t", Query(np.array([2, 2], np.float32), "v"))
    assert [match.id for match in got] == [2, 1]
    other.close()
