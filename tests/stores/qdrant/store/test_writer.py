"""Order, waiting, parts, refused rows, and answers that are not to be trusted."""

import numpy as np
import pytest

from tests.conformance.subject import make_records, read_all, to_batch
from tests.fakes.qdrant import Refused
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.errors import RecordRefused, StoreError, Throttled, Unresolved
from vectormigrate.model.operation import WriteResult
from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.store import writer


@pytest.fixture
def faulty(qdrant_server):
    yield qdrant_server
    qdrant_server.fault = None


def fault_of(server, *paths: str):
    """Make requests to these paths fail as `refused` says, which the test may change."""

    def set_fault(refused, after: int = 0) -> None:
        left = [after]

        def fault(method: str, path: str):
            if not path.endswith(paths):
                return None
            left[0] -= 1
            return refused if left[0] < 0 else None

        server.fault = fault

    return set_fault


async def filled(subject, count: int = 4):
    shape = await subject.create(fields=[], dynamic=True)
    records = make_records(shape, [*range(count)])
    await subject.store.upsert(shape.name, to_batch(shape, records))
    return shape, records


async def test_every_write_waits_and_is_ordered(subject, qdrant_server):
    shape, _ = await filled(subject, 2)
    qdrant_server.seen.clear()
    await subject.store.upsert(shape.name, to_batch(shape, make_records(shape, [5])))
    await subject.store.patch(shape.name, [5], {"a": 1})
    await subject.store.patch(shape.name, [5], {"a": None})
    await subject.store.delete(shape.name, [5])
    await subject.store.barrier(shape.name, position="7")
    writes = [one for one in qdrant_server.seen if "points" in one[1] and not _reads(one[1])]
    writes += [one for one in qdrant_server.seen if one[1].endswith("/Upsert")]
    assert len(writes) == 5
    for method, path, _, body in writes:
        if method == "RPC":
            request = points_pb2.UpsertPoints.FromString(body)
            assert request.wait
            assert request.ordering.type == points_pb2.WriteOrderingType.Value("Strong")
        else:
            assert path.endswith("?wait=true&ordering=strong")


def _reads(path: str) -> bool:
    return "consistency" in path


@pytest.mark.parametrize("status", ["acknowledged", "wait_timeout"])
async def test_a_write_that_is_not_completed_is_unresolved(subject, qdrant_server, status, monkeypatch):
    shape, _ = await filled(subject, 1)
    collection = qdrant_server.database.collection(shape.name)
    real = collection._update
    monkeypatch.setattr(collection, "_update", lambda operation: {**real(operation), "status": status})
    if not subject.store._link.fast:
        with pytest.raises(Unresolved):
            await subject.store.upsert(shape.name, to_batch(shape, make_records(shape, [1])))
    for write in (subject.store.delete(shape.name, [0]), subject.store.patch(shape.name, [0], {"a": 1})):
        with pytest.raises(Unresolved) as caught:
            await write
        assert status in caught.value.message


async def test_a_message_that_is_not_completed_is_unresolved(subject, monkeypatch):
    shape, _ = await filled(subject, 1)
    if not subject.store._link.fast:
        return
    answer = points_pb2.PointsOperationResponse()
    answer.result.status = points_pb2.UpdateStatus.Value("WaitTimeout")
    monkeypatch.setattr(subject.store._link, "call", lambda *args, **how: answer)
    with pytest.raises(Unresolved, match="waittimeout"):
        await subject.store.upsert(shape.name, to_batch(shape, make_records(shape, [1])))


async def test_a_batch_goes_in_parts_that_a_request_can_hold(subject, qdrant_server, monkeypatch):
    shape = await subject.create(fields=[], dynamic=True)
    monkeypatch.setattr(writer, "_LIMIT", 1500)
    records = make_records(shape, [*range(40)])
    qdrant_server.seen.clear()
    assert await subject.store.upsert(shape.name, to_batch(shape, records)) == WriteResult(40)
    bodies = [body for _, path, _, body in qdrant_server.seen if path.endswith(("/Upsert", "=strong"))]
    assert len(bodies) > 1
    assert max(map(len, bodies)) < 1700
    assert await subject.store.count(shape.name) == 40


async def test_a_failure_behind_an_applied_part_is_unresolved(subject, faulty, monkeypatch):
    shape = await subject.create(fields=[], dynamic=True)
    batch = to_batch(shape, make_records(shape, [*range(40)]))
    throttle = fault_of(faulty, "/points", "/Upsert")
    throttle(Refused(429, "slow down"))
    with pytest.raises(Throttled):
        await subject.store.upsert(shape.name, batch)
    monkeypatch.setattr(writer, "_LIMIT", 1500)
    throttle(Refused(429, "slow down"), after=1)
    with pytest.raises(Unresolved):
        await subject.store.upsert(shape.name, batch)


async def test_a_row_that_the_server_refuses_is_found(subject, qdrant_server, monkeypatch):
    shape = await subject.create(fields=[], dynamic=True)
    collection = qdrant_server.database.collection(shape.name)
    real = collection._point

    def picky(point):
        if point["id"] in (3, 6):
            raise Refused(400, "Wrong input: I do not like it")
        return real(point)

    monkeypatch.setattr(collection, "_point", picky)
    result = await subject.store.upsert(shape.name, to_batch(shape, make_records(shape, [*range(8)])))
    assert result.acknowledged == 6
    assert [(refusal.row, refusal.id) for refusal in result.refused] == [(3, 3), (6, 6)]
    assert "I do not like it" in result.refused[0].error.message
    assert len(await read_all(subject.store, shape.name)) == 6


async def test_a_request_at_fault_is_not_taken_apart_for_ever(subject, faulty):
    shape = await subject.create(fields=[], dynamic=True)
    batch = to_batch(shape, make_records(shape, [*range(100)]))
    fault_of(faulty, "/points", "/Upsert")(Refused(400, "Wrong input: no"))
    with pytest.raises(StoreError, match="no record is accepted"):
        await subject.store.upsert(shape.name, batch)


async def test_a_payload_that_cannot_be_told_is_refused_by_itself(subject):
    shape, _ = await filled(subject, 1)
    payload = {"n": 2**64}
    batch = Batch([1, 2], {"vec": DenseColumn(np.ones((2, 4), np.float32))}, [payload, {}])
    result = await subject.store.upsert(shape.name, batch)
    assert (result.acknowledged, [refusal.row for refusal in result.refused]) == (1, [0])
    patched = await subject.store.patch(shape.name, [0], payload)
    assert patched.acknowledged == 0
    assert isinstance(patched.refused[0].error, RecordRefused)


async def test_a_record_without_any_vector(subject):
    shape, _ = await filled(subject, 1)
    assert await subject.store.upsert(shape.name, Batch([9], {}, [{"a": 1}])) == WriteResult(1)
    [record] = (await subject.store.fetch(shape.name, [9])).records()
    assert (record.dense, record.payload) == ({}, {"a": 1})


async def test_null_is_set_and_does_not_remove(subject):
    shape, _ = await filled(subject, 3)
    await subject.store.patch(shape.name, [0, 2, 77], {"a": None, "n": 5})
    held = await subject.store.fetch(shape.name, [0, 1, 2])
    assert [payload.get("a", "missing") for payload in held.payload] == [None, "missing", None]
    assert [payload["n"] for payload in held.payload] == [5, 1, 5]
    assert await subject.store.patch(shape.name, [77], {"a": None}) == WriteResult(1)


async def test_ids_of_other_kinds_are_nowhere(subject):
    shape, _ = await filled(subject, 1)
    assert await subject.store.delete(shape.name, ["text", -1]) == WriteResult(2)
    assert await subject.store.count(shape.name) == 1


async def test_who_may_only_read_waits_for_nothing(subject, faulty):
    shape, _ = await filled(subject, 1)
    fault_of(faulty, "/points/delete")(Refused(403, "Forbidden: Write access is required"))
    await subject.store.barrier(shape.name, position="3")


async def test_behind_our_own_writes_there_is_nothing_to_wait_for(subject, qdrant_server):
    shape, _ = await filled(subject, 1)
    before = len(qdrant_server.seen)
    await subject.store.barrier(shape.name)
    assert len(qdrant_server.seen) == before
    await subject.store.barrier(shape.name, position="3")
    assert len(qdrant_server.seen) == before + 1
    assert await subject.store.count(shape.name) == 1
