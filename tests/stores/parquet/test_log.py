"""Files of the log by number: appended whole, taken in once, the latest word on an id being the one that counts."""

from __future__ import annotations

import pytest

from tests.conformance.subject import make_records, to_batch
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, VectorField
from vectormigrate.stores.parquet.columns import to_table
from vectormigrate.stores.parquet.files import Files
from vectormigrate.stores.parquet.log import FOLDER, Log, name_of
from vectormigrate.stores.parquet.order import Order

SHAPE = CollectionShape("docs", IdField("k", IdKind.TEXT), (VectorField("vec", dim=4),), dynamic=True)


@pytest.fixture
def opened(tmp_path):
    (tmp_path / FOLDER).mkdir()
    return lambda folded=0: Log(tmp_path, SHAPE.id, Files(tmp_path, SHAPE.id), Order(IdKind.TEXT), folded)


def table(*ids):
    return to_table(to_batch(SHAPE, make_records(SHAPE, ids)), SHAPE)


def test_the_last_word_counts(opened):
    log = opened()
    log.put(table("c", "a"))
    log.remove(["a", "x"])
    log.put(table("b", "x"))
    log.catch_up()
    assert (log.last, log.ids) == (3, ["a", "b", "c", "x"])
    assert "a" in log
    assert log.get("a") is None
    assert log.get("x") == ((name_of(3), 0), 1)
    assert [one for one, _ in log.after(None, None)] == ["b", "c", "x"]
    assert [one for one, _ in log.after("b", "c")] == ["c"]


def test_it_is_taken_in_as_it_grows(opened):
    log, other = opened(), opened()
    log.put(table("m"))
    log.catch_up()
    assert log.ids == ["m"]
    other.put(table("a", "z"))
    log.put(table("m", "b"))
    log.catch_up()
    assert log.ids == ["a", "b", "m", "z"]


def test_what_is_half_written_is_swept_away(opened, tmp_path):
    log = opened()
    for name in ("a", "b", "c"):
        log.put(table(name))
    (tmp_path / FOLDER / ".half").touch()
    behind = opened(folded=2)
    behind.sweep()
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [name_of(3).removeprefix(f"{FOLDER}/")]
    behind.catch_up()
    assert behind.ids == ["c"]
