"""HTTP: what arrives, what is answered, limits, and clients that hang up."""

import asyncio
from dataclasses import replace

import pytest

from tests.fakes.facades import Plain, listening
from tests.fakes.wire import connected
from vectormigrate.daemon.listeners import Limits
from vectormigrate.model.errors import Unresolved
from vectormigrate.stores.raw import HttpResponse

SMALL = Limits(body=1000, head=500)


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


@pytest.mark.parametrize("wish", [b"Upgrade: h2c", b"upgrade: TLS/1.2", b"UPGRADE: websocket"])
async def test_who_would_rather_speak_another_protocol_is_heard_in_this_one(wish, caplog):
    head = b" / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\n%b\r\nHTTP2-Settings: AAMA\r\n" % wish
    facade = Plain()
    async with listening(facade) as (_, address), connected(address) as wire:
        for body in (b"one", b"\r\nupgrade: two"):
            await wire.send(b"PUT" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert (await wire.answer()).body == body
        await wire.send(b"POST / HTTP/1.1\r\nContent-Length: 21\r\n\r\n1234", b"\r\nupgrade: three.")
        assert (await wire.answer()).body == b"1234\r\nupgrade: three."
        await wire.send(b"GET" + head + b"\r\n")
        assert (await wire.answer()).status == 200
    assert [request.header(b"upgrade") for request in facade.requests] == [None] * 4
    assert not caplog.records


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


async def test_a_body_over_the_limit_that_never_ends_is_not_waited_for():
    impatient = Limits(body=1000, patience=0.1)
    async with listening(Plain(), limits=impatient) as (_, address), connected(address) as wire:
        await wire.send(b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 5000)
        assert (await wire.answer()).status == 413


@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_head_over_the_limit_is_431(pieces):
    facade = Plain()
    async with listening(facade, limits=SMALL) as (_, address), connected(address) as wire:
        assert (await wire.ask("PUT", "/", b"x" * 900)).status == 200
        await wire.send(b"GET / HTTP/1.1\r\nX-Long: ", *[b"x" * (600 // pieces)] * pieces)
        assert (await wire.head())[0] == 431
        assert await wire.ended()
    assert len(facade.requests) == 1


@pytest.mark.parametrize(
    "long", [b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 600, b"GET /" + b"x" * 600 + b" HTTP/1.1"]
)
@pytest.mark.parametrize("before", [b"", b"PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"])
async def test_so_is_one_that_comes_all_at_once(before, long):
    """Whether it is whole when it is first seen depends on the network alone. What came with it is not looked at."""
    facade = Plain()
    async with listening(facade, limits=SMALL) as (_, address), connected(address) as wire:
        await wire.send(before + long + b"\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        told = await wire.reader.read()
    assert b" 431 " in told
    assert b" 400 " not in told
    assert len(facade.requests) <= bool(before)


async def test_a_large_body_makes_no_head_too_large():
    async with listening(Plain(), limits=SMALL) as (_, address), connected(address) as wire:
        answer = await wire.ask("PUT", "/", b"x" * 1000, b"X-Long: " + b"x" * 200)
    assert answer.status == 200


async def test_heads_of_many_requests_are_counted_one_by_one():
    async with listening(Plain(), limits=SMALL) as (_, address), connected(address) as wire:
        for _ in range(20):
            assert (await wire.ask("GET", "/", b"", b"X-Long: " + b"x" * 100)).status == 200


async def test_what_is_no_http_is_400():
    async with listening(Plain()) as (_, address), connected(address) as wire:
        await wire.send(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
        assert (await wire.head())[0] == 400


@pytest.mark.parametrize(
    "target", [b"*", b"*@127.0.0.1:9/collections", b"http://here", b"here:80", b"/a b", b"/\xc3\xa9"]
)
async def test_a_target_that_is_no_path_is_400_and_not_passed_on(target, caplog):
    """`*@elsewhere/` behind the address of a server is the address of another one, and the client's key would go there."""
    facade = Plain()
    async with listening(facade) as (_, address), connected(address) as wire:
        await wire.send(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: here\r\n\r\n")
        assert (await wire.head())[0] == 400
    assert facade.requests == []
    assert "Traceback" not in caplog.text


async def test_who_never_comes_to_ask_is_counted_and_not_told_in_a_line_each(caplog):
    """Not HTTP, a head that is too large, one that never ends; a request beside them is none of these."""
    seen = []
    small = replace(SMALL, arrival=0.2)
    async with listening(Plain(), limits=small, turned_away=lambda *one: seen.append(one)) as (_, address):
        for sent in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"\0" * 64, b"GET / HTTP/1.1\r\nX: " + b"x" * 4096):
            async with connected(address) as wire:
                await wire.send(sent)
                await wire.head()
        async with connected(address) as wire:
            await wire.send(b"GET / HTTP/1.1\r\nHost: h")
            assert (await wire.head())[0] == 408
        async with connected(address) as wire:
            assert (await wire.ask("GET", "/")).status == 200
    here = "127.0.0.1"
    assert seen == [("no_http", here), ("no_http", here), ("head", here), ("slow", here)]
    assert [record.getMessage() for record in caplog.records] == []


async def test_a_connection_too_many_is_told_503_and_the_others_are_served():
    one_only, seen = Limits(connections=1), []
    async with (
        listening(Plain(), limits=one_only, turned_away=lambda *one: seen.append(one)) as (_, address),
        connected(address) as one,
        connected(address) as two,
    ):
        assert (await one.ask("GET", "/")).status == 200
        assert (await two.ask("GET", "/")).status == 503
        assert await two.ended()
        assert (await one.ask("GET", "/")).status == 200
    assert seen == [("crowded", "127.0.0.1")]


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
