"""Records out of a collection."""

from __future__ import annotations

import pytest

from vectormigrate.model.errors import StoreBroken


async def test_a_record_that_others_left_in_two_partitions_stops_the_scan(subject, vendor):
    shape = await subject.create(partitions=("one", "two"))
    for partition in ("one", "two"):
        vendor.upsert(shape.name, [{"key": "a", "vec": [1.0, 0.0, 0.0, 0.0]}], partition_name=partition)
        vendor.flush(shape.name)
    with pytest.raises(StoreBroken, match="two partitions"):
        await subject.store.fetch(shape.name, ["a"])
