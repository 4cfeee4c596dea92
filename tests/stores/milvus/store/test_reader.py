"""Records out of a collection."""

from __future__ import annotations

import pytest

from vectormigrate.model.errors import StoreBroken
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.stores.base import EVERYWHERE, Content


async def test_a_record_that_others_left_in_two_partitions_stops_the_scan(subject, vendor):
    shape = await subject.create(partitions=("one", "two"))
    for partition in ("one", "two"):
        vendor.upsert(shape.name, [{"key": "a", "vec": [1.0, 0.0, 0.0, 0.0]}], partition_name=partition)
        vendor.flush(shape.name)
    with pytest.raises(StoreBroken, match="two partitions"):
        await subject.store.fetch(shape.name, ["a"])


async def test_what_is_looked_at_comes_without_its_vectors(subject):
    shape = await subject.create()
    await subject.fill(shape, 3)
    everybody = Compare(("title",), Comparison.NE, "nobody")
    store, how = subject.store, {"content": Content.PAYLOAD}
    scanned = [page.batch async for page in store.scan(shape.name, EVERYWHERE, **how)]
    chosen = [page.batch async for page in store.select(shape.name, everybody, EVERYWHERE, **how)]
    for batch in (*scanned, *chosen, await store.fetch(shape.name, scanned[0].ids, **how)):
        assert batch.vectors == {}
        assert len(batch) == 3
        assert all(batch.payload)
