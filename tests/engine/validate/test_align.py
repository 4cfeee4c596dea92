import asyncio

import pytest

from vectormigrate.engine.validate.align import Ahead, Ascending, aligned, foreseen, join
from vectormigrate.model.batch import Batch, dense_column
from vectormigrate.model.errors import StoreBroken, Unreachable
from vectormigrate.stores.base import Page

from .pairs import make_batch, shape


def batch(*ids):
    import numpy as np

    return Batch(
        list(ids),
        {"v": dense_column([np.array([float(one)]) for one in ids], width=1)},
        [{"id": one} for one in ids],
    )


class Pages:
    """Pages of ids, and what was done with them."""

    def __init__(self, *pages, error=None):
        self._pages = pages
        self._error = error
        self.given = 0
        self.closed = False

    async def scan(self):
        try:
            for ids in self._pages:
                await asyncio.sleep(0)
                self.given += 1
                yield Page(batch(*ids), "")
            if self._error:
                raise self._error
        finally:
            self.closed = True


async def same(one):
    return one


async def merged(left, right):
    one, other = Ahead(left.scan(), same), Ahead(right.scan(), same)
    async with asyncio.TaskGroup() as group:
        group.create_task(one.fill())
        group.create_task(other.fill())
        return [(source.ids, target.ids) async for source, target in aligned(one, other)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([], []),
        ([[1, 2]], []),
        ([], [[1, 2], [3]]),
        ([[1, 2, 3]], [[1, 2, 3]]),
        ([[1, 2], [3, 4], [5]], [[1], [2, 3, 4, 5]]),
        ([[1, 9]], [[2], [3], [4], [10, 11]]),
        ([[5, 6], [7]], [[1, 2], [3, 4]]),
    ],
)
async def test_every_id_is_settled_once_and_with_its_twin(left, right):
    parts = await merged(Pages(*left), Pages(*right))
    assert [one for source, _ in parts for one in source] == [one for page in left for one in page]
    assert [one for _, target in parts for one in target] == [one for page in right for one in page]
    common = {one for page in left for one in page} & {one for page in right for one in page}
    assert all((one in source) == (one in target) for source, target in parts for one in common)


async def test_one_page_waits_and_one_is_read_and_no_more():
    pages = Pages(*([number] for number in range(50)))
    ahead = Ahead(pages.scan(), same)
    async with asyncio.TaskGroup() as group:
        group.create_task(ahead.fill())
        for taken in range(1, 5):
            assert await ahead.get()
            for _ in range(20):
                await asyncio.sleep(0)
            assert pages.given <= taken + 2
        while await ahead.get():
            pass
    assert pages.closed


async def test_an_error_ends_the_merge_and_closes_both_scans():
    left, right = Pages([1], [2], [3], error=Unreachable("gone")), Pages([1], [2], [3], [4])
    with pytest.raises(BaseExceptionGroup) as caught:
        await merged(left, right)
    assert foreseen(caught.value).message == "gone"
    assert left.closed
    assert right.closed


async def test_what_is_prepared_to_nothing_is_left_out():
    async def odd_only(one):
        return one if one.ids[0] % 2 else None

    ahead = Ahead(Pages([1], [2], [3]).scan(), odd_only)
    async with asyncio.TaskGroup() as group:
        group.create_task(ahead.fill())
        assert [(await ahead.get()).ids, (await ahead.get()).ids, await ahead.get()] == [[1], [3], None]


def test_the_foreseen_error_is_found_in_any_depth():
    error = Unreachable("gone")
    assert foreseen(ExceptionGroup("", [ValueError(), ExceptionGroup("", [error])])) is error
    strange = ExceptionGroup("", [ValueError()])
    assert foreseen(strange) is strange


def test_join_pairs_rows_of_any_order():
    joined = join(batch(1, 2, 3, 4), batch(4, 9, 2, 1))
    assert joined.source.ids == joined.target.ids == [1, 2, 4]
    assert joined.target.vectors["v"].values[:, 0].tolist() == [1.0, 2.0, 4.0]
    assert [payload["id"] for payload in joined.target.payload] == [1, 2, 4]
    assert (joined.missing, joined.extra) == ([3], [9])


def test_join_of_equal_ids_copies_nothing():
    one = make_batch(shape(), 5)
    joined = join(one, one.slice(0, 5))
    assert joined.source is one
    assert (joined.missing, joined.extra) == ([], [])


def test_keys_must_ascend_within_and_across_pages():
    order = Ascending("memory", "docs")
    order.check([1, 2])
    order.check([3])
    for wrong in ([3, 4], [5, 5], [7, 6], ["a"]):
        with pytest.raises(StoreBroken, match="out of order") as caught:
            order.check(wrong)
        assert caught.value.collection == "docs"
