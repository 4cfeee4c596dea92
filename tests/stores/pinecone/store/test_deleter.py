"""Ids go, in requests that Pinecone takes, and nothing beside them is lost from sight."""

from __future__ import annotations

import pytest

from tests.conformance.compare import assert_holds
from tests.conformance.subject import make_ids
from vectormigrate.model.errors import Unresolved
from vectormigrate.model.operation import WriteResult


async def test_a_namespace_that_was_never_there_has_nothing_to_delete(subject):
    shape = await subject.create()
    assert await subject.store.delete(shape.name, ["a", "b"]) == WriteResult(2)


async def test_ids_that_cannot_be_there_are_not_asked_for(subject, service):
    shape = await subject.create()
    records = await subject.fill(shape, 2)
    service.requests.clear()
    assert await subject.store.delete(shape.name, ["é", "", "x" * 600]) == WriteResult(3)
    assert not any(path == "/vectors/delete" for _, path, _ in service.requests)
    await assert_holds(subject.store, shape, records)


async def test_a_delete_without_an_answer_is_unresolved(subject, service):
    shape = await subject.create()
    await subject.fill(shape, 2)
    await subject.store.barrier(shape.name)
    service.failing = [("/vectors/delete", "drop after", {})]
    with pytest.raises(Unresolved):
        await subject.store.delete(shape.name, make_ids(shape.id.kind, 1))


async def test_deleting_the_canary_of_a_write_waits_for_the_write(subject, service, opens):
    service.delays.update(fetch=0.15, list=0.1)
    store = opens(visible_after="5")
    shape = await subject.create()
    subject.store, first = store, subject.store
    records = await subject.fill(shape, 5)
    await store.delete(shape.name, [records[-1].id])
    subject.store = first
    await assert_holds(store, shape, records[:-1])
    await store.close()
