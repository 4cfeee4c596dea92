"""Where a record must not be put because a delete may land there yet."""

import asyncio

import pytest

from vectormigrate.model.errors import Throttled
from vectormigrate.stores.doubts import Doubts


async def refused(doubts, one, place, *, there=False):
    try:
        doubts.check(one, place, there=there)
    except Throttled as error:
        return 0 < error.retry_after <= 0.05 and error.ids == (f"i:{one}",)
    return False


async def test_a_delete_that_was_not_answered_bars_its_place_for_a_while():
    doubts = Doubts()
    doubts.lead(0.05, ())
    doubts.note([1, 2], "a")
    assert [await refused(doubts, *one) for one in ((1, "a"), (2, "a"), (1, "b"), (3, "a"))] == [
        True,
        True,
        False,
        False,
    ]
    assert await refused(doubts, 1, "a", there=True)
    assert (doubts.left(1, ["b", "a"]) > 0, doubts.left(1, ["b"]), doubts.of_before(1)) == (True, 0.0, 0.0)
    await asyncio.sleep(0.06)
    assert not await refused(doubts, 1, "a")
    assert doubts.left(1, ["a"]) == 0
    doubts.note([3], "a")
    assert list(doubts._places) == [(3, "a")]


@pytest.mark.parametrize("unsure", [[1], None])
async def test_what_an_earlier_process_left_bars_every_place_but_where_it_is(unsure):
    doubts = Doubts()
    doubts.lead(0.05, unsure)
    assert await refused(doubts, 1, "a")
    assert not await refused(doubts, 1, "a", there=True)
    assert await refused(doubts, 2, "a") == (unsure is None)
    assert (doubts.left(1, ["a"]) > 0, doubts.of_before(2) > 0) == (True, unsure is None)
    await asyncio.sleep(0.06)
    assert not await refused(doubts, 1, "a")


async def test_where_no_application_writes_nothing_is_barred():
    doubts = Doubts()
    doubts.note([1], "a")
    assert not await refused(doubts, 1, "a")
    doubts.lead(0.05, ())
    doubts.note([1], "a")
    doubts.lead(0.0, ())
    doubts.note([2], "a")
    assert [doubts.left(one, ["a"]) for one in (1, 2)] == [0, 0]


async def test_whether_there_may_be_any_is_known_without_an_id():
    doubts = Doubts()
    assert not doubts.standing
    for before, standing in (((), False), ([1], True), (None, True)):
        doubts.lead(0.05, before)
        assert doubts.standing is standing
    doubts.lead(0.05, ())
    doubts.note([1], "a")
    assert doubts.standing
    doubts.lead(0.0, None)
    assert not doubts.standing
