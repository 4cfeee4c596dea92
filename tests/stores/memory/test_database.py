"""Keys in order, ranges by key, and the versions that stale readers see."""

from __future__ import annotations

from uuid import UUID

import pytest

from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder
from vectormigrate.model.record import Record, RecordId
from vectormigrate.stores.memory.database import Database, LateWrite, Table, natural_key


def table(kind: IdKind, order: KeyOrder, ids: list[RecordId]) -> Table:
    made = Table(CollectionShape("t", IdField("key", kind, order)))
    for record_id in ids:
        made.put(record_id, Record(record_id), 0.0, 0.0)
    return made


@pytest.mark.parametrize(
    ("kind", "order", "ids"),
    [
        (IdKind.INT, KeyOrder.NUMERIC, [-(2**63), -1, 0, 2, 10, 2**63 - 1]),
        (IdKind.TEXT, KeyOrder.BYTES, ["", "10", "2", "A", "a", "z", "é", "\uffee", "\U0001f600"]),
        (IdKind.UUID, KeyOrder.UUID, [UUID(int=1), UUID(int=2**64), UUID(int=2**127)]),
        (IdKind.COMPOUND, KeyOrder.OTHER, [("a", -1), ("a", 2), ("a", 10), ("b", 0)]),
    ],
)
def test_keys_are_in_the_order_of_their_kind(kind: IdKind, order: KeyOrder, ids: list[RecordId]):
    held = table(kind, order, ids[::-1])
    assert [record.id for record in held.after(None, None, 0.0)] == ids
    assert sorted(ids, key=natural_key) == ids


def test_other_order_is_stable_and_no_natural_one():
    ids: list[RecordId] = [*range(50)]
    orders = [
        [record.id for record in table(IdKind.INT, KeyOrder.OTHER, given).after(None, None, 0.0)]
        for given in (ids, ids[::-1])
    ]
    assert orders[0] == orders[1] != ids
    assert sorted(orders[0]) == ids


def test_a_range_is_open_below_and_closed_above():
    held = table(IdKind.INT, KeyOrder.NUMERIC, [1, 3, 5, 7])
    assert [record.id for record in held.after("i:1", "i:5", 0.0)] == [3, 5]
    assert [record.id for record in held.after("i:2", "i:6", 0.0)] == [3, 5]
    assert [record.id for record in held.page("i:1", None, 2, 0.0)] == [3, 5]


@pytest.mark.parametrize(
    ("count", "parts", "cuts"),
    [(0, 4, []), (1, 4, []), (2, 2, ["i:0"]), (4, 2, ["i:1"]), (3, 9, ["i:0", "i:1"]), (5, 1, [])],
)
def test_cuts_never_make_an_empty_part(count: int, parts: int, cuts: list[str]):
    assert table(IdKind.INT, KeyOrder.NUMERIC, [*range(count)]).cuts(parts) == cuts


def test_versions_that_everyone_has_outgrown_are_let_go():
    held = table(IdKind.INT, KeyOrder.NUMERIC, [1])
    for moment in range(100):
        held.put(1, Record(1, payload={"n": moment}), float(moment), 10.0)
    assert len(held._versions[1]) <= 11
    seen = held.seen(1, 99.0)
    assert seen is not None
    assert seen.payload == {"n": 89}


def test_late_writes_land_in_their_turn():
    database, landed = Database(), []
    for due in (3.0, 1.0, 2.0):
        database.late.append(LateWrite(due, "", lambda due=due: landed.append(due)))
    assert database.land(until=2.0) == 2
    assert landed == [1.0, 2.0]
    assert database.land() == 1
    assert landed == [1.0, 2.0, 3.0]
