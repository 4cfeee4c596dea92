"""The slot's content, as the server sends it."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.draining import drain
from vectormigrate.model.errors import (
    StoreDown,
)

from .tables import END_READER, another, insert, installed


async def test_a_stream_that_the_server_ends_is_opened_again(slot, writer):
    await installed(slot, writer)
    writer.execute(END_READER)
    insert(writer, 1)
    with pytest.raises(StoreDown):
        await slot.poll(10)
    first = await slot.poll(10)
    assert first.ids == (1,)
    writer.execute(END_READER)
    await slot.acknowledge(first.position)
    insert(writer, 2)
    with pytest.raises(StoreDown):
        await slot.poll(10)
    assert {2} <= (await drain(slot)).ids <= {1, 2}
    assert await slot.poll(10) is None


async def test_what_is_unfinished_at_the_end_of_the_log_does_not_keep_a_poll_waiting(
    slot, writer, schema_dsn
):
    """A record may be flushed in part, up to the end of a page, for as long as its transaction is idle."""
    await installed(slot, writer)
    with another(schema_dsn) as slow:
        slow.execute("create table wide as select repeat('x', 1500) t from generate_series(1, 300)")
        async with asyncio.timeout(5):
            assert await slot.poll(10) is None
