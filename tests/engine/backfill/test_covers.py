from uuid import UUID

import pytest

from vectormigrate.engine.backfill.covers import Covers
from vectormigrate.model.collection import IdField, IdKind, KeyOrder
from vectormigrate.model.record import id_text, parse_id

INT = IdField("id", IdKind.INT, KeyOrder.NUMERIC)


class Told:
    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def covers(told):
    return Covers(INT, parse_id, told)


def held(covers, ids=range(12)):
    return [one for one in ids if covers.holds(one)]


def test_a_cover_holds_what_is_behind_its_lower_end_up_to_its_upper(covers):
    assert (held(covers), len(covers)) == ([], 0)
    covers.open("a", "i:3", "i:5")
    assert (held(covers), len(covers)) == ([4, 5], 1)
    covers.open("b", None, "i:1")
    covers.open("c", "i:9", None)
    assert held(covers) == [0, 1, 4, 5, 10, 11]


def test_it_stands_before_its_row_and_under_its_number_behind_it(covers, told):
    covers.open("nonce", "i:3", "i:5")
    covers.rename("nonce", 7)
    assert held(covers) == [4, 5]
    covers.close("nonce")
    assert (held(covers), told.times) == ([4, 5], 0)
    covers.close(7)
    assert (held(covers), told.times) == ([], 1)


def test_it_shrinks_from_both_ends_and_each_time_somebody_is_told(covers, told):
    covers.open(1, None, None)
    covers.narrow(1, "i:8")
    covers.shrink(1, "i:5")
    assert (held(covers), told.times) == ([6, 7, 8], 2)
    covers.narrow(9, "i:1")
    covers.shrink(9, "i:1")  # of a page that is gone
    covers.close(9)
    assert (held(covers), told.times) == ([6, 7, 8], 2)


def test_none_stands_any_more(covers, told):
    covers.open(1, None, None)
    covers.clear()
    assert (held(covers), told.times) == ([], 1)


SMALL, LARGE = UUID(int=1), UUID(int=2**127)


@pytest.mark.parametrize(
    ("key", "below", "inside", "above"),
    [
        (IdField("id", IdKind.INT, KeyOrder.NUMERIC), 2, 10, 11),
        (IdField("id", IdKind.TEXT, KeyOrder.BYTES), "Z", "é", "ü"),
        (IdField("id", IdKind.UUID, KeyOrder.UUID), SMALL, UUID(int=5), LARGE),
        (IdField("id", IdKind.MIXED, KeyOrder.OTHER), 2**64 - 1, UUID(int=0), LARGE),
        (IdField("id", IdKind.MIXED, KeyOrder.OTHER), 3, 7, UUID(int=0)),
    ],
)
def test_keys_are_compared_as_the_source_orders_them(key, below, inside, above, told):
    covers = Covers(key, parse_id, told)
    covers.open(1, id_text(below), id_text(inside))
    assert [covers.holds(one) for one in (below, inside, above)] == [False, True, False]


@pytest.mark.parametrize(
    ("key", "record_id"),
    [
        (IdField("id", IdKind.TEXT, KeyOrder.OTHER), "a"),  # a collation
        (IdField("id", IdKind.COMPOUND, KeyOrder.OTHER), (1, "a")),
    ],
)
def test_where_only_the_store_knows_its_order_everything_is_covered(key, record_id, told):
    covers = Covers(key, parse_id, told)
    assert not covers.holds(record_id)
    covers.open(1, id_text(record_id), id_text(record_id))
    assert covers.holds(record_id)
    covers.close(1)
    assert not covers.holds(record_id)


def test_cursors_are_read_as_the_store_writes_them(told):
    covers = Covers(INT, lambda cursor: int(cursor, 16), told)
    covers.open(1, "a", "f")
    assert held(covers, range(20)) == [11, 12, 13, 14, 15]
