"""gRPC: bytes, metadata, statuses and deadlines both ways, and clients that hang up."""

import asyncio

import grpc
import grpc.aio
import pytest

from tests.fakes.facades import LOOPBACK, Scripted, Talking, called, listening
from tests.fakes.wire import connected
from vectormigrate.daemon.listeners import Address, Limits, Listener
from vectormigrate.daemon.listeners.rpc import RpcServer
from vectormigrate.model.errors import UsageError
from vectormigrate.stores.raw import RpcReply

SMALL = Limits(body=1000, head=500)


async def test_a_port_of_its_own_for_grpc():
    async with listening(Scripted(), grpc_listen=LOOPBACK) as (_, address, of_grpc):
        assert of_grpc.port not in (0, address.port)
        assert await called(of_grpc, b"grpc") == b"grpc"


async def test_unix_sockets_for_both(tmp_path):
    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task)
        address = listener.bind(Address(path=str(tmp_path / "http")))
        of_grpc = await listener.start(Scripted(), Address(path=str(tmp_path / "grpc")))
        async with connected(address) as wire:
            assert (await wire.ask("POST", "/", b"http")).body == b"http"
        assert await called(of_grpc, b"grpc") == b"grpc"
        await listener.drain(1)
    assert list(tmp_path.iterdir()) == []


async def test_metadata_statuses_and_deadlines_pass_both_ways():
    async def refusing(call):
        details = (("grpc-status-details-bin", b"\x01\xff"), ("x-after", "2"))
        return RpcReply(
            code=9, details="not now", initial_metadata=(("x-before", "1"),), trailing_metadata=details
        )

    facade = Scripted(on_rpc=refusing)
    async with listening(facade) as (_, address):
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await called(address, b"", metadata=(("api-key", "k"), ("x-bin", b"\x00\xff")), timeout=30)
    error = told.value
    assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not now")
    assert dict(tuple(error.initial_metadata()))["x-before"] == "1"
    assert dict(tuple(error.trailing_metadata())) == {"grpc-status-details-bin": b"\x01\xff", "x-after": "2"}
    (call,) = facade.calls
    assert call.method == "/any.Service/Method"
    assert dict(call.metadata)["api-key"] == "k"
    assert dict(call.metadata)["x-bin"] == b"\x00\xff"
    assert 20 < call.timeout < 31  # gRPC rounds it up on its way


async def test_a_good_reply_keeps_its_metadata():
    async def good(call):
        return RpcReply(b"ok", initial_metadata=(("x-before", "1"),), trailing_metadata=(("x-after", "2"),))

    async with (
        listening(Scripted(on_rpc=good)) as (_, address),
        grpc.aio.insecure_channel(str(address)) as channel,
    ):
        call = channel.unary_unary("/any.Service/Method")(b"")
        assert await call == b"ok"
        assert dict(tuple(await call.initial_metadata()))["x-before"] == "1"
        assert dict(tuple(await call.trailing_metadata()))["x-after"] == "2"


async def test_a_call_without_a_deadline_has_none():
    facade = Scripted()
    async with listening(facade) as (_, address):
        await called(address, b"")
    assert facade.calls[0].timeout is None


async def test_what_a_facade_did_not_foresee_is_internal(caplog):
    async def broken(_):
        raise ValueError("boom")

    async with listening(Scripted(on_rpc=broken)) as (_, address):
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await called(address, b"")
    assert (told.value.code(), told.value.details()) == (grpc.StatusCode.INTERNAL, "internal error")
    assert "boom" in caplog.text


@pytest.mark.parametrize("leaving", ["cancel", "deadline"])
async def test_a_call_is_carried_to_its_end_without_its_client(leaving):
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_):
        begun.set()
        await go_on.wait()
        ended.set()
        return RpcReply()

    async with listening(Scripted(on_rpc=slow)) as (_, address):
        async with grpc.aio.insecure_channel(str(address)) as channel:
            call = channel.unary_unary("/any.Service/Method")(
                b"", timeout=0.3 if leaving == "deadline" else None
            )
            await begun.wait()
            if leaving == "cancel":
                call.cancel()
            with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
                await call
        go_on.set()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_message_over_the_limit_is_refused():
    facade = Scripted()
    async with listening(facade, limits=SMALL) as (_, address):
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await called(address, b"x" * 1001)
    assert told.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert facade.calls == []


async def test_two_servers_do_not_share_a_port():
    async with listening(Scripted(), grpc_listen=LOOPBACK) as (_, _, of_grpc):
        with pytest.raises(UsageError, match="cannot listen"):
            RpcServer(Scripted(), SMALL, asyncio.ensure_future).bind(of_grpc)


# Calls that stream.


async def heard(address, messages, **words):
    async with grpc.aio.insecure_channel(str(address)) as channel:
        return [one async for one in channel.stream_stream("/any.Service/Stream")(messages, **words)]


async def test_each_message_of_a_stream_is_answered_in_its_turn():
    facade = Talking()
    async with listening(facade) as (_, address):
        assert await heard(address, [b"a", b"b"], metadata=(("api-key", "k"),)) == [b"a", b"a", b"b", b"b"]
        assert await called(address, b"plain") == b"plain"
    stream, plain = facade.calls
    assert (stream.method, dict(stream.metadata)["api-key"]) == ("/any.Service/Stream", "k")
    assert plain.method == "/any.Service/Method"


async def test_a_reply_ends_a_stream():
    async def until_stop(message):
        return [message] if message != b"stop" else RpcReply(code=10, details="enough")

    async with listening(Talking(until_stop)) as (_, address):
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await heard(address, [b"a", b"stop", b"never"])
    assert (told.value.code(), told.value.details()) == (grpc.StatusCode.ABORTED, "enough")

    async def well(_):
        return RpcReply()

    async with listening(Talking(well)) as (_, address):
        assert await heard(address, [b"a", b"never"]) == []


async def test_a_message_is_carried_to_its_end_without_its_client():
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_):
        begun.set()
        await go_on.wait()
        ended.set()
        return []

    async with listening(Talking(slow)) as (_, address):
        async with grpc.aio.insecure_channel(str(address)) as channel:
            call = channel.stream_stream("/any.Service/Stream")([b"a"])
            reading = call.read()
            async with asyncio.TaskGroup() as group:
                read = group.create_task(reading)
                await begun.wait()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await read
        go_on.set()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_an_idle_stream_keeps_nobody_from_draining():
    async with (
        listening(Talking()) as (listener, address),
        grpc.aio.insecure_channel(str(address)) as channel,
    ):
        call = channel.stream_stream("/any.Service/Stream")()
        await call.write(b"a")
        assert await call.read() == b"a"
        async with asyncio.timeout(10):
            assert await listener.drain(20)


async def test_a_caller_who_is_told_ends_his_stream_himself():
    facade = Talking()
    facade.last_words = [b"bye"]
    async with (
        listening(facade) as (listener, address),
        grpc.aio.insecure_channel(str(address)) as channel,
        asyncio.TaskGroup() as group,
    ):
        call = channel.stream_stream("/any.Service/Stream")()
        await call.write(b"a")
        assert [await call.read(), await call.read()] == [b"a", b"a"]
        draining = group.create_task(listener.drain(20))
        assert await call.read() == b"bye"
        await call.write(b"b")  # what was on its way is still answered
        assert [await call.read(), await call.read()] == [b"b", b"b"]
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK
        async with asyncio.timeout(10):
            assert await draining
