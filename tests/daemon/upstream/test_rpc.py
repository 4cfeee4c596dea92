"""gRPC to the vendor's server: what is passed on, and whose a status is."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from tests.fakes.facades import LOOPBACK, Scripted, listening
from tests.fakes.wire import raw_server, relay, well
from vectormigrate.daemon.listeners import Address, Listener
from vectormigrate.daemon.upstream import DialledUpstream, Target, Timeouts
from vectormigrate.model.errors import Unreachable, Unresolved
from vectormigrate.stores.raw import RpcCall, RpcReply

CALL = RpcCall("/any.Service/Method", b"request")


def upstream(port, prefix="", **timeouts):
    return DialledUpstream(Target("http", "127.0.0.1", port, prefix), timeouts=Timeouts(**timeouts))


async def test_a_call_and_its_reply_pass_as_they_are():
    async def reply(call):
        return RpcReply(
            b"reply", initial_metadata=(("x-a", "1"),), trailing_metadata=(("x-b-bin", b"\x00\xff"),)
        )

    facade = Scripted(on_rpc=reply)
    metadata = (
        *(("api-key", "k"), ("x-bin", b"\x01\xfe"), ("authorization", "Bearer t")),
        *(
            ("user-agent", "sdk"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("grpc-made-up", "1"),
        ),
    )
    async with listening(facade) as (_, address), upstream(address.port) as up:
        got = await up.call(RpcCall("/qdrant.Points/Upsert", b"request", metadata, 30.0))
        await up.call(CALL)
    assert (got.message, got.code) == (b"reply", 0)
    assert ("x-a", "1") in got.initial_metadata
    assert ("x-b-bin", b"\x00\xff") in got.trailing_metadata
    first, second = facade.calls
    assert (first.method, first.request) == ("/qdrant.Points/Upsert", b"request")
    arrived = dict(first.metadata)
    assert (arrived["api-key"], arrived["x-bin"], arrived["authorization"]) == ("k", b"\x01\xfe", "Bearer t")
    assert "sdk" not in arrived["user-agent"]
    assert "grpc-made-up" not in arrived
    assert 20 < first.timeout < 31  # gRPC rounds it up on its way
    assert 100 < second.timeout < 122


async def test_a_status_of_the_server_is_a_reply():
    async def refuse(call):
        return RpcReply(code=int(call.request), details="told", trailing_metadata=(("x-why", "1"),))

    async with listening(Scripted(on_rpc=refuse)) as (_, address), upstream(address.port) as up:
        for code in (3, 5, 8, 14, 16):
            reply = await up.call(RpcCall("/any.Service/Method", b"%d" % code))
            assert (reply.code, reply.details) == (code, "told")
            assert ("x-why", "1") in reply.trailing_metadata


async def test_a_status_without_metadata_is_a_reply_where_the_transport_makes_none_up():
    async def refuse(call):
        return RpcReply(code=int(call.request), details="told")

    async with listening(Scripted(on_rpc=refuse)) as (_, address), upstream(address.port) as up:
        for code in (2, 3, 5, 7, 8, 9, 12, 13, 16):
            assert (await up.call(RpcCall("/any.Service/Method", b"%d" % code))).code == code
        for code in (1, 4, 14):
            with pytest.raises(Unresolved, match="told"):
                await up.call(RpcCall("/any.Service/Method", b"%d" % code))


async def test_nobody_there_is_unreachable_by_grpc(dead_port):
    async with upstream(dead_port) as up:
        with pytest.raises(Unreachable, match="cannot be reached"):
            await up.call(CALL)


async def test_a_name_that_is_none_is_unreachable_by_grpc():
    async with DialledUpstream(Target("http", "nowhere.invalid", 80, "")) as up:
        with pytest.raises(Unreachable):
            await up.call(CALL)


async def test_a_server_of_http_alone_is_unreachable_by_grpc():
    async with raw_server(well) as server, upstream(server.port) as up:
        with pytest.raises(Unreachable):
            await up.call(CALL)


async def test_a_connection_that_breaks_under_a_call_is_unresolved():
    begun = asyncio.Event()

    async def never(_):
        begun.set()
        await asyncio.Event().wait()

    facade = Scripted(on_rpc=never)
    async with (
        asyncio.TaskGroup() as group,
        listening_alone(facade) as address,
        relay(address) as between,
        upstream(between.port) as up,
    ):
        call = group.create_task(told(up.call(CALL)))
        await begun.wait()
        between.cut()
        assert isinstance(await call, Unresolved)
    assert len(facade.calls) == 1


async def told(awaitable):
    try:
        return await awaitable
    except (Unresolved, Unreachable) as error:
        return error


@asynccontextmanager
async def listening_alone(facade):
    """A listener whose handlers are cancelled behind the block, because they never end."""
    loop, tasks = asyncio.get_running_loop(), []

    def spawn(coroutine):
        tasks.append(loop.create_task(coroutine))
        return tasks[-1]

    listener = Listener(spawn)
    address = listener.bind(LOOPBACK)
    await listener.start(facade)
    try:
        yield address
    finally:
        for task in tasks:
            task.cancel()
        await listener.drain(0.1)


async def test_a_deadline_is_unresolved():
    async def never(_):
        await asyncio.Event().wait()

    async with listening_alone(Scripted(on_rpc=never)) as address, upstream(address.port) as up:
        with pytest.raises(Unresolved, match="Deadline"):
            await up.call(RpcCall("/any.Service/Method", b"", timeout=0.1))


async def test_every_call_is_bounded():
    async def never(_):
        await asyncio.Event().wait()

    async with listening_alone(Scripted(on_rpc=never)) as address, upstream(address.port, answer=0.1) as up:
        with pytest.raises(Unresolved, match="Deadline"):
            await up.call(CALL)


async def test_it_is_back_as_soon_as_its_server_is():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with upstream(port) as up:
        for _ in range(5):  # each would double the wait before the next attempt
            with pytest.raises(Unreachable):
                await up.call(CALL)
        async with asyncio.TaskGroup() as group:
            listener = Listener(group.create_task)
            listener.bind(Address(host="127.0.0.1", port=port))
            await listener.start(Scripted())
            async with asyncio.timeout(3):
                while isinstance(await told(up.call(CALL)), Unreachable):
                    await asyncio.sleep(0.05)
            await listener.drain(1)
