"""Facades on their listeners, from the first bind to the last answer."""

import asyncio
import socket

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.wire import connected, raw_server, well
from vectormigrate.daemon.activation import Notifier
from vectormigrate.daemon.listeners import Address, Limits
from vectormigrate.daemon.serving import Own, Served, Service, emulate
from vectormigrate.daemon.telemetry.telemetry import Telemetry
from vectormigrate.daemon.upstream import DialledUpstream, Target
from vectormigrate.model.errors import UsageError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Standing

ANYWHERE = Address(host="127.0.0.1")


def forwarding(port, *listen):
    """Serves Qdrant's API at these addresses, in front of a port."""

    async def run(service, ready):
        async with DialledUpstream(Target("http", "127.0.0.1", port, "")) as upstream:
            served = [
                Served(str(at), "qdrant", Standing(upstream=upstream), at, behind="it") for at in listen
            ]
            return await service.run(served, ready)

    return run


class Running:
    """A service whose listeners can be awaited."""

    def __init__(self, group, run, **words):
        self.service = Service(Limits(), FakeClock(), Telemetry(FakeClock()), 5.0, **words)
        self.listening = asyncio.get_running_loop().create_future()
        self.ended = group.create_task(run(self.service, self.listening.set_result))

    async def addresses(self):
        return [Address.parse(one.address, "it") for one in await self.listening]

    async def stop(self):
        self.service.stop()
        return await self.ended


async def test_every_listener_forwards_until_it_is_stopped():
    async with raw_server(well) as server, asyncio.TaskGroup() as group:
        running = Running(group, forwarding(server.port, ANYWHERE, ANYWHERE))
        for address in await running.addresses():
            async with connected(address) as wire:
                answer = await wire.ask("PUT", "/collections/docs/points?wait=true", b'{"points": []}')
                assert (answer.status, answer.body, answer.header(b"x-server")) == (200, b"ok", b"raw")
        assert [(one.name, one.dialect, one.behind) for one in await running.listening] == [
            ("127.0.0.1:0", "qdrant", "it")
        ] * 2
        assert await running.stop() is True
        for address in await running.addresses():
            with pytest.raises(ConnectionRefusedError):
                async with connected(address):
                    pass
    assert len(server.requests) == 2


async def test_a_taken_address_ends_it_and_what_was_bound_before_is_free_again():
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        first, second = free.getsockname()[1], taken.getsockname()[1]
        free.close()
        run = forwarding(1, *(Address(host="127.0.0.1", port=port) for port in (first, second)))
        with pytest.raises(UsageError, match="it is taken"):
            await run(Service(Limits(), FakeClock(), Telemetry(FakeClock()), 5.0), lambda _: None)
        socket.create_server(("127.0.0.1", first)).close()


async def test_the_supervisor_is_told_when_it_is_ready_and_when_it_ends(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(str(tmp_path / "notify"))
        ours.settimeout(5)
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "10000000"}
        notifier = Notifier(environ, FakeClock())
        async with asyncio.TaskGroup() as group:
            running = Running(group, forwarding(1, ANYWHERE), notifier=notifier)
            (address,) = await running.addresses()
            assert ours.recv(1000) == f"READY=1\nSTATUS=serving at {address}".encode()
            while not (word := await asyncio.to_thread(ours.recv, 1000)):
                pass
            assert word == b"WATCHDOG=1"
            await running.stop()
            assert ours.recv(1000).startswith(b"STOPPING=1\n")
        notifier.close()


async def test_what_does_not_end_within_the_grace_is_told_and_left(caplog):
    async def silence(writer, _):
        return

    async with raw_server(silence) as server, asyncio.TaskGroup() as group:
        running = Running(group, forwarding(server.port, ANYWHERE))
        running.service.grace = 0.3
        (address,) = await running.addresses()
        async with connected(address) as wire:
            await wire.send(
                b'PUT /collections/docs/points HTTP/1.1\r\nContent-Length: 14\r\n\r\n{"points": []}'
            )
            while not server.requests:
                await asyncio.sleep(0.01)
            assert await running.stop() is False
    assert "1 requests were not answered within 0.3 s" in caplog.text


@pytest.mark.parametrize(("dialect", "path"), [("qdrant", "/collections"), ("pinecone", "/indexes")])
async def test_a_vendors_api_over_a_store(dialect, path):
    async with asyncio.TaskGroup() as group:
        running = Running(
            group, lambda service, ready: emulate(dialect, Endpoint("memory"), ANYWHERE, service, ready)
        )
        (address,) = await running.addresses()
        async with connected(address) as wire:
            answer = await wire.ask("GET", path)
        assert (answer.status, dict(answer.headers)[b"content-type"]) == (200, b"application/json")
        (one,) = await running.listening
        assert (one.url, one.behind) == (f"http://{address}", "the memory store")
        assert await running.stop() is True


async def test_an_advertised_url_is_what_clients_are_told():
    async with asyncio.TaskGroup() as group:
        running = Running(
            group,
            lambda service, ready: emulate(
                "pinecone", Endpoint("memory"), ANYWHERE, service, ready, advertise="http://proxy.internal"
            ),
        )
        (address,) = await running.addresses()
        body = b'{"name": "docs", "dimension": 4, "metric": "cosine", "spec": {"serverless": {"cloud": "aws", "region": "x"}}}'
        async with connected(address) as wire:
            made = await wire.ask("POST", "/indexes", body, b"X-Pinecone-Api-Version: 2025-10")
        assert b'"http://proxy.internal/i/docs"' in made.body
        await running.stop()


class Nothing:
    """An application that nobody asks."""

    draining = False

    async def __call__(self, scope, receive, send):
        raise AssertionError("nobody asks")


async def test_an_address_that_nobody_asked_for_may_be_taken(caplog):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = Address(host="127.0.0.1", port=taken.getsockname()[1])
        async with asyncio.TaskGroup() as group:
            own = [
                Own("api", Nothing(), at, Limits(), needed=False),
                Own("free", Nothing(), ANYWHERE, Limits()),
            ]
            running = Running(group, lambda service, ready: service.run([], ready, own))
            assert [one.name for one in await running.listening] == ["free"]
            assert await running.stop() is True
        assert "api is not served" in caplog.text
        service = Service(Limits(), FakeClock(), Telemetry(FakeClock()), 5.0)
        with pytest.raises(UsageError, match="it is taken"):
            await service.run([], lambda told: None, [Own("api", Nothing(), at, Limits())])
