"""Events to a browser: framed, numbered, gone on with, ended."""

import asyncio
import json

import pytest

from tests.fakes.api import KEY
from tests.fakes.wire import connected
from vectormigrate.api import stream
from vectormigrate.model.documents import Event
from vectormigrate.model.errors import RequestRefused
from vectormigrate.model.events import Progress, Warned


class Listening:
    """A browser on a connection of its own."""

    def __init__(self, wire):
        self.wire = wire

    async def open(self, *headers, path="/v1/events"):
        lines = [
            f"GET {path} HTTP/1.1".encode(),
            b"Host: localhost",
            b"Authorization: Bearer " + KEY.encode(),
        ]
        lines += [b"Accept: text/event-stream", *headers]
        await self.wire.send(b"\r\n".join(lines) + b"\r\n\r\n")
        status, found = await self.wire.head()
        if status == 200:
            assert dict(found)[b"content-type"].startswith(b"text/event-stream")
            assert await self.chunk() == b"retry: 2000\n\n"
        return status

    async def chunk(self):
        async with asyncio.timeout(20):
            size = int(await self.wire.reader.readline(), 16)
            piece = await self.wire.reader.readexactly(size)
            await self.wire.reader.readline()
        return piece

    async def event(self):
        fields = dict(line.split(": ", 1) for line in (await self.chunk()).decode().splitlines() if line)
        return fields.get("id"), fields["event"], json.loads(fields["data"])


async def test_a_browser_is_told_what_happens_and_goes_on_where_it_was(here):
    async with connected(here.address) as wire:
        browser = Listening(wire)
        assert await browser.open() == 200
        here.chronicle.tell(Warned("docs", "<b>first</b>\nline"))
        number, kind, data = await browser.event()
        assert (kind, data["message"], data["migration_id"]) == ("warned", "<b>first</b>\nline", "docs")
        here.chronicle.tell(Progress("docs", "backfill", 5, 10))
        assert (await browser.event())[:2] == (None, "progress")
    here.chronicle.tell(Warned("docs", "second"))
    here.chronicle.tell(Warned("other", "third"))
    async with connected(here.address) as wire:
        browser = Listening(wire)
        await browser.open(b"Last-Event-ID: " + number.encode())
        assert (await browser.event())[2]["message"] == "second"
        assert (await browser.event())[2]["message"] == "third"
    assert ("events", "ok") in {(row["verb"], row["outcome"]) for row in await here.audit()}
    async with connected(here.address) as wire:
        assert await Listening(wire).open(path="/v1/migrations/docs/events") == 404
    async with connected(here.address) as wire:
        assert await Listening(wire).open(b"Last-Event-ID: x") == 400


async def test_the_stream_ends_with_the_listener(here):
    async with connected(here.address) as wire:
        browser = Listening(wire)
        await browser.open()
        assert await here.listener.drain(10.0) is True
        assert await browser.chunk() == b""


async def test_who_may_not_listen_any_more_is_let_go(here):
    allowed = iter((True, False))
    answer = stream.response(here.chronicle, None, None, lambda: next(allowed), beat=0.01)
    pieces = [piece async for piece in answer.body_iterator]
    assert pieces == [b"retry: 2000\n\n", b": still here\n\n"]


async def test_nor_while_something_happens_all_the_time(here):
    """A migration that is under way tells of its progress every second, and the stream is never silent."""

    async def tell():
        while True:
            here.chronicle.tell(Progress("docs", "backfill", 5, 10))
            await asyncio.sleep(0.001)

    telling = asyncio.create_task(tell())
    try:
        answer = stream.response(here.chronicle, None, None, lambda: False, beat=0.1)
        async with asyncio.timeout(20):
            pieces = [piece async for piece in answer.body_iterator]
    finally:
        telling.cancel()
    assert b": still here\n\n" not in pieces
    assert len(pieces) > 1


def test_the_number_that_was_seen_last():
    assert stream.last_seen(None) is None
    assert stream.last_seen("") is None
    assert stream.last_seen("17") == 17
    for wrong in ("-1", "x", "1.5", "9" * 19, "\u0661"):
        with pytest.raises(RequestRefused):
            stream.last_seen(wrong)


def test_an_event_is_one_line_of_data():
    framed = stream.framed(Event(3, "now", "docs", "warned", {"message": "a\r\n\r\nid: 9"}))
    assert framed.startswith(b"id: 3\nevent: warned\ndata: {")
    assert framed.count(b"\n") == 4
    assert framed.endswith(b"}\n\n")
