"""Of what differs while a copy is under way, what is only not copied yet."""

import pytest

from vectormigrate.engine.uncopied import Uncopied
from vectormigrate.model.collection import IdField, IdKind, KeyOrder
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.record import parse_id
from vectormigrate.state.checkpoints import RangeRow

NUMBERS = IdField("id", IdKind.INT, KeyOrder.NUMERIC)


def row(number, lower, upper, cursor=None, *, done=False):
    return RangeRow(number, lower, upper, cursor, done, 0, 0, None, False)


HALF = (row(0, None, "i:10", done=True), row(1, "i:10", "i:20", "i:14"), row(2, "i:20", None))


def missing(*ids):
    return [Finding(FindingKind.MISSING, f"i:{one}") for one in ids]


def test_what_is_absent_behind_the_cursors_is_no_finding():
    rest = Uncopied(NUMBERS, parse_id, HALF)
    assert rest.without(missing(5, 10, 12, 14, 15, 20, 21, 99)) == missing(5, 10, 12, 14)


def test_what_is_there_and_differs_or_cannot_be_there_is_one_wherever_it_is():
    found = [
        Finding(FindingKind.EXTRA, "i:30"),
        Finding(FindingKind.PAYLOAD, "i:30", "title"),
        Finding(FindingKind.MISSING, "i:30", "cannot be mapped: too large"),
    ]
    assert Uncopied(NUMBERS, parse_id, HALF).without(found) == found


@pytest.mark.parametrize("ranges", [(), HALF[:1]])
def test_behind_the_copy_everything_is_one(ranges):
    assert Uncopied(NUMBERS, parse_id, ranges).without(missing(5, 30)) == missing(5, 30)


def test_where_only_the_store_knows_its_order_nothing_absent_is_one_until_the_last_range_is_copied():
    key = IdField("id", IdKind.TEXT, KeyOrder.OTHER)
    found = [Finding(FindingKind.MISSING, "s:a")]
    assert Uncopied(key, parse_id, [row(0, None, "s:m", done=True), row(1, "s:m", None)]).without(found) == []
    assert Uncopied(key, parse_id, [row(0, None, None, done=True)]).without(found) == found
