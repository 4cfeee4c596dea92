"""What several requests at once come to."""

import pytest

from vectormigrate.model.errors import StoreDown, Throttled, Unreachable, Unresolved
from vectormigrate.stores.together import together, written


async def answers(value):
    if isinstance(value, Exception):
        raise value
    return value


def asked(*values):
    return [answers(value) for value in values]


async def test_reads_answer_in_order_or_fail_with_the_first():
    assert await together([]) == []
    assert await together(asked(1, 2)) == [1, 2]
    with pytest.raises(Throttled):
        await together(asked(1, Throttled("less"), Unreachable("away")))


async def test_writes_answer_in_order():
    assert await written([]) == []
    assert await written(asked(1, 2)) == [1, 2]


@pytest.mark.parametrize(
    ("values", "raised"),
    [
        ([Throttled("less")], Throttled),
        ([Unreachable("away"), Throttled("less")], Unreachable),
        ([1, Throttled("less")], Unresolved),
        ([StoreDown("down"), Throttled("less")], StoreDown),
        ([Throttled("less"), Unresolved("no answer")], Unresolved),
    ],
)
async def test_writes_of_which_some_were_applied_are_not_known(values, raised):
    with pytest.raises(raised):
        await written(asked(*values))


async def test_what_nobody_foresaw_is_not_swallowed():
    with pytest.raises(ExceptionGroup):
        await written(asked(1, ZeroDivisionError()))
