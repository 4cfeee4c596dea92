"""Waiting ends when what was written can be read, and not for ever."""

from __future__ import annotations

import pytest

from tests.conformance.subject import Subject, make_record, to_batch
from vectormigrate.model.errors import StoreDown
from vectormigrate.model.operation import WriteResult
from vectormigrate.stores.pinecone.store import waiting


async def written(subject, count=3):
    shape = await subject.create()
    await subject.fill(shape, count)
    return shape


@pytest.mark.parametrize("kind", ["query", "fetch", "list", "stats"])
async def test_a_barrier_waits_for_each_kind_of_read(opens, served, subject, kind):
    served.service.delays[kind] = 0.1
    store = subject.store
    subject.store = patient = opens(visible_after="5")
    shape = await subject.create()
    await subject.fill(shape, 3)
    began = served.service.clock()
    await patient.barrier(shape.name)
    waited = served.service.clock() - began
    subject.store = store
    if kind == "stats":
        assert len((await patient.fetch(shape.name, ["id-000001"])).ids) == 1
    else:
        assert waited > 0.05
    await patient.close()


async def test_a_store_that_is_read_only_lets_time_pass(opens, subject, service):
    shape = await written(subject)
    reader = opens(visible_after="0.15")
    before, began = len(service.requests), service.clock()
    await reader.barrier(shape.name)
    assert service.clock() - began > 0.14
    assert not any("delete" in path or "upsert" in path for _, path, _ in service.requests[before:])
    await reader.close()


async def test_a_position_is_waited_for_without_writing(opens, subject, service):
    shape = await written(subject)
    await subject.store.barrier(shape.name)
    service.delays["query"] = 0.15
    index = service.index(shape.name)
    _, headers = service.upsert(index, {"vectors": [{"id": "app", "values": [1, 2, 3, 4]}]}, 100)
    reader = opens(visible_after="30")
    await reader.barrier(shape.name, position=headers["x-pinecone-request-lsn"])
    held, _ = service.seen(index, None, "query")
    assert "app" in held
    await reader.close()


async def test_behind_a_position_fetch_may_be_given_time_besides(opens, subject, service):
    shape = await written(subject)
    await subject.store.barrier(shape.name)
    reader = opens(visible_after="30", fetch_lag="0.12")
    began = service.clock()
    await reader.barrier(shape.name, position="1")
    assert service.clock() - began > 0.11
    await reader.close()


@pytest.mark.parametrize("settles", [True, False])
async def test_who_may_write_asks_the_log_how_far_it_goes(opens, subject, service, settles):
    """Another process has written; this one has only settled, as targets do, or deleted nothing, as a swap does."""
    shape = await written(subject)
    await subject.store.barrier(shape.name)
    service.delays["query"] = 0.1
    record = make_record(shape, "late", 9)
    await subject.store.upsert(shape.name, to_batch(shape, [record]))
    other = opens(visible_after="30")
    if settles:
        assert await other.settle() == 60.0
    else:
        assert await other.delete(shape.name, []) == WriteResult(0)
    await other.barrier(shape.name)
    held, _ = service.seen(service.index(shape.name), None, "query")
    assert "late" in held
    assert "_vm_barrier" not in held
    await other.close()


async def test_where_nothing_is_numbered_canaries_and_time_are_enough(opens, served):
    served.service.numbered = False
    served.service.delays.update(fetch=0.05, list=0.05)
    store = opens(visible_after="5")
    subject = Subject(open=lambda: store)
    subject.store = store
    shape = await subject.create()
    records = await subject.fill(shape, 3)
    assert (await store.fetch(shape.name, [record.id for record in records])).ids == [r.id for r in records]
    await store.close()


async def test_a_canary_that_somebody_overwrites_holds_nobody_up_for_long(opens, subject, service):
    shape = await subject.create()
    subject.store, first = opens(visible_after="0.2"), subject.store
    await subject.fill(shape, 3)
    service.upsert(service.index(shape.name), {"vectors": [{"id": "id-000002", "values": [9, 9, 9, 9]}]}, 100)
    began = service.clock()
    await subject.store.barrier(shape.name)
    assert 0.15 < service.clock() - began < 5
    await subject.store.close()
    subject.store = first


async def test_an_index_that_never_catches_up_is_down(subject, service, monkeypatch):
    shape = await written(subject)
    await subject.store.barrier(shape.name)
    monkeypatch.setattr(waiting, "_PATIENCE", 0.1)
    service.delays["query"] = 3600
    await subject.store.upsert(shape.name, to_batch(shape, [make_record(shape, "late", 9)]))
    with pytest.raises(StoreDown):
        await subject.store.barrier(shape.name)
    service.delays.clear()


async def test_a_query_that_says_no_number_is_given_time(opens, subject, service, monkeypatch):
    shape = await written(subject)
    store = opens(visible_after="0.15")
    real = service.query
    monkeypatch.setattr(service, "query", lambda *how: (real(*how)[0], {}))
    began = service.clock()
    await store.barrier(shape.name, position="99")
    assert service.clock() - began > 0.14
    await store.close()


async def test_a_number_alone_means_nothing_among_several_namespaces(opens, subject, service):
    shape = await written(subject)
    store = opens(visible_after="0.15")
    began = service.clock()
    await store.barrier(f"{shape.name}/*", position="1")
    await store.barrier(f"{shape.name}/elsewhere", position="__default__=1")
    assert service.clock() - began < 1
    await store.close()


async def test_a_namespace_that_nobody_wrote_to_is_fresh(subject):
    shape = await subject.create()
    await subject.store.barrier(shape.name)
    await subject.store.finish_load(shape)


async def test_how_long_reads_wait_where_nothing_says_more_is_told(opens):
    store = opens(visible_after="7")
    (told,) = (await store.info()).cautions
    assert "7 s (--source-option visible_after=" in told
    await store.close()
