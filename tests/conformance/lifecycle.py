"""Looking around, making, unmaking, closing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vectormigrate.model.collection import Field, FieldType, IdKind, VectorIndex
from vectormigrate.model.errors import CollectionExists, CollectionMissing
from vectormigrate.stores.base import Range

from .compare import assert_holds
from .subject import Subject, make_record, requires, to_batch


class Lifecycle:
    """What happens to a collection as a whole."""

    async def test_info_says_what_answers(self, subject: Subject):
        info = await subject.store.info()
        assert info.kind == subject.capabilities.kind
        assert info.version

    async def test_two_openings_know_that_they_are_the_same_database(self, subject: Subject):
        other = subject.open()
        assert other.identity() == subject.store.identity()
        await other.close()

    async def test_two_openings_find_the_same_collection(self, subject: Subject):
        made, second = await subject.create(), await subject.create()
        other = subject.open()
        place = await subject.store.locate(made.name)
        assert await other.locate(made.name) == place
        assert await other.locate(second.name) != place
        assert await other.locate("not_there") != place
        await other.close()

    async def test_checking_a_creation_changes_nothing(self, subject: Subject):
        wanted = subject.shape()
        before = await subject.store.collections()
        await subject.store.check_create(wanted)
        assert await subject.store.collections() == before
        await subject.store.create(wanted)

    @pytest.mark.parametrize("kind", IdKind)
    async def test_a_shape_comes_back_as_made(self, subject: Subject, kind: IdKind):
        requires(kind in subject.capabilities.id_kinds, f"id_kinds: {kind}")
        wanted = subject.shape(kind)
        made = await subject.store.create(wanted)
        described = await subject.store.describe(wanted.name)
        assert described == made
        assert described.name == wanted.name
        assert (described.id.name, described.id.kind) == (wanted.id.name, kind)
        assert [part.kind for part in described.id.parts] == [part.kind for part in wanted.id.parts]
        assert _vectors(described) == _vectors(wanted)
        assert {field.name: field.type for field in described.fields} == {
            field.name: field.type for field in wanted.fields
        }

    async def test_every_declared_type_is_described_as_it_was_asked_for(self, subject: Subject):
        types = [
            type_
            for type_ in FieldType
            if type_ in subject.capabilities.field_types and type_ is not FieldType.ARRAY
        ]
        fields = [Field(f"f_{type_}", type_) for type_ in types]
        made = await subject.create(fields=fields)
        assert {field.name: field.type for field in made.fields} == {
            field.name: field.type for field in fields
        }
        assert (await subject.store.describe(made.name)).fields == made.fields

    async def test_the_metric_is_known_once_the_index_is_built(self, subject: Subject):
        vector = subject.vector()
        wanted = subject.shape(vectors=[_indexed(vector)])
        made = await subject.store.create(wanted)
        await subject.fill(made, 3)
        await subject.store.finish_load(wanted)
        await subject.store.finish_load(wanted)
        described = await subject.store.describe(made.name)
        assert described.vectors[0].metric is vector.metric

    async def test_a_collection_is_listed_until_it_is_dropped(self, subject: Subject):
        shape = await subject.create()
        names = await subject.store.collections()
        assert shape.name in names
        assert names == sorted(names)
        await subject.store.drop(shape.name)
        assert shape.name not in await subject.store.collections()
        await subject.store.drop(shape.name)

    async def test_a_name_is_taken_once(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 2)
        with pytest.raises(CollectionExists) as caught:
            await subject.store.create(shape)
        assert shape.name in str(caught.value)
        await assert_holds(subject.store, shape, records)

    async def test_a_collection_made_again_is_empty(self, subject: Subject):
        shape = await subject.create()
        await subject.fill(shape, 2)
        await subject.store.drop(shape.name)
        await subject.store.create(shape)
        assert await subject.store.count(shape.name) == 0

    async def test_a_missing_collection_is_named_by_every_call(self, subject: Subject):
        shape, store = subject.shape(), subject.store
        record = make_record(shape, "x")
        calls = [
            lambda: store.describe(shape.name),
            lambda: store.count(shape.name),
            lambda: store.split(shape.name, 2),
            lambda: store.fetch(shape.name, ["x"]),
            lambda: store.upsert(shape.name, to_batch(shape, [record])),
            lambda: store.patch(shape.name, ["x"], {"n": 1}),
            lambda: store.delete(shape.name, ["x"]),
            lambda: anext(store.scan(shape.name, Range())),
        ]
        for call in calls:
            with pytest.raises(CollectionMissing) as caught:
                await call()
            assert shape.name in str(caught.value)

    async def test_what_is_acknowledged_outlives_the_connection(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 5)
        await subject.store.close()
        await subject.store.close()
        subject.store = subject.open()
        await assert_holds(subject.store, shape, records)

    async def test_the_vendors_own_client_agrees_on_the_count(self, subject: Subject):
        requires(subject.raw_count is not None, "the subject brings no reader of its own")
        shape = await subject.create()
        await subject.fill(shape, 5)
        assert await subject.raw_count(shape.name) == 5


def _vectors(shape):
    return {vector.name: (vector.kind, vector.element, vector.dim) for vector in shape.vectors}


def _indexed(vector):
    return replace(vector, index=VectorIndex("hnsw", {"m": 8, "ef_construction": 32}))
