"""Pages and look-ups at the edges: the first of all ids, answers that are too large, and records that cannot be."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import grpc
import pytest

from tests.conformance.compare import ids_of
from tests.conformance.subject import make_records, read_all, to_batch
from tests.stores.weaviate.classes import MADE
from vectormigrate.model.collection import Field, IdKind
from vectormigrate.model.errors import CollectionMissing, StoreBroken
from vectormigrate.model.fieldtype import FieldType
from vectormigrate.stores.base import EVERYWHERE, Range
from vectormigrate.stores.place import RequestTooLarge
from vectormigrate.stores.weaviate import open_store, pb
from vectormigrate.stores.weaviate.store import reader
from vectormigrate.stores.weaviate.store.link import Link
from vectormigrate.stores.weaviate.wire.shape import write_class

from .answering import Failing, answering

EDGES = [UUID(int=0), UUID(int=1), UUID(int=2**64), UUID(int=2**127), UUID(int=2**128 - 1)]


async def test_ids_at_every_edge_come_in_order(subject):
    shape = await subject.create(IdKind.UUID)
    records = make_records(shape, EDGES)
    await subject.store.upsert(shape.name, to_batch(shape, records[::-1]))
    for limit in (1, 2, 10):
        assert ids_of(await read_all(subject.store, shape.name, limit=limit)) == EDGES
    for place, record_id in enumerate(EDGES):
        cursor = subject.store.cursor_of(record_id)
        assert ids_of(await read_all(subject.store, shape.name, Range(cursor), limit=2)) == EDGES[place + 1 :]
        assert ids_of(await read_all(subject.store, shape.name, Range(None, cursor))) == EDGES[: place + 1]


async def test_look_ups_of_many_are_cut(subject, monkeypatch):
    monkeypatch.setattr(reader, "_PAGE_BYTES", 1000)
    shape = await subject.create()
    records = await subject.fill(shape, 30)
    wanted = ids_of(records)[::-1]
    assert (await subject.store.fetch(shape.name, wanted)).ids == wanted
    assert ids_of(await read_all(subject.store, shape.name)) == ids_of(
        await read_all(subject.store, shape.name, limit=3)
    )


async def test_what_auto_schema_declares_meanwhile_is_read(endpoint, subject):
    shape = await subject.create(IdKind.UUID, fields=(Field("title", FieldType.TEXT),))
    await subject.fill(shape, 1)
    link = Link(endpoint)

    async def read_back(row, **properties):
        told = {"class": shape.name, "id": str(EDGES[row]), "properties": properties}
        await asyncio.to_thread(link.rest, "POST", "/objects", told)
        return (await subject.store.fetch(shape.name, [EDGES[row]])).payload[0]

    assert await read_back(1, title="t", seen="2024-05-06T07:08:09Z") == {
        "title": "t",
        "seen": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    }
    assert await read_back(2, within={"a": "x"}) == {"within": {"a": "x"}}
    assert await read_back(3, within={"a": "y", "b": "z"}) == {"within": {"a": "y", "b": "z"}}
    link.close()


async def test_what_auto_schema_declares_beside_blobs_is_known_when_the_class_is_looked_at(endpoint, subject):
    """What the gate `shape` goes by: reading does not notice it."""
    link, name = Link(endpoint), subject.new_name()
    properties = [{"name": "title", "dataType": ["text"]}, {"name": "raw", "dataType": ["blob"]}]
    made = {"class": name, "vectorizer": "none", "properties": properties}
    told = {"class": name, "id": str(EDGES[1]), "properties": {"title": "t", "raw": "AAEC", "more": "x"}}
    try:
        await asyncio.to_thread(link.rest, "POST", "/schema", made)
        shape = await subject.store.describe(name)
        await asyncio.to_thread(link.rest, "POST", "/objects", told)
        assert await payloads(subject, shape) == [{"title": "t", "raw": b"\0\1\2"}]
        assert shape.altered(await subject.store.describe(name)) == ["field 'more'"]
        assert await payloads(subject, shape) == [{"title": "t", "raw": b"\0\1\2", "more": "x"}]
    finally:
        link.close()


async def payloads(subject, shape):
    return list((await subject.store.fetch(shape.name, [EDGES[1]])).payload)


def serving(rpc):
    """A server with the class `Docs`, whose ids are UUIDs."""
    described = write_class(MADE)
    answers = {"/v1/schema/Docs": described, "/v1/aliases": {"aliases": []}}
    return answering(lambda _, path, __: (200, json.dumps(answers[path]).encode()), rpc)


def only_small(limit):
    """A server that holds nothing but may not answer more than so many."""

    def search(_, raw):
        request = pb.SearchRequest.FromString(raw)
        if request.limit > limit:
            raise Failing(grpc.StatusCode.RESOURCE_EXHAUSTED, "message larger than max (9 vs. 4)")
        asked = request.filters.value_text_array.values
        results = [
            pb.SearchResult(metadata={"id_as_bytes": UUID(one).bytes}) for one in asked if UUID(one).int
        ]
        return pb.SearchReply(results=results).SerializeToString()

    return search


async def test_answers_that_are_too_large_are_asked_for_in_parts():
    ids = [UUID(int=number) for number in range(1, 8)]
    with serving(only_small(3)) as (endpoint, _):
        async with open_store(endpoint) as store:
            assert await read_all(store, "Docs") == []
            assert (await store.fetch("Docs", ids)).ids == ids
    with serving(only_small(0)) as (endpoint, _):
        async with open_store(endpoint) as store:
            with pytest.raises(RequestTooLarge):
                await store.fetch("Docs", ids)
            with pytest.raises(RequestTooLarge):
                await read_all(store, "Docs")


async def test_a_record_that_does_not_fit_says_so_and_the_class_is_asked_about_again():
    def search(_, raw):
        result = pb.SearchResult(metadata={"id_as_bytes": UUID(int=5).bytes})
        result.metadata.vectors.add(name="vec", vector_bytes=b"\0\0\0")
        return pb.SearchReply(results=[result]).SerializeToString()

    with serving(search) as (endpoint, seen):
        async with open_store(endpoint) as store:
            for _ in range(2):
                with pytest.raises(StoreBroken, match="does not fit"):
                    await store.fetch("Docs", [UUID(int=5)])
    assert sum(path == "/v1/schema/Docs" for _, path, _ in seen) == 2


async def test_a_sample_that_cannot_be_read_says_so():
    def search(_, raw):
        result = pb.SearchResult(metadata={"id_as_bytes": UUID(int=5).bytes})
        result.metadata.vectors.add(name="vec", vector_bytes=b"\0\0\0")
        return pb.SearchReply(results=[result]).SerializeToString()

    unknown = replace(MADE, vectors=(replace(MADE.vectors[0], dim=None),))
    answers = {"/v1/schema/Docs": write_class(unknown), "/v1/aliases": {"aliases": []}}
    with answering(lambda _, path, __: (200, json.dumps(answers[path]).encode()), search) as (endpoint, _):
        async with open_store(endpoint) as store:
            with pytest.raises(StoreBroken, match="cannot be read"):
                await store.describe("Docs")


async def test_a_class_that_went_away_is_asked_about_again(subject):
    shape = await subject.create()
    await subject.fill(shape, 2)
    async with open_store(subject.store.endpoint) as other:
        await other.drop(shape.name)
        with pytest.raises(CollectionMissing):
            await subject.store.fetch(shape.name, [UUID(int=9)])
        with pytest.raises(CollectionMissing):
            await anext(subject.store.scan(shape.name, EVERYWHERE))
        await other.create(replace(shape, native={}))
        assert len(await subject.store.fetch(shape.name, [UUID(int=9)])) == 0
