"""Both protocols on one port."""

import asyncio
import socket

import grpc
import grpc.aio

from tests.fakes.facades import Plain, Scripted, called, listening
from tests.fakes.wire import connected
from vectormigrate.daemon.listeners import Address
from vectormigrate.daemon.listeners.splice import Splices


async def test_both_protocols_on_one_port():
    async with listening(Scripted()) as (_, address), connected(address) as wire:
        assert (await wire.ask("POST", "/", b"http")).body == b"http"
        assert await called(address, b"grpc") == b"grpc"


async def test_a_preface_in_pieces_is_known():
    async with listening(Scripted()) as (_, address):
        async with connected(address) as wire:
            for piece in (b"P", b"R", b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
                await wire.send(piece)
                await asyncio.sleep(0.02)
            # SETTINGS, the first frame of an HTTP/2 server: type 4 behind three bytes of length.
            assert (await wire.reader.readexactly(9))[3] == 4
        # Second: gRPC's core falls over a connection that ends before its SETTINGS while the server ends, too.
        async with connected(address) as wire:
            for piece in (b"P", b"UT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"):
                await wire.send(piece)
                await asyncio.sleep(0.02)
            assert (await wire.answer()).status == 200


async def test_without_grpc_its_preface_is_no_request():
    async with listening(Plain()) as (_, address), connected(address) as wire:
        await wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert (await wire.head())[0] == 400


async def test_large_messages_pass_the_shared_port_both_ways():
    async with listening(Scripted()) as (_, address):
        big = bytes(range(256)) * 30_000
        options = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
        async with grpc.aio.insecure_channel(str(address), options) as channel:
            assert await channel.unary_unary("/any.Service/Method")(big) == big


class Handing(asyncio.Protocol):
    """Hands its connection on with the first bytes."""

    def __init__(self, splices):
        self._splices = splices

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._splices.join(self._transport, data)


async def test_a_server_that_does_not_read_holds_its_client_up(tmp_path):
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        deaf.listen()
        async with asyncio.TaskGroup() as group:
            splices = Splices(str(tmp_path / "deaf"), group.create_task)
            front = await loop.create_server(lambda: Handing(splices), "127.0.0.1", 0)
            address = Address(host="127.0.0.1", port=front.sockets[0].getsockname()[1])
            async with connected(address) as wire:
                sending = group.create_task(wire.send(*[b"x" * 1_000_000] * 100))
                await asyncio.sleep(0.5)
                assert not sending.done()
                sending.cancel()
            front.close()
            await splices.close()
