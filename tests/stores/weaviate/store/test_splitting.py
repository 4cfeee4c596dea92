"""Ranges of a class that is too large to be listed."""

from uuid import UUID, uuid5

import pytest

from tests.conformance.compare import ids_of
from tests.conformance.subject import make_records, read_all, to_batch
from vectormigrate.model.collection import IdKind
from vectormigrate.stores.base import Content
from vectormigrate.stores.weaviate.store import splitting

RANDOM = [uuid5(UUID(int=0), str(number)) for number in range(200)]
GROWING = [UUID(int=(0x019B << 112) + (number << 60)) for number in range(200)]
"""As ids that begin with the time are: close together."""


@pytest.mark.parametrize("ids", [RANDOM, GROWING], ids=["random", "growing"])
async def test_ids_spread_evenly_or_growing_are_cut_evenly(subject, monkeypatch, ids):
    monkeypatch.setattr(splitting, "_LISTED", 10)
    shape = await subject.create(IdKind.UUID)
    await subject.store.upsert(shape.name, to_batch(shape, make_records(shape, ids)))
    ranges = await subject.store.split(shape.name, 5)
    parts = [await read_all(subject.store, shape.name, span, content=Content.IDS) for span in ranges]
    everything = await read_all(subject.store, shape.name, content=Content.IDS)
    assert ids_of([record for part in parts for record in part]) == ids_of(everything)
    assert len(ranges) == 5
    assert max(map(len, parts)) < 80


async def test_few_ids_far_apart_are_cut_into_fewer(subject, monkeypatch):
    monkeypatch.setattr(splitting, "_LISTED", 1)
    shape = await subject.create(IdKind.UUID)
    ids = [UUID(int=0), UUID(int=2**127)]
    await subject.store.upsert(shape.name, to_batch(shape, make_records(shape, ids)))
    ranges = await subject.store.split(shape.name, 64)
    parts = [await read_all(subject.store, shape.name, span) for span in ranges]
    assert ids_of([record for part in parts for record in part]) == ids
    assert len(ranges) <= 3
