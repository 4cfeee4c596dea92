"""The port over a folder of snapshots: the suite over the log, its reading over parts too, and what is beyond the port."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.conformance.compare import assert_holds
from tests.conformance.reading import Reading
from tests.conformance.subject import make_ids, make_record, make_records, to_batch
from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, VectorField
from vectormigrate.model.errors import (
    CollectionMissing,
    ConfigInvalid,
    StoreBroken,
    Unreachable,
    Unsupported,
)
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.parquet import CAPABILITIES, ParquetStore, open_store

SHAPE = CollectionShape("docs", IdField("k", IdKind.INT), (VectorField("vec", dim=4),), dynamic=True)
RECORDS = make_records(SHAPE, make_ids(IdKind.INT, 20))


class TestConformance(ConformanceSuite):
    @pytest.fixture
    def target(self, tmp_path):
        return Subject(open=lambda: open_store(Endpoint("parquet", str(tmp_path / "snapshots"))))


class Finished(ParquetStore):
    """A store that finishes the load after every second write: reads see parts with a log over them, or parts alone."""

    writes = 0

    async def upsert(self, collection, batch, *, fresh=False):
        result = await super().upsert(collection, batch, fresh=fresh)
        self.writes += 1
        if self.writes % 2:
            await self.finish_load(await self.describe(collection))
        return result


class TestOverParts(Reading):
    @pytest.fixture
    def target(self, tmp_path):
        return Subject(open=lambda: Finished(Endpoint("parquet", str(tmp_path)), CAPABILITIES))

    subject = ConformanceSuite.subject


@pytest.fixture
async def store(tmp_path):
    async with open_store(Endpoint("parquet", str(tmp_path / "snapshots"))) as store:
        yield store


async def written(store):
    await store.create(SHAPE)
    await store.upsert("docs", to_batch(SHAPE, RECORDS))
    await store.finish_load(SHAPE)


async def test_anybody_reads_a_finished_snapshot(store, tmp_path):
    await written(store)
    frame = pd.read_parquet(tmp_path / "snapshots" / "docs")
    assert frame["id"].tolist() == [record.id for record in RECORDS]
    assert frame["vector.vec"][3].tolist() == RECORDS[3].dense["vec"].tolist()
    assert frame["payload"][3] == '{"label":"record 3","n":3}'


async def test_what_is_written_after_the_end_is_in_the_parts_once_the_store_is_closed(store, tmp_path):
    await written(store)
    await store.delete("docs", [RECORDS[0].id])
    assert list((tmp_path / "snapshots" / "docs" / "_log").iterdir())
    await store.close()
    assert not list((tmp_path / "snapshots" / "docs" / "_log").iterdir())
    async with open_store(store.endpoint) as again:
        await assert_holds(again, SHAPE, RECORDS[1:])


async def test_what_a_process_left_that_was_killed_is_in_the_parts_once_the_next_is_done(store, tmp_path):
    await written(store)
    async with open_store(store.endpoint) as killed:
        await killed.delete("docs", [RECORDS[0].id])
        killed._written.clear()
    assert list((tmp_path / "snapshots" / "docs" / "_log").iterdir())
    await store.barrier("docs")
    await store.barrier("gone meanwhile")
    await store.close()
    assert not list((tmp_path / "snapshots" / "docs" / "_log").iterdir())


async def test_closing_does_not_finish_what_is_not_finished(store, tmp_path):
    await store.create(SHAPE)
    await store.upsert("docs", to_batch(SHAPE, RECORDS))
    await store.close()
    assert not list((tmp_path / "snapshots" / "docs").glob("*.parquet"))
    async with open_store(store.endpoint) as again:
        await assert_holds(again, SHAPE, RECORDS)


async def test_a_reader_goes_on_while_another_folds(store):
    await written(store)
    async with open_store(store.endpoint) as other:
        await other.upsert("docs", to_batch(SHAPE, [make_record(SHAPE, 7000)]))
        pages = store.scan("docs", span=(await store.split("docs", 1))[0], limit=15)
        first = await anext(pages)
        await other.finish_load(SHAPE)
        rest = [page async for page in pages]
    assert [one for page in (first, *rest) for one in page.batch.ids] == [
        *(record.id for record in RECORDS),
        7000,
    ]


async def test_damage_is_told_and_where(store, tmp_path):
    await written(store)
    path = tmp_path / "snapshots" / "docs" / "part-00000.parquet"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    async with open_store(store.endpoint) as again:
        with pytest.raises(StoreBroken, match="docs is damaged") as caught:
            await again.fetch("docs", [RECORDS[0].id, RECORDS[1].id])
    assert caught.value.collection == "docs"


async def test_a_part_that_is_gone_is_damage(store, tmp_path):
    await written(store)
    (tmp_path / "snapshots" / "docs" / "part-00000.parquet").unlink()
    async with open_store(store.endpoint) as again:
        with pytest.raises(StoreBroken):
            await again.fetch("docs", [RECORDS[0].id])


async def test_a_place_that_cannot_be_one_is_told(tmp_path):
    with pytest.raises(ConfigInvalid):
        open_store(Endpoint("parquet", ""))
    async with open_store(Endpoint("parquet", str(tmp_path / "no" / "where"))) as store:
        with pytest.raises(ConfigInvalid, match="no folder"):
            await store.info()
        with pytest.raises(CollectionMissing, match="'docs'"):
            await store.count("docs")
        assert await store.collections() == []
    (tmp_path / "file").touch()
    async with open_store(Endpoint("parquet", f"file://{tmp_path}/file")) as store:
        with pytest.raises(Unreachable):
            await store.create(SHAPE)


async def test_names_that_are_no_folder_of_ours_are_refused(store):
    for name in ("a/b", "..", ".hidden", "x" * 61):
        with pytest.raises(Unsupported):
            await store.check_create(CollectionShape(name, SHAPE.id, SHAPE.vectors))
        await store.drop(name)
