"""A listener from its first bind to its last answer."""

import asyncio
import socket

import grpc
import grpc.aio
import pytest

from tests.fakes.facades import LOOPBACK, Plain, Scripted, called
from tests.fakes.wire import connected
from vectormigrate.daemon.listeners import Address, Listener
from vectormigrate.model.errors import UsageError
from vectormigrate.stores.raw import HttpResponse, RpcReply


async def test_a_taken_grpc_port_is_told_and_leaves_nothing_listening():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with asyncio.TaskGroup() as group:
            listener = Listener(group.create_task)
            address = listener.bind(LOOPBACK)
            with pytest.raises(UsageError, match="cannot listen"):
                await listener.start(Scripted(), Address(host="127.0.0.1", port=taken.getsockname()[1]))
            await listener.drain(0)
    with pytest.raises(ConnectionRefusedError):
        async with connected(address):
            pass


async def test_who_comes_before_the_start_is_served_behind_it():
    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task)
        address = listener.bind(LOOPBACK)
        async with connected(address) as wire:
            asked = group.create_task(wire.ask("GET", "/"))
            await asyncio.sleep(0.02)
            await listener.start(Plain())
            assert (await asked).status == 200
        await listener.drain(1)


async def test_draining_answers_what_is_under_way_and_accepts_nothing_more():
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request):
        begun.set()
        await go_on.wait()
        return HttpResponse(200, body=b"late")

    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task)
        address = listener.bind(LOOPBACK)
        await listener.start(Plain(slow))
        async with connected(address) as wire:
            await wire.send(b"PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")
            await begun.wait()
            draining = group.create_task(listener.drain(10))
            await asyncio.sleep(0.05)
            with pytest.raises(ConnectionRefusedError):
                async with connected(address):
                    pass
            go_on.set()
            answer = await wire.answer()
            assert (answer.body, answer.header(b"connection")) == (b"late", b"close")
            assert await wire.ended()
        assert await draining is True


async def test_an_idle_connection_may_ask_once_more_and_is_told_that_it_ends():
    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task)
        address = listener.bind(LOOPBACK)
        await listener.start(Plain())
        async with connected(address) as wire, connected(address) as silent:
            await wire.ask("GET", "/")
            draining = group.create_task(listener.drain(10))
            await asyncio.sleep(0.05)
            assert (await wire.ask("GET", "/")).header(b"connection") == b"close"
            assert await wire.ended()
            assert await silent.ended()
        assert await draining is True


async def test_what_takes_longer_than_the_grace_is_left():
    never = asyncio.Event()

    async def stuck(_):
        await never.wait()
        return HttpResponse(200)

    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task)
        address = listener.bind(LOOPBACK)
        await listener.start(Plain(stuck))
        async with connected(address) as wire:
            await wire.send(b"GET / HTTP/1.1\r\n\r\n")
            while not listener.under_way:
                await asyncio.sleep(0.01)
            assert await listener.drain(0.4) is False
            never.set()
            await wire.answer()


async def test_draining_lets_a_call_end_and_refuses_new_ones():
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_):
        begun.set()
        await go_on.wait()
        return RpcReply(b"late")

    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task)
        of_grpc = await listener.start(Scripted(on_rpc=slow), LOOPBACK)
        async with grpc.aio.insecure_channel(str(of_grpc)) as channel:
            call = channel.unary_unary("/any.Service/Method")(b"")
            await begun.wait()
            draining = group.create_task(listener.drain(10))
            await asyncio.sleep(0.05)
            with pytest.raises(grpc.aio.AioRpcError):
                await called(of_grpc, b"")
            go_on.set()
            assert await call == b"late"
        await draining


async def test_a_client_without_a_call_holds_nobody_up():
    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task)
        address = listener.bind(LOOPBACK)
        await listener.start(Scripted())
        # As most clients of gRPC do between their calls, this one reads nothing: not even that it is to go.
        async with connected(address) as wire:
            settings = b"\0\0\0\4\0\0\0\0\0"
            await wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
            assert (await wire.reader.readexactly(9))[3] == settings[3]
            async with asyncio.timeout(5):
                assert await listener.drain(60) is True
