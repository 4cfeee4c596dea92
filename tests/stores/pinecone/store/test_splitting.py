"""Ranges of about equal size, listed or guessed."""

from __future__ import annotations

import pytest

from tests.conformance.compare import ids_of
from tests.conformance.subject import Subject, make_ids, make_records, read_all, to_batch
from vectormigrate.model.collection import IdKind, VectorKind
from vectormigrate.stores.base import Content
from vectormigrate.stores.pinecone.store import splitting


async def sizes(subject, name, parts):
    ranges = await subject.store.split(name, parts)
    got = [ids_of(await read_all(subject.store, name, span, content=Content.IDS)) for span in ranges]
    order = ids_of(await read_all(subject.store, name, content=Content.IDS))
    assert [one for part in got for one in part] == order
    return [len(part) for part in got]


async def test_a_sample_cuts_a_large_collection(subject, service, monkeypatch):
    shape = await subject.create()
    await subject.fill(shape, 900)
    await subject.store.barrier(shape.name)
    monkeypatch.setattr(splitting, "LISTED", 100)
    monkeypatch.setattr(splitting, "_SAMPLE", 300)
    service.requests.clear()
    await subject.store.split(shape.name, 4)
    assert [path for _, path, _ in service.requests if path == "/vectors/list"] == []
    found = await sizes(subject, shape.name, 4)
    assert len(found) == 4
    assert all(100 < size < 400 for size in found)


async def test_a_sample_that_cannot_be_had_is_done_without(subject, service, monkeypatch):
    monkeypatch.setattr(splitting, "LISTED", 10)
    words = subject.vector("words", VectorKind.SPARSE, dim=100)
    shape = await subject.create(vectors=[words])
    await subject.fill(shape, 90)
    assert len(await sizes(subject, shape.name, 3)) == 3
    service.failing = [("/query", 400, {})]
    assert len(await sizes(subject, shape.name, 3)) == 3


@pytest.mark.parametrize("listed", [0, 10_000])
async def test_namespaces_count_by_their_size(opens, monkeypatch, listed):
    monkeypatch.setattr(splitting, "LISTED", listed)
    async with Subject(open=lambda: opens(keys="namespaced")).running() as subject:
        shape = await subject.create(IdKind.COMPOUND)
        ids = [("large", number) for number in range(90)] + [("small", number) for number in range(10)]
        await subject.store.upsert(shape.name, to_batch(shape, make_records(shape, ids)))
        found = await sizes(subject, shape.name, 2)
        assert found == [50, 50]


@pytest.mark.parametrize("listed", [0, 10_000])
async def test_partitions_are_cut_together(subject, monkeypatch, listed):
    monkeypatch.setattr(splitting, "LISTED", listed)
    shape = await subject.create(partitions=("a", "b"))
    await subject.fill(shape, 100)
    assert await sizes(subject, shape.name, 4) == [25, 25, 25, 25]


async def test_nothing_is_one_range(subject):
    shape = await subject.create()
    assert len(await subject.store.split(shape.name, 5)) == 1
    await subject.store.upsert(shape.name, to_batch(shape, make_records(shape, make_ids(shape.id.kind, 1))))
    assert len(await subject.store.split(shape.name, 5)) == 1
