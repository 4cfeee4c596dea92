"""A folder as one thread sees it: what is in it when, what a kill leaves, and what damage looks like."""

from __future__ import annotations

import hashlib

import pyarrow.parquet as pq
import pytest

from tests.conformance.compare import assert_same, ids_of
from tests.conformance.subject import make_ids, make_record, make_records, to_batch
from vectormigrate.model import points
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, VectorField
from vectormigrate.stores.base import Content, Range
from vectormigrate.stores.parquet import manifest
from vectormigrate.stores.parquet.snapshot import Snapshot, create, drop

SHAPE = CollectionShape("docs", IdField("k", IdKind.TEXT), (VectorField("vec", dim=4),), dynamic=True)
RECORDS = make_records(SHAPE, make_ids(IdKind.TEXT, 30))


@pytest.fixture
def folder(tmp_path):
    create(tmp_path / "docs", SHAPE)
    return tmp_path / "docs"


@pytest.fixture
def snapshot(folder):
    return Snapshot(folder)


def fill(snapshot, records=RECORDS, each=7):
    for start in range(0, len(records), each):
        snapshot.put(to_batch(SHAPE, records[start : start + each][::-1]))


def everything(snapshot):
    snapshot.refresh()
    return list(snapshot.page(Range(), 1000, Content.FULL).records())


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_finished_snapshot_is_its_parts_and_a_manifest(folder, snapshot):
    fill(snapshot)
    assert snapshot.manifest.complete is False
    snapshot.fold()
    assert files(folder) == [".lock", "_manifest.json", "part-00000.parquet"]
    told = manifest.read(folder)
    [part] = told.parts
    data = (folder / part.file).read_bytes()
    assert (told.complete, told.records, part.rows, part.bytes) == (True, 30, 30, len(data))
    assert part.sha256 == hashlib.sha256(data).hexdigest()
    assert pq.read_table(folder / part.file).column("id").to_pylist() == ids_of(RECORDS)
    assert_same(everything(snapshot), RECORDS, SHAPE)


def test_folding_again_does_nothing(folder, snapshot):
    fill(snapshot)
    snapshot.fold()
    before = (folder / "_manifest.json").stat()
    snapshot.fold()
    assert (folder / "_manifest.json").stat().st_ino == before.st_ino


def test_an_empty_snapshot_can_be_finished(folder, snapshot):
    snapshot.fold()
    assert manifest.read(folder).complete
    assert everything(snapshot) == []


def test_the_log_lies_over_the_parts(folder, snapshot):
    fill(snapshot)
    snapshot.fold()
    news = [make_record(SHAPE, record.id, 900) for record in RECORDS[10:20]]
    news += make_records(SHAPE, ["a", "id-000010-and-a-half", "z"])
    fill(snapshot, news)
    snapshot.remove([RECORDS[0].id, RECORDS[12].id, "z", "never there"])
    expected = {record.id: record for record in [*RECORDS, *news]}
    for gone in (RECORDS[0].id, RECORDS[12].id, "z"):
        del expected[gone]
    for _ in range(2):
        assert_same(everything(snapshot), [expected[one] for one in sorted(expected)], SHAPE)
        assert snapshot.count() == len(expected)
        asked = [RECORDS[12].id, "a", RECORDS[29].id, RECORDS[11].id]
        assert snapshot.fetch(asked, Content.IDS).ids == asked[1:]
        snapshot.fold()
    assert files(folder) == [".lock", "_manifest.json", "part-00001.parquet"]


def test_another_opening_sees_what_was_folded(folder, snapshot):
    other = Snapshot(folder)
    fill(snapshot)
    assert_same(everything(other), RECORDS, SHAPE)
    snapshot.fold()
    assert_same(everything(other), RECORDS, SHAPE)
    other.put(to_batch(SHAPE, [make_record(SHAPE, "new")]))
    assert everything(snapshot)[-1].id == "new"


def test_what_others_appended_is_never_written_over(folder, snapshot):
    """Its number was free when this opening looked last, and is behind what was folded since."""
    stale = Snapshot(folder)
    fill(snapshot)
    snapshot.fold()
    stale.put(to_batch(SHAPE, [make_record(SHAPE, "stale")]))
    assert len(everything(Snapshot(folder))) == 31


class _Killed(Exception):
    pass


@pytest.mark.parametrize("point", ["snapshot.written", "snapshot.folded", "snapshot.finished"])
def test_whoever_is_killed_leaves_what_was_acknowledged(folder, snapshot, monkeypatch, point):
    fill(snapshot)

    def die(reached):
        if reached == point:
            raise _Killed

    monkeypatch.setattr(points, "ARMED", [die])
    late = make_record(SHAPE, "late")

    def put_and_fold():
        snapshot.put(to_batch(SHAPE, [late]))
        snapshot.fold()

    with pytest.raises(_Killed):
        put_and_fold()
    monkeypatch.undo()
    again = Snapshot(folder)
    expected = RECORDS if point == "snapshot.written" else [*RECORDS, late]
    assert_same(everything(again), expected, SHAPE)
    again.fold()
    again.put(to_batch(SHAPE, [late]))
    again.fold()
    assert_same(everything(Snapshot(folder)), [*RECORDS, late], SHAPE)
    assert len(files(folder)) == 3


def test_a_page_that_was_flipped_is_no_number(folder, snapshot):
    fill(snapshot)
    snapshot.fold()
    path = folder / "part-00000.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(OSError):  # noqa: PT011 Arrow's own words; `errors` makes something of it
        everything(Snapshot(folder))


def test_a_name_is_taken_once_and_is_free_again(folder):
    with pytest.raises(OSError, match="docs"):
        create(folder, SHAPE)
    assert [path.name for path in folder.parent.iterdir()] == ["docs"]
    drop(folder)
    drop(folder)
    assert list(folder.parent.iterdir()) == []
    create(folder, SHAPE)
    assert everything(Snapshot(folder)) == []
