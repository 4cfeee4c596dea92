"""Sorted ids, and where a bound falls among them."""

from __future__ import annotations

from uuid import UUID

from vectormigrate.model.collection import IdKind
from vectormigrate.stores.parquet.order import Order

TEXTS = ["a", "b", "\uffee", "\U0001f600"]
MIXED = [0, 2**64 - 1, UUID(int=0), UUID(int=9)]


def test_bounds_fall_behind_the_id_that_they_name():
    order = Order(IdKind.TEXT)
    assert sorted({*TEXTS}, key=order.key) == TEXTS
    assert [order.behind(TEXTS, bound) for bound in (None, "", "a", "aa", "b")] == [0, 0, 1, 1, 2]
    assert [order.at(TEXTS, one) for one in ("", "a", "aa", "b")] == [0, 0, 1, 1]
    assert order.is_behind("b", "a")
    assert not order.is_behind("a", "a")
    assert not order.is_behind("a", None)


def test_integers_come_before_uuids():
    order = Order(IdKind.MIXED)
    assert sorted({*MIXED}, key=order.of) == MIXED
    assert order.behind(MIXED, 2**64 - 1) == 2
    assert order.at(MIXED, UUID(int=1)) == 3
    assert order.is_behind(UUID(int=0), 5)
