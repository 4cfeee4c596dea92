"""Records that match, in key order, found there or here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conformance.compare import assert_same
from tests.conformance.subject import Subject, make_ids, make_record, to_batch
from vectormigrate.model.collection import IdKind
from vectormigrate.model.errors import StoreBroken, StoreError, Unsupported
from vectormigrate.model.filter import And, Compare, Comparison, Exists, HasId, Native
from vectormigrate.stores.base import Content, Range

ONE = Compare(("n",), Comparison.EQ, 1)
WORDS = Native("pinecone", {"n": {"$eq": 1}})
THERE = "/vectors/fetch_by_metadata"


async def filled(subject, kind=IdKind.TEXT, **more):
    shape = await subject.create(kind, **more)
    ids = make_ids(kind, 30)
    records = [
        replace(make_record(shape, one, place), payload={"n": place % 3}) for place, one in enumerate(ids)
    ]
    for record in records[::-1]:
        await subject.store.upsert(shape.name, to_batch(shape, [record]))
    await subject.store.barrier(shape.name)
    return shape, records


async def selected(subject, shape, where, span=None, **how):
    return [page async for page in subject.store.select(shape.name, where, span or Range(), limit=4, **how)]


def paths(service):
    return {path for _, path, _ in service.requests}


@pytest.mark.parametrize("where", [ONE, WORDS])
async def test_what_matches_is_found_there_and_comes_in_order(subject, service, where):
    service.page = 3
    shape, records = await filled(subject)
    service.requests.clear()
    pages = await selected(subject, shape, where)
    assert [len(page.batch) for page in pages] == [4, 4, 2]
    assert_same([one for page in pages for one in page.batch.records()], records[1::3], shape)
    assert "/vectors/list" not in paths(service)
    rest = await selected(subject, shape, where, Range(pages[0].cursor, pages[1].cursor), content=Content.IDS)
    assert [one for page in rest for one in page.batch.ids] == pages[1].batch.ids
    assert rest[0].batch.vectors == {}


@pytest.mark.parametrize("where", [HasId(("id-000004",)), And((ONE, HasId(("id-000004",))))])
async def test_what_pinecone_cannot_say_is_found_here(subject, service, where):
    shape, records = await filled(subject)
    service.requests.clear()
    pages = await selected(subject, shape, where)
    assert_same([one for page in pages for one in page.batch.records()], [records[4]], shape)
    assert THERE not in paths(service)


@pytest.mark.parametrize("where", [ONE, WORDS])
async def test_an_older_server_is_read_whole(subject, service, where):
    shape, records = await filled(subject)
    service.failing = [(THERE, 404, {})]
    pages = await selected(subject, shape, where)
    assert_same([one for page in pages for one in page.batch.records()], records[1::3], shape)


async def test_namespaces_and_partitions_keep_their_order(opens, subject):
    shape, records = await filled(subject, partitions=("a", "b"))
    pages = await selected(subject, shape, ONE)
    assert_same([one for page in pages for one in page.batch.records()], records[1::3], shape)
    rest = await selected(subject, shape, ONE, Range(pages[0].cursor))
    assert rest[0].batch.ids == pages[1].batch.ids
    async with Subject(open=lambda: opens(keys="namespaced")).running() as other:
        shape, records = await filled(other, IdKind.COMPOUND)
        pages = await selected(other, shape, ONE)
        assert_same([one for page in pages for one in page.batch.records()], records[1::3], shape)


async def test_a_namespace_that_is_not_there_has_nothing(subject):
    shape = await subject.create()
    assert await selected(subject, shape, Exists(("n",))) == []


async def test_what_is_no_filter_is_told(subject, service):
    shape, _ = await filled(subject)
    with pytest.raises(Unsupported):
        await selected(subject, shape, Native("qdrant", {}))
    service.index(shape.name).pod = {"environment": "e", "pod_type": "p1.x1"}
    await subject.store.describe(shape.name)
    with pytest.raises(StoreError):
        await selected(subject, shape, Native("pinecone", {"$nor": []}))


async def test_an_answer_that_makes_no_sense_is_told(subject, service, monkeypatch):
    shape, _ = await filled(subject)
    monkeypatch.setattr(service, "fetch_by_metadata", lambda *how: ({"vectors": 5}, {}))
    with pytest.raises(StoreBroken):
        await selected(subject, shape, WORDS)
