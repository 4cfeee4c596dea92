"""Records that are sorted into row groups: finding, walking, weighing."""

from __future__ import annotations

import pytest

from tests.conformance.subject import make_ids, make_records, to_batch
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, VectorField
from vectormigrate.stores.parquet import folding, manifest
from vectormigrate.stores.parquet.files import Files
from vectormigrate.stores.parquet.order import Order
from vectormigrate.stores.parquet.parts import Parts
from vectormigrate.stores.parquet.snapshot import Snapshot, create

SHAPE = CollectionShape("docs", IdField("k", IdKind.INT), (VectorField("vec", dim=4),), dynamic=True)
IDS = make_ids(IdKind.INT, 40)


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Forty records in ten row groups of four, two a part."""
    monkeypatch.setattr(folding, "_AT_ONCE", 4)
    monkeypatch.setattr(folding, "_GROUP_ROWS", 4)
    monkeypatch.setattr(folding, "_PART_BYTES", 1000)
    create(tmp_path / "docs", SHAPE)
    snapshot = Snapshot(tmp_path / "docs")
    snapshot.put(to_batch(SHAPE, make_records(SHAPE, IDS)))
    snapshot.fold()
    told = manifest.read(tmp_path / "docs")
    assert len(told.parts) > 1
    assert [size for part in told.parts for size in part.groups] == [4] * 10
    return Parts(told, Files(tmp_path / "docs", SHAPE.id), Order(IdKind.INT))


def test_a_walk_begins_and_ends_where_it_is_told(parts):
    assert [one for one, _ in parts.after(None, None)] == IDS
    assert [one for one, _ in parts.after(IDS[3], IDS[9])] == IDS[4:10]
    assert [one for one, _ in parts.after(IDS[5] + 1, IDS[9] - 1)] == IDS[6:9]
    assert list(parts.after(IDS[-1], None)) == []


def test_what_is_there_is_found(parts):
    wanted = [IDS[0] - 1, IDS[0], IDS[7], IDS[8], IDS[8] + 1, IDS[39], IDS[39] + 1]
    assert list(parts.find(wanted)) == [IDS[0], IDS[7], IDS[8], IDS[39]]


@pytest.mark.parametrize("ranges", [1, 2, 40])
def test_weights_sum_to_the_records_and_end_at_the_last(parts, ranges):
    weights = list(parts.weights(ranges))
    assert sum(weight for _, weight in weights) == 40
    assert weights[-1][0] == IDS[-1]
    assert len(weights) >= min(ranges, 10)
