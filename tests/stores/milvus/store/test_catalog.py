"""Collections as a whole."""

from __future__ import annotations

from tests.conformance.subject import make_records, to_batch
from vectormigrate.model.collection import Field, FieldType, IdKind


async def test_a_collection_that_was_released_is_loaded_for_reading(subject, vendor):
    shape = await subject.create()
    records = make_records(shape, ["a", "b"])
    await subject.store.upsert(shape.name, to_batch(shape, records))
    await subject.store.finish_load(shape)
    vendor.release_collection(shape.name)
    assert (await subject.store.fetch(shape.name, ["b", "a"])).ids == ["b", "a"]


async def test_partitions_indexes_and_limits_are_described(subject):
    fields = [
        Field("tags", FieldType.ARRAY, True, FieldType.TEXT, 7),
        Field("t", FieldType.TEXT, False, None, 9),
    ]
    shape = await subject.create(IdKind.INT, fields=fields, partitions=("beta", "alpha"))
    assert shape.partitions == ("alpha", "beta")
    assert {field.name: field.max_length for field in shape.fields} == {"tags": 7, "t": 9}
    assert (await subject.store.describe(shape.name)) == shape
