"""Which ids a write touches: all that the journal needs to know."""

from __future__ import annotations

from vectormigrate.model.batch import Batch
from vectormigrate.model.filter import Exists
from vectormigrate.model.operation import Delete, DeleteWhere, Patch, Upsert, touched


def test_a_write_names_the_ids_it_touches_or_none():
    assert touched(Upsert("c", Batch([1, "1"]))) == [1, "1"]
    assert touched(Patch("c", (1, 2), {"a": 1})) == [1, 2]
    assert touched(Delete("c", (3,))) == [3]
    assert touched(DeleteWhere("c", Exists(("a",)))) is None
