"""What a batch answers: refused for good, by object, or unresolved; and writes that would make what is not there."""

import json
from dataclasses import replace
from uuid import UUID

import grpc
import numpy as np
import pytest

from tests.conformance.compare import assert_holds, ids_of
from tests.conformance.subject import make_ids, make_record, make_records, to_batch
from tests.stores.weaviate.classes import MADE
from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import Field, FieldType, IdKind, VectorField
from vectormigrate.model.errors import CollectionMissing, RecordRefused, Throttled, Unresolved
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Query
from vectormigrate.stores.weaviate import open_store, pb
from vectormigrate.stores.weaviate.store import writer
from vectormigrate.stores.weaviate.wire.shape import write_class

from .answering import Failing, answering

SHAPE = replace(MADE, vectors=(VectorField("vec", dim=3),))
RECORDS = [replace(make_record(SHAPE, UUID(int=number)), payload={"n": number}) for number in range(1, 7)]
BATCH = to_batch(SHAPE, RECORDS)


def serving(rpc):
    answers = {"/v1/schema/Docs": write_class(SHAPE), "/v1/aliases": {"aliases": []}}
    return answering(lambda _, path, __: (200, json.dumps(answers[path]).encode()), rpc)


class Taking:
    """Takes batches and keeps them; fails the objects of `errors`, and the calls of `failures`, each in its turn."""

    def __init__(self, errors=None, failures=(), most=10**9):
        self.errors, self.failures, self.most = errors or {}, list(failures), most
        self.requests = []

    def __call__(self, method, raw):
        if method == "BatchDelete":
            return pb.BatchDeleteReply(matches=3, failed=1).SerializeToString()
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        request = pb.BatchObjectsRequest.FromString(raw)
        if len(request.objects) > self.most:
            raise Failing(grpc.StatusCode.RESOURCE_EXHAUSTED, "received message larger than max")
        self.requests.append(request)
        failed = [
            {"index": place, "error": self.errors[UUID(one.uuid).int]}
            for place, one in enumerate(request.objects)
            if UUID(one.uuid).int in self.errors
        ]
        return pb.BatchObjectsReply(errors=failed).SerializeToString()


async def upserted(taking, batch=BATCH):
    with serving(taking) as (endpoint, _):
        async with open_store(endpoint) as store:
            return await store.upsert("Docs", batch)


async def test_objects_that_fail_for_good_are_refused_by_their_rows(monkeypatch):
    monkeypatch.setattr(writer, "_LIMIT", 150)
    taking = Taking({2: "invalid integer property", 5: "new node has a vector with length 2"})
    result = await upserted(taking)
    assert result.acknowledged == 4
    assert [(one.row, one.id, type(one.error)) for one in result.refused] == [
        (1, UUID(int=2), RecordRefused),
        (4, UUID(int=5), RecordRefused),
    ]
    assert "length 2" in result.refused[1].error.message
    assert len(taking.requests) > 1
    assert {request.consistency_level for request in taking.requests} == {2}


async def test_an_object_that_failed_for_a_reason_of_the_servers_leaves_the_write_unresolved():
    with pytest.raises(Unresolved, match="read-only"):
        await upserted(Taking({2: "store is read-only"}))


async def test_a_failure_behind_an_applied_part_is_unresolved(monkeypatch):
    slow = Failing(grpc.StatusCode.RESOURCE_EXHAUSTED, "slow down")
    with pytest.raises(Throttled):
        await upserted(Taking(failures=[slow]))
    monkeypatch.setattr(writer, "_LIMIT", 150)
    with pytest.raises(Unresolved, match="part of the write"):
        await upserted(Taking(failures=[None, slow]))


async def test_requests_that_are_too_large_are_halved():
    taking = Taking(most=2)
    assert await upserted(taking) == WriteResult(6)
    assert [len(request.objects) for request in taking.requests] == [1, 2, 1, 2]
    result = await upserted(Taking(most=0))
    assert [one.row for one in result.refused] == list(range(6))
    assert "larger" in result.refused[0].error.message


async def test_a_delete_that_fails_in_part_is_unresolved():
    with serving(Taking()) as (endpoint, _):
        async with open_store(endpoint) as store:
            with pytest.raises(Unresolved, match="1 of 3"):
                await store.delete("Docs", [UUID(int=1)])


async def test_a_class_of_others_takes_what_it_can_give_back(subject):
    wanted = subject.shape(IdKind.UUID, fields=[Field("label", FieldType.TEXT)])
    shape = await subject.store.create(replace(wanted, native={"weaviate": {}}))
    records = [
        make_record(shape, UUID(int=1), label="good"),
        make_record(shape, UUID(int=2), label="good", other=1),
    ]
    result = await subject.store.upsert(shape.name, to_batch(shape, records))
    assert [one.id for one in result.refused] == [UUID(int=2)]
    await assert_holds(subject.store, shape, records[:1])


async def test_a_write_to_a_class_that_is_gone_does_not_make_it_anew(subject):
    shape = await subject.create()
    records = await subject.fill(shape, 2)
    async with open_store(subject.store.endpoint) as other:
        await other.drop(shape.name)
        with pytest.raises(CollectionMissing):
            await subject.store.upsert(shape.name, to_batch(shape, records))
        with pytest.raises(CollectionMissing):
            await subject.store.delete(shape.name, ids_of(records))
        assert shape.name not in await other.collections()


async def test_a_patch_keeps_vectors_and_what_no_property_can_say(subject):
    shape = await subject.create(fields=[Field("n", FieldType.INT)], dynamic=True)
    [record] = make_records(shape, [UUID(int=7)])
    record = replace(record, payload={"n": 2**53 + 1, "other": [1, "1"]})
    await subject.store.upsert(shape.name, to_batch(shape, [record]))
    assert await subject.store.patch(
        shape.name, [UUID(int=7), UUID(int=8)], {"other": 5, "new": None}
    ) == WriteResult(2)
    patched = replace(record, payload={"n": 2**53 + 1, "other": 5, "new": None})
    await assert_holds(subject.store, shape, [patched])
    assert (await subject.store.patch(shape.name, [UUID(int=7)], {"n": "text"})).acknowledged == 0
    await assert_holds(subject.store, shape, [patched])


UNDECLARED = [
    {
        "title": "a",
        "year": 1999,
        "price": 0.5,
        "new": True,
        "tags": ["x"],
        "deep": {"a": 1},
        "With Space": "s",
    },
    {"title": 5, "year": 0.5, "price": 1, "new": "no", "tags": [1, "1"], "deep": None, "late": 2**53 + 1},
    {"title": "b", "year": 2**53 + 1, "tags": ["y", "z"], "late": 7},
]


async def undeclared(subject):
    shape = await subject.create(fields=[Field("label", FieldType.TEXT)], dynamic=True)
    records = [
        replace(record, payload=payload)
        for record, payload in zip(make_records(shape, make_ids(IdKind.UUID, 3)), UNDECLARED, strict=True)
    ]
    for record in records:
        assert await subject.store.upsert(shape.name, to_batch(shape, [record])) == WriteResult(1)
    return shape, records


async def natively(subject, name):
    """The properties of objects as applications see them, without ours, in the order of ids."""
    link = subject.store._link
    told = await subject.store._run(link.rest, "GET", f"/objects?class={name}&limit=10")
    plain = sorted(told["objects"], key=lambda one: one["id"])
    return [{key: value for key, value in one["properties"].items() if key[0] != "_"} for one in plain]


async def test_keys_that_nobody_declared_have_properties_as_far_as_they_can(subject):
    shape, records = await undeclared(subject)
    await assert_holds(subject.store, shape, records)
    assert await natively(subject, shape.name) == [
        {"title": "a", "year": 1999, "price": 0.5, "new": True, "tags": ["x"]},
        {"price": 1, "late": 2**53},
        {"title": "b", "year": 2**53, "tags": ["y", "z"], "late": 7},
    ]
    described = await subject.store.describe(shape.name)
    assert (described.fields, described.dynamic) == (shape.fields, True)


async def test_filters_over_them_find_what_has_no_property_as_well(subject):
    shape, records = await undeclared(subject)
    vector = records[0].dense["vec"]
    for condition in (
        Compare(("title",), Comparison.EQ, 5),
        Compare(("year",), Comparison.LT, 1),
        Compare(("tags",), Comparison.EQ, "1"),
    ):
        got = await subject.store.query(shape.name, Query(vector, "vec", filter=condition))
        assert [match.id for match in got] == [records[1].id]


async def test_there_are_no_more_properties_than_a_class_bears(subject, monkeypatch):
    monkeypatch.setattr(writer, "_MOST_PROPERTIES", 4)
    shape, records = await undeclared(subject)
    await assert_holds(subject.store, shape, records)
    assert [sorted(one) for one in await natively(subject, shape.name)] == [["new", "price"], ["price"], []]


async def test_who_may_not_change_a_class_keeps_the_keys_all_the_same():
    taking, answers = Taking(), {"/v1/schema/Docs": write_class(SHAPE), "/v1/aliases": {"aliases": []}}

    def rest(method, path, _):
        return (200, json.dumps(answers[path]).encode()) if method == "GET" else (403, b"")

    with answering(rest, taking) as (endpoint, seen):
        async with open_store(endpoint) as store:
            batch = to_batch(SHAPE, [replace(RECORDS[0], payload={"other": "a"})])
            for _ in range(2):
                assert await store.upsert("Docs", batch) == WriteResult(1)
    assert sum(method == "POST" for method, _, _ in seen) == 1
    [held] = [one for request in taking.requests[:1] for one in request.objects]
    assert held.properties.non_ref_properties["_vm_meta"] == '{"other":"a"}'


async def test_a_multi_vector_without_a_row_is_refused():
    shape = replace(SHAPE, vectors=(MADE.vectors[1],))
    empty = make_record(shape, UUID(int=1))
    empty = replace(empty, multi={"tokens": np.zeros((0, 2), np.float32)}, payload={})
    answers = {"/v1/schema/Docs": write_class(shape), "/v1/aliases": {"aliases": []}}
    with answering(lambda _, path, __: (200, json.dumps(answers[path]).encode()), Taking()) as (endpoint, _):
        async with open_store(endpoint) as store:
            result = await store.upsert("Docs", to_batch(shape, [empty]))
            assert await store.upsert("Docs", Batch([])) == WriteResult(0)
    assert "without a row" in result.refused[0].error.message
