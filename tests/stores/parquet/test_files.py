"""Row groups are read once while they are wanted, and records gathered in the order asked for."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vectormigrate.model.collection import IdField, IdKind
from vectormigrate.stores.parquet import files as reading
from vectormigrate.stores.parquet.files import Files, Group, Place

A, B = Group("a", 0), Group("a", 1)


@pytest.fixture
def files(tmp_path):
    table = pa.table({"id": list(range(10)), "x": [str(n) for n in range(10)]})
    pq.write_table(table, tmp_path / "a", row_group_size=5)
    return Files(tmp_path, IdField("k", IdKind.INT))


def test_ids_are_read_without_the_rest(files):
    assert files.ids(A) == [0, 1, 2, 3, 4]
    assert files.ids(B) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    "rows", [[0, 1, 2], [7, 8], [4, 5], [9, 0, 3], [6, 1, 7, 2], [3, 1], [2, 2]], ids=str
)
def test_records_come_in_the_order_asked_for(files, rows):
    places = [Place(A if row < 5 else B, row % 5) for row in rows]
    assert files.gather(places).column("id").to_pylist() == rows


def test_what_was_read_is_kept_while_there_is_room(files, tmp_path, monkeypatch):
    first = files.table(A)
    assert files.table(A) is first
    monkeypatch.setattr(reading, "_KEPT_BYTES", 1)
    files.table(B)
    assert files.table(A) is not first
    (tmp_path / "a").unlink()
    assert files.table(A).num_rows == 5
    with pytest.raises(FileNotFoundError):
        files.table(B)
