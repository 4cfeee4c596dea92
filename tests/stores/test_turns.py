"""Turns: one writer a record, and no waiting for writers of others."""

from __future__ import annotations

import asyncio

from vectormigrate.stores.turns import Turns


async def test_a_record_has_one_writer_at_a_time_and_others_are_not_waited_for():
    turns, said = Turns(), []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def first():
        async with turns.hold("c", [1, 2]):
            begun.set()
            await go_on.wait()
            said.append("first")

    async def second():
        await begun.wait()
        async with turns.hold("c", [2, 3]):
            said.append("second")

    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        group.create_task(second())
        await begun.wait()
        async with turns.hold("c", [3]), turns.hold("other", [1]):
            said.append("another")
        go_on.set()
    assert said == ["another", "first", "second"]


async def test_a_turn_ends_with_an_error_too():
    turns = Turns()
    try:
        async with turns.hold("c", [1]):
            raise ValueError
    except ValueError:
        pass
    async with asyncio.timeout(1), turns.hold("c", [1]):
        pass
