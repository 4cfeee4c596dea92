"""The parts of the story that need no migration; the whole of it is `make demo`."""

import asyncio
import io
import os

import pytest

from vectormigrate.cli.demo import dataset, story
from vectormigrate.cli.demo.process import CommandLine
from vectormigrate.cli.demo.telling import Teller
from vectormigrate.cli.demo.witness import Seen, vector_digest
from vectormigrate.stores.base import Endpoint, Range
from vectormigrate.stores.registry import open_store

RECORDS = dataset.load()
TARGET = story.Side("milvus", "Milvus Lite", "there")


@pytest.fixture
def told(tmp_path):
    return story._Run(CommandLine(tmp_path), Teller(io.StringIO()), tmp_path, RECORDS)


def rows():
    vectors = RECORDS.vectors[dataset.VECTOR].values
    return {
        record_id: Seen(vector_digest(vector), "")
        for record_id, vector in zip(RECORDS.ids, vectors, strict=True)
    }


def test_some_of_the_foreign_records_have_ids_of_ours():
    foreign = story._foreign(RECORDS)
    taken = [record["synset"] for record in foreign if record["synset"] in set(RECORDS.ids)]
    assert len(foreign) == story.FOREIGN
    assert len(taken) == story.TAKEN
    vectors = dict(zip(RECORDS.ids, RECORDS.vectors[dataset.VECTOR].values.tolist(), strict=True))
    assert all(record["embedding"] != vectors[record["synset"]] for record in foreign[: story.TAKEN])


def test_rows_that_are_as_they_should_be_are_no_problem(told):
    others = {"note-07": Seen("a", "b")}
    assert story._compare(told, TARGET, rows() | others, others) == len(RECORDS)
    assert told.outcome.problems == []


def test_a_missing_a_changed_and_an_unknown_row_are_told(told):
    held = rows()
    del held[RECORDS.ids[0]]
    held[RECORDS.ids[1]] = Seen("other", "")
    held["who-is-that"] = Seen("a", "b")
    assert story._compare(told, TARGET, held, {}) == len(RECORDS) - 1
    assert told.outcome.problems == ["pymilvus reads 1 other vectors and 1 unknown records"]


async def test_the_source_holds_the_data_set_exactly(tmp_path):
    side = story.Side("sqlite", "SQLite", str(tmp_path / "source.db"))
    await story._fill(side, RECORDS)
    read = {}
    async with open_store(Endpoint("sqlite", side.url)) as store:
        async for page in store.scan(story.COLLECTION, Range()):
            read |= {record.id: record for record in page.batch.records()}
    assert sorted(read) == RECORDS.ids
    for record in RECORDS.records():
        assert read[record.id].payload == record.payload
        assert read[record.id].dense[dataset.VECTOR].tobytes() == record.dense[dataset.VECTOR].tobytes()


@pytest.mark.parametrize("keep", [True, False])
async def test_the_workplace_goes_when_the_story_is_cancelled(keep):
    place = None

    async def work() -> None:
        nonlocal place
        async with story._workplace(keep, Teller(io.StringIO())) as place:
            (place / "milvus.db").mkdir()
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await work()
    assert place.exists() is keep
    if keep:
        (place / "milvus.db").rmdir()
        place.rmdir()


def test_the_server_is_stopped_and_its_files_are_gone_at_the_end(tmp_path):
    with story._postgres(tmp_path, keep=False) as server:
        pid, home = server.pid, server.directory
        assert home.exists()
    assert not home.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
