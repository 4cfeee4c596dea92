"""Applications at a listener that are no facade; facades are tried in `test_http.py`."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.fakes.facades import LOOPBACK
from tests.fakes.wire import connected
from vectormigrate.daemon.listeners import Limits, Listener


class Endless:
    """Answers with a stream that ends when the listener does."""

    def __init__(self):
        self.draining = False
        self.bodies = []

    async def __call__(self, scope, receive, send):
        message = await receive()
        self.bodies.append(message.get("body"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not self.draining:
            await send({"type": "http.response.body", "body": b"tick", "more_body": True})
            await asyncio.sleep(0.01)
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def serving(application, limits=None):
    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task, limits)
        address = listener.bind(LOOPBACK)
        await listener.start_application(application)
        try:
            yield listener, address
        finally:
            await listener.drain(5)


async def test_a_stream_goes_on_until_the_listener_ends():
    application = Endless()
    async with serving(application) as (listener, address), connected(address) as wire:
        await wire.send(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nbody")
        assert (await wire.head())[0] == 200
        assert await listener.drain(10) is True
        assert b"tick" in await wire.reader.read()
    assert application.bodies == [b"body"]


async def test_what_drips_in_is_given_up(caplog):
    limits = replace(Limits(), arrival=0.05)
    for begun, told in (
        (b"GET / HTTP/1.1\r\nHost: he", b"408"),
        (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nbo", b"408"),
    ):
        async with serving(Endless(), limits) as (listener, address), connected(address) as wire:
            await wire.send(begun)
            assert told in await wire.reader.read()
            assert listener.connections == 0


async def test_a_request_that_has_arrived_may_take_its_time():
    limits = replace(Limits(), arrival=1.0)

    class Slow(Endless):
        async def __call__(self, scope, receive, send):
            await receive()
            await asyncio.sleep(1.2)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async with serving(Slow(), limits) as (_, address), connected(address) as wire:
        await wire.send(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nbo")
        await wire.send(b"dy")
        assert (await wire.head())[0] == 204
