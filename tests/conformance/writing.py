"""Upsert, insert, patch, delete, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import numpy as np
import pytest

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import Field, FieldType, IdKind
from vectormigrate.model.errors import RecordRefused, Unsupported, VectormigrateError
from vectormigrate.model.operation import WriteResult

from .compare import assert_holds, assert_same, by_id
from .subject import Subject, make_ids, make_record, make_records, read_all, requires, several_dense, to_batch


class Writing:
    """An acknowledged write is there, whole, and nothing else is."""

    @pytest.mark.parametrize("fresh", [False, True])
    async def test_an_upsert_replaces_the_record_whole(self, subject: Subject, fresh: bool):
        able = subject.capabilities
        vectors = (
            [subject.vector("one"), subject.vector("two")] if several_dense(able) else [subject.vector()]
        )
        shape = await subject.create(vectors=vectors, dynamic=able.dynamic)
        [old] = await subject.fill(shape, 1)
        if able.dynamic:
            extra = replace(old, payload={**old.payload, "old_key": "old"})
            await subject.store.upsert(shape.name, to_batch(shape, [extra]))
        new = replace(make_record(shape, old.id, 5), payload={})
        if able.nullable_vectors and len(vectors) > 1:
            new = replace(new, dense={"two": new.dense["two"]})
        result = await subject.store.upsert(shape.name, to_batch(shape, [new]), fresh=fresh)
        assert result == WriteResult(1)
        assert_same((await subject.store.fetch(shape.name, [old.id])).records(), [new], shape)
        assert await subject.store.count(shape.name) == 1

    async def test_fresh_changes_nothing_but_speed(self, subject: Subject):
        shape = await subject.create()
        await subject.fill(shape, 10)
        ids = make_ids(shape.id.kind, 15, start=5)
        news = [make_record(shape, record_id, 100 + place) for place, record_id in enumerate(ids)]
        assert await subject.store.upsert(shape.name, to_batch(shape, news), fresh=True) == WriteResult(15)
        assert_same((await subject.store.fetch(shape.name, ids)).records(), news, shape)
        assert await subject.store.count(shape.name) == 20

    async def test_an_insert_leaves_what_is_there(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 3)
        news = [make_record(shape, record_id, 50) for record_id in make_ids(shape.id.kind, 3, start=2)]
        if not subject.capabilities.insert_only:
            with pytest.raises(Unsupported):
                await subject.store.insert(shape.name, to_batch(shape, news))
            return
        assert (await subject.store.insert(shape.name, to_batch(shape, news))).acknowledged == 2
        got = await subject.store.fetch(shape.name, make_ids(shape.id.kind, 5))
        assert_same(got.records(), [*records, *news[1:]], shape)

    async def test_racing_inserts_add_each_id_once(self, subject: Subject):
        requires(subject.capabilities.insert_only, "insert_only")
        shape = await subject.create()
        ids = make_ids(shape.id.kind, 20)
        async with asyncio.TaskGroup() as group:
            racers = [
                group.create_task(
                    subject.store.insert(
                        shape.name,
                        to_batch(shape, [make_record(shape, record_id, racer) for record_id in ids]),
                    )
                )
                for racer in range(4)
            ]
        assert sum(racer.result().acknowledged for racer in racers) == 20
        assert await subject.store.count(shape.name) == 20

    async def test_a_patch_sets_its_keys_and_keeps_the_rest(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 3)
        key, value = next(
            (key, value)
            for key, value in (("label", "patched"), ("n", 7))
            if shape.dynamic or shape.field_named(key)
        )
        absent = make_ids(shape.id.kind, 1, start=900)
        await subject.store.patch(shape.name, [records[0].id, *absent, records[2].id], {key: value})
        records[0] = replace(records[0], payload={**records[0].payload, key: value})
        records[2] = replace(records[2], payload={**records[2].payload, key: value})
        await assert_holds(subject.store, shape, records)

    async def test_a_patch_sets_undeclared_keys_and_null(self, subject: Subject):
        requires(subject.capabilities.dynamic, "dynamic")
        shape = await subject.create(fields=[], dynamic=True)
        record = make_record(shape, make_ids(shape.id.kind, 1)[0], a=1, b={"c": [1, None]})
        await subject.store.upsert(shape.name, to_batch(shape, [record]))
        assert await subject.store.patch(shape.name, [record.id], {"a": None, "d": "new"}) == WriteResult(1)
        patched = replace(record, payload={"a": None, "b": {"c": [1, None]}, "d": "new"})
        await assert_holds(subject.store, shape, [patched])

    async def test_a_delete_is_repeatable(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 5)
        gone = [records[1].id, records[3].id, *make_ids(shape.id.kind, 1, start=900)]
        for _ in range(2):
            assert await subject.store.delete(shape.name, gone) == WriteResult(3)
            assert await subject.store.count(shape.name) == 3
        await assert_holds(subject.store, shape, records[::2])

    async def test_a_deleted_id_can_be_written_again(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 2)
        await subject.store.delete(shape.name, [records[0].id])
        assert len(await subject.store.fetch(shape.name, [records[0].id])) == 0
        await subject.store.upsert(shape.name, to_batch(shape, records[:1]))
        await assert_holds(subject.store, shape, records)

    async def test_writes_of_nothing_do_nothing(self, subject: Subject):
        shape = await subject.create()
        assert await subject.store.upsert(shape.name, to_batch(shape, [])) == WriteResult(0)
        assert await subject.store.delete(shape.name, []) == WriteResult(0)
        assert await subject.store.patch(shape.name, [], {"n": 1}) == WriteResult(0)
        assert await subject.store.count(shape.name) == 0

    async def test_a_batch_over_the_limit_is_refused_whole(self, subject: Subject):
        limit = subject.capabilities.write_batch
        requires(limit <= 20_000, "write_batch: too many to try")
        shape = await subject.create()
        ids = make_ids(shape.id.kind, limit + 1)
        field = shape.vectors[0]
        values = np.ones((limit + 1, field.dim), dtype=np.float32)
        batch = Batch(ids, {field.name: DenseColumn(values)}, [{} for _ in ids])
        with pytest.raises(VectormigrateError) as caught:
            await subject.store.upsert(shape.name, batch)
        assert not caught.value.retryable
        assert await subject.store.count(shape.name) == 0
        full = batch.slice(0, limit)
        assert await subject.store.upsert(shape.name, full) == WriteResult(limit)
        assert await subject.store.count(shape.name) == limit

    async def test_the_same_id_twice_in_a_batch_is_refused_clearly(self, subject: Subject):
        shape = await subject.create()
        twice, once = make_ids(shape.id.kind, 2)
        records = [make_record(shape, twice, 1), make_record(shape, once, 2), make_record(shape, twice, 3)]
        outcome = await _outcome(subject.store.upsert(shape.name, to_batch(shape, records)))
        held = await subject.store.count(shape.name)
        if isinstance(outcome, VectormigrateError):
            assert not outcome.retryable
            assert held == 0
        else:
            assert {refusal.id for refusal in outcome.refused} == {twice}
            assert held == 2 - (len(outcome.refused) == 2)

    async def test_a_barrier_makes_writes_seen_on_any_connection(self, subject: Subject):
        shape = await subject.create()
        other = subject.open()
        try:
            records = await subject.fill(shape, 5)
            await subject.store.barrier(shape.name)
            await assert_holds(other, shape, records)
            await other.delete(shape.name, [records[0].id])
            await other.barrier(shape.name)
            assert len(await subject.store.fetch(shape.name, [records[0].id])) == 0
        finally:
            await other.close()

    async def test_nothing_of_an_earlier_owner_can_land_after_settling(self, subject: Subject):
        assert await subject.store.settle() >= 0.0

    async def test_several_writers_at_once_lose_nothing(self, subject: Subject):
        shape = await subject.create()
        records = make_records(shape, make_ids(shape.id.kind, 80))
        async with asyncio.TaskGroup() as group:
            for start in range(0, 80, 10):
                batch = to_batch(shape, records[start : start + 10])
                group.create_task(subject.store.upsert(shape.name, batch))
                group.create_task(subject.store.count(shape.name))
        await assert_holds(subject.store, shape, records)

    async def test_a_cancelled_write_leaves_the_store_usable(self, subject: Subject):
        shape = await subject.create()
        records = make_records(shape, make_ids(shape.id.kind, 200))
        task = asyncio.ensure_future(subject.store.upsert(shape.name, to_batch(shape, records)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await subject.store.upsert(shape.name, to_batch(shape, records))
        await assert_holds(subject.store, shape, records)

    async def test_one_bad_record_does_not_cost_the_good_ones(self, subject: Subject):
        shape = await subject.create()
        records = make_records(shape, make_ids(shape.id.kind, 5))
        batch = to_batch(shape, records)
        requires(not subject.capabilities.non_finite, "non_finite: NaN is no bad record here")
        batch.vectors["vec"].values[1, 2] = np.nan
        batch.vectors["vec"].values[3, 0] = -np.inf
        result = await subject.store.upsert(shape.name, batch)
        assert result.acknowledged == 3
        assert [(refusal.row, refusal.id) for refusal in result.refused] == [
            (1, records[1].id),
            (3, records[3].id),
        ]
        for refusal in result.refused:
            assert isinstance(refusal.error, RecordRefused)
            assert refusal.error.ids
        await assert_holds(subject.store, shape, records[::2])

    async def test_a_wrong_dimension_is_refused_and_never_bent(self, subject: Subject):
        shape = await subject.create()
        ids = make_ids(shape.id.kind, 2)
        batch = Batch(ids, {"vec": DenseColumn(np.ones((2, 5), np.float32))}, [{}, {}])
        await _refused(subject, shape.name, batch)

    async def test_an_unknown_vector_is_refused(self, subject: Subject):
        shape = await subject.create()
        batch = to_batch(shape, [make_record(shape, make_ids(shape.id.kind, 1)[0])])
        stranger = replace(batch, vectors={**batch.vectors, "stranger": batch.vectors["vec"]})
        await _refused(subject, shape.name, stranger)

    async def test_an_undeclared_key_is_refused_where_none_are_allowed(self, subject: Subject):
        requires(FieldType.TEXT in subject.capabilities.field_types, "field_types: text")
        shape = await subject.create(fields=[Field("label", FieldType.TEXT)])
        requires(not shape.dynamic, "a fixed set of keys")
        ids = make_ids(shape.id.kind, 2)
        records = [make_record(shape, ids[0], label="a"), make_record(shape, ids[1], label="b", stranger=1)]
        result = await subject.store.upsert(shape.name, to_batch(shape, records))
        assert [refusal.id for refusal in result.refused] == [ids[1]]
        await assert_holds(subject.store, shape, records[:1])

    async def test_an_id_of_another_kind_is_refused(self, subject: Subject):
        for kind, stranger in ((IdKind.INT, "text"), (IdKind.UUID, 5), (IdKind.INT, 2**63)):
            if kind not in subject.capabilities.id_kinds:
                continue
            shape = await subject.create(kind)
            [good] = make_ids(kind, 1)
            records = [make_record(shape, good), replace(make_record(shape, good), id=stranger)]
            result = await subject.store.upsert(shape.name, to_batch(shape, records))
            assert (result.acknowledged, [refusal.row for refusal in result.refused]) == (1, [1])

    async def test_a_large_batch_arrives_whole(self, subject: Subject):
        shape = await subject.create()
        count = min(3000, subject.capabilities.write_batch)
        records = await subject.fill(shape, count)
        assert await subject.store.count(shape.name) == count
        got = await read_all(subject.store, shape.name)
        assert_same(sorted(got, key=by_id), records, shape)


async def _refused(subject: Subject, collection: str, batch: Batch) -> None:
    """Refused, item by item or as a whole, for good, and nothing is stored."""
    outcome = await _outcome(subject.store.upsert(collection, batch))
    if isinstance(outcome, VectormigrateError):
        assert not outcome.retryable
    else:
        assert outcome.acknowledged == 0
        assert [refusal.row for refusal in outcome.refused] == list(range(len(batch)))
        assert not any(refusal.error.retryable for refusal in outcome.refused)
    assert await subject.store.count(collection) == 0


async def _outcome(write: Awaitable[WriteResult]) -> WriteResult | VectormigrateError:
    """The answer to a write, or its error: where a store may choose between the two."""
    try:
        return await write
    except VectormigrateError as error:
        return error
