"""One facade behind a listener: both protocols on one port, limits, hang-ups, the way out."""

import asyncio
import socket

import grpc
import grpc.aio
import pytest

from tests.fakes.facades import LOOPBACK, Plain, Scripted, listening
from tests.fakes.wire import connected
from vectormigrate.daemon.listeners import Address, Limits, Listener
from vectormigrate.model.errors import Unresolved, UsageError
from vectormigrate.stores.raw import HttpResponse, RpcReply

SMALL = Limits(body=1000, head=500)


async def called(address, request, **words):
    async with grpc.aio.insecure_channel(str(address)) as channel:
        return await channel.unary_unary("/any.Service/Method")(request, **words)


# HTTP.


async def test_a_request_arrives_as_it_was_sent():
    facade = Plain()
    async with listening(facade) as (_, address), connected(address) as wire:
        answer = await wire.ask("PUT", "/a%2Fb/%C3%A9?wait=true&x=%20", b"body", b"API-Key: k", b"X-Two: 1")
    assert (answer.status, answer.body, answer.header(b"x-facade")) == (200, b"body", b"scripted")
    (request,) = facade.requests
    assert (request.method, request.path, request.query) == ("PUT", "/a%2Fb/%C3%A9", b"wait=true&x=%20")
    assert (request.body, request.header(b"api-key"), request.header(b"x-two")) == (b"body", b"k", b"1")


async def test_a_connection_is_kept_and_requests_in_a_row_are_answered_in_order():
    async with listening(Plain()) as (_, address), connected(address) as wire:
        await wire.send(*(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n%d" % n for n in range(5)))
        assert [(await wire.answer()).body for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_body_in_pieces_arrives_whole():
    facade = Plain()
    async with listening(facade) as (_, address), connected(address) as wire:
        await wire.send(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"
        )
        assert (await wire.answer()).body == b"abcde"
        big = bytes(range(256)) * 4000
        assert (await wire.ask("POST", "/", big)).body == big
    assert [request.body for request in facade.requests] == [b"abcde", big]


async def test_who_waits_to_be_told_to_go_on_is_told():
    async with listening(Plain()) as (_, address), connected(address) as wire:
        await wire.send(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(b"ok")
        assert (await wire.answer()).body == b"ok"


async def test_nothing_is_added_to_an_answer_but_its_length():
    async def bare(_):
        return HttpResponse(200, ((b"x-a", b"1"), (b"x-a", b"2")), b"ok")

    async with listening(Plain(bare)) as (_, address), connected(address) as wire:
        answer = await wire.ask("GET", "/")
    assert answer.headers == [(b"x-a", b"1"), (b"x-a", b"2"), (b"content-length", b"2")]


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_that_may_have_no_body_has_none(status):
    async def bodiless(_):
        return HttpResponse(status, ((b"content-length", b"12"),))

    async with listening(Plain(bodiless)) as (_, address), connected(address) as wire:
        for _ in range(2):
            assert (await wire.ask("GET", "/")).status == status


async def test_the_answer_to_head_keeps_its_length_and_sends_no_body():
    async def head(_):
        return HttpResponse(200, ((b"content-length", b"12"),))

    async with listening(Plain(head)) as (_, address), connected(address) as wire:
        await wire.send(b"HEAD / HTTP/1.1\r\n\r\n")
        assert dict((await wire.head())[1])[b"content-length"] == b"12"
        await wire.send(b"HEAD / HTTP/1.1\r\n\r\n")
        assert (await wire.head())[0] == 200  # what follows is the next answer, not a body


async def test_an_answer_is_passed_on_while_it_arrives():
    go_on = asyncio.Event()

    async def pieces():
        yield b"first"
        await go_on.wait()
        yield b"second"

    async def streaming(_):
        return HttpResponse(200, stream=pieces())

    async with listening(Plain(streaming)) as (_, address), connected(address) as wire:
        await wire.send(b"GET / HTTP/1.1\r\n\r\n")
        await wire.head()
        assert await wire.reader.readuntil(b"first\r\n") == b"5\r\nfirst\r\n"
        go_on.set()
        assert await wire.reader.readuntil(b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"


async def test_an_answer_that_breaks_off_does_not_look_whole(caplog):
    async def pieces():
        yield b"first"
        raise Unresolved("qdrant:6333 did not answer: it closed the connection")

    async def streaming(_):
        return HttpResponse(200, stream=pieces())

    async with listening(Plain(streaming)) as (_, address), connected(address) as wire:
        await wire.send(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(asyncio.IncompleteReadError) as told:
            await wire.reader.readuntil(b"0\r\n\r\n")
    assert told.value.partial.endswith(b"first\r\n")
    assert "broke off" in caplog.text
    assert "Traceback" not in caplog.text


async def test_nothing_is_fetched_for_a_client_that_has_gone():
    closed = asyncio.Event()

    async def endless():
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0)
        finally:
            closed.set()

    async def streaming(_):
        return HttpResponse(200, stream=endless())

    async with listening(Plain(streaming)) as (_, address):
        async with connected(address) as wire:
            await wire.send(b"GET / HTTP/1.1\r\n\r\n")
            await wire.head()
        async with asyncio.timeout(5):
            await closed.wait()


async def test_what_a_facade_did_not_foresee_is_500_and_logged(caplog):
    async def broken(_):
        raise ValueError("boom")

    async with listening(Plain(broken)) as (_, address), connected(address) as wire:
        answer = await wire.ask("GET", "/x")
    assert (answer.status, answer.body) == (500, b"internal error\n")
    assert "GET /x has no answer" in caplog.text


# Limits.


@pytest.mark.parametrize(
    "length", [b"Content-Length: 1001\r\n\r\n%s", b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n%s\r\n0\r\n\r\n"]
)
async def test_a_body_over_the_limit_is_413_and_not_seen(length):
    facade = Plain()
    async with listening(facade, limits=SMALL) as (_, address), connected(address) as wire:
        assert (await wire.ask("POST", "/", b"x" * 1000)).status == 200
        await wire.send(b"POST / HTTP/1.1\r\n" + length % (b"x" * 1001))
        answer = await wire.answer()
        assert (answer.status, answer.header(b"connection")) == (413, b"close")
        assert await wire.ended()
    assert len(facade.requests) == 1


@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_head_over_the_limit_is_431(pieces):
    facade = Plain()
    async with listening(facade, limits=SMALL) as (_, address), connected(address) as wire:
        await wire.send(b"GET / HTTP/1.1\r\nX-Long: ", *[b"x" * (600 // pieces)] * pieces)
        assert (await wire.head())[0] == 431
        assert await wire.ended()
    assert facade.requests == []


async def test_heads_of_many_requests_are_counted_one_by_one():
    async with listening(Plain(), limits=SMALL) as (_, address), connected(address) as wire:
        for _ in range(20):
            assert (await wire.ask("GET", "/", b"", b"X-Long: " + b"x" * 100)).status == 200


async def test_what_is_no_http_is_400():
    async with listening(Plain()) as (_, address), connected(address) as wire:
        await wire.send(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
        assert (await wire.head())[0] == 400


async def test_a_connection_too_many_is_told_503_and_the_others_are_served():
    one_only = Limits(connections=1)
    async with (
        listening(Plain(), limits=one_only) as (_, address),
        connected(address) as one,
        connected(address) as two,
    ):
        assert (await one.ask("GET", "/")).status == 200
        assert (await two.ask("GET", "/")).status == 503
        assert await two.ended()
        assert (await one.ask("GET", "/")).status == 200


async def test_an_idle_connection_is_closed():
    short = Limits(idle=0.2)
    async with (
        listening(Plain(), limits=short) as (_, address),
        connected(address) as silent,
        connected(address) as used,
    ):
        await used.ask("GET", "/")
        assert await silent.ended()
        assert await used.ended()


# Hang-ups.


async def test_a_request_that_arrived_whole_is_carried_to_its_end_without_its_client():
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_):
        begun.set()
        await go_on.wait()
        ended.set()
        return HttpResponse(200)

    async with listening(Plain(slow)) as (listener, address):
        async with connected(address) as wire:
            await wire.send(b"PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")
            await begun.wait()
        while listener.connections:
            await asyncio.sleep(0.01)
        assert listener.under_way == 1
        go_on.set()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_request_that_did_not_arrive_whole_is_not_seen():
    facade = Plain()
    async with listening(facade) as (listener, address):
        async with connected(address) as wire:
            await wire.send(b"PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
            while not listener.under_way:
                await asyncio.sleep(0.01)
        while listener.under_way:
            await asyncio.sleep(0.01)
    assert facade.requests == []


# gRPC.


async def test_both_protocols_on_one_port():
    async with listening(Scripted()) as (_, address), connected(address) as wire:
        assert (await wire.ask("POST", "/", b"http")).body == b"http"
        assert await called(address, b"grpc") == b"grpc"


async def test_a_preface_in_pieces_is_known():
    async with listening(Scripted()) as (_, address), connected(address) as wire:
        for piece in (b"P", b"R", b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            await wire.send(piece)
            await asyncio.sleep(0.02)
        # SETTINGS, the first frame of an HTTP/2 server: type 4 behind three bytes of length.
        assert (await wire.reader.readexactly(9))[3] == 4
    async with listening(Scripted()) as (_, address), connected(address) as wire:
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
    assert 20 < call.timeout <= 30


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


# Starting and ending.


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
