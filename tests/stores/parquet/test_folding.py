"""Parts are cut by size, row groups too, and each tells how far it goes."""

from __future__ import annotations

import hashlib

import pyarrow.parquet as pq

from tests.conformance.subject import make_ids, make_records, to_batch
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, VectorField
from vectormigrate.model.record import id_text
from vectormigrate.stores.parquet import folding
from vectormigrate.stores.parquet.columns import to_table
from vectormigrate.stores.parquet.files import Files, Group, Place

SHAPE = CollectionShape("docs", IdField("k", IdKind.INT), (VectorField("vec", dim=4),), dynamic=True)
IDS = make_ids(IdKind.INT, 20)


def test_parts_follow_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(folding, "_AT_ONCE", 3)
    monkeypatch.setattr(folding, "_GROUP_ROWS", 5)
    monkeypatch.setattr(folding, "_PART_BYTES", 600)
    pq.write_table(to_table(to_batch(SHAPE, make_records(SHAPE, IDS)), SHAPE), tmp_path / "all")
    places = [(one, Place(Group("all", 0), row)) for row, one in enumerate(IDS)]
    parts = list(folding.write_parts(tmp_path, 3, SHAPE, places, Files(tmp_path, SHAPE.id)))
    assert [part.file for part in parts] == ["part-00003.parquet", "part-00004.parquet"]
    assert [part.groups for part in parts] == [(6, 6), (6, 2)]
    assert [part.rows for part in parts] == [12, 8]
    assert parts[0].last == (id_text(IDS[5]), id_text(IDS[11]))
    read = [pq.ParquetFile(tmp_path / part.file) for part in parts]
    assert [one for file in read for one in file.read().column("id").to_pylist()] == IDS
    vectors = read[0].metadata.row_group(0).column(1)
    assert (vectors.compression, "BYTE_STREAM_SPLIT" in vectors.encodings) == ("ZSTD", True)
    for part in parts:
        assert part.sha256 == hashlib.sha256((tmp_path / part.file).read_bytes()).hexdigest()


def test_of_nothing_there_is_no_part(tmp_path):
    assert list(folding.write_parts(tmp_path, 0, SHAPE, [], Files(tmp_path, SHAPE.id))) == []
    assert list(tmp_path.iterdir()) == []
