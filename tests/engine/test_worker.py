import asyncio

import pytest

from vectormigrate.engine.work import Assignment, Lease
from vectormigrate.engine.worker import Worker
from vectormigrate.model.errors import Unreachable


class Ranges:
    """A coordinator with some assignments."""

    def __init__(self, *works):
        self._left = [Assignment(work, number, None, None) for number, work in enumerate(works)]

    async def ask(self, request):
        assert request == Lease()
        return self._left.pop(0) if self._left else None


async def test_every_assignment_is_worked_on_by_its_kind_until_none_is_left():
    done = []

    def task(kind):
        async def work(assignment):
            done.append((kind, assignment.number))

        return work

    tasks = {kind: task(kind) for kind in ("copy", "compare")}
    await Worker(Ranges("copy", "compare", "copy"), tasks, concurrency=1).run()
    assert done == [("copy", 0), ("compare", 1), ("copy", 2)]


async def test_several_are_under_way_at_once_and_not_more():
    under_way, most = 0, 0

    async def work(assignment):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        under_way -= 1

    await Worker(Ranges(*["copy"] * 10), {"copy": work}, concurrency=3).run()
    assert most == 3


async def test_the_first_error_ends_all_and_comes_out_as_it_is():
    ended = []

    async def work(assignment):
        if assignment.number == 1:
            raise Unreachable("gone", hint="look")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(assignment.number)

    with pytest.raises(Unreachable, match="gone") as raised:
        await Worker(Ranges("copy", "copy"), {"copy": work}, concurrency=2).run()
    assert raised.value.hint == "look"
    assert ended == [0]
