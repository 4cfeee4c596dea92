import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.facades import Scripted, Talking
from tests.fakes.front import FakeFront
from vectormigrate.daemon.telemetry.traffic import (
    MeasuredFacade,
    MeasuredFront,
    MeasuredUpstream,
    Traffic,
    of_code,
    of_status,
)
from vectormigrate.model.errors import Unreachable
from vectormigrate.stores.front import Access, Front, Standing
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream

GET = HttpRequest("GET", "/")


class Slow(Upstream):
    """Takes two seconds a request."""

    def __init__(self, clock):
        self.clock = clock
        self.error = None

    async def send(self, request, *, stream=False):
        self.clock.advance(2)
        if self.error is not None:
            raise self.error
        return HttpResponse(200)

    async def call(self, call):
        self.clock.advance(2)
        return RpcReply()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def traffic():
    return Traffic("main")


class Site:
    """A facade over a slow server, which itself takes a second before and a second behind it."""

    def __init__(self, clock, traffic):
        self.clock, self.traffic = clock, traffic
        self.upstream = Slow(clock)
        measured = MeasuredUpstream(self.upstream, traffic, clock.monotonic)
        self.front = MeasuredFront(Standing(upstream=measured), traffic, clock.monotonic)
        self.facade = MeasuredFacade(Scripted(self.http, self.rpc), traffic, clock.monotonic)

    async def http(self, request):
        self.clock.advance(1)
        if request.method == "PUT":
            self.front.reading("docs")  # as a facade may look before it writes
            async with self.front.writing({"docs": ()}) as write:
                answer = await write.access.upstream.send(request)
        elif request.path == "/alone":
            answer = HttpResponse(404)
        else:
            answer = await self.front.reading("docs").upstream.send(request)
        self.clock.advance(1)
        return answer

    async def rpc(self, call):
        return await self.front.reading("docs").upstream.call(call)


@pytest.fixture
def site(clock, traffic):
    return Site(clock, traffic)


async def test_a_request_is_timed_whole_and_without_the_source(site, traffic):
    await site.facade.http(GET)
    assert {key: (one.count, one.sum) for key, one in traffic.requests.items()} == {("read", "ok"): (1, 4.0)}
    assert (traffic.source.count, traffic.source.sum) == (1, 2.0)
    assert (traffic.added["read"].count, traffic.added["read"].sum) == (1, 2.0)
    assert traffic.in_flight == traffic.mark.count == 0


async def test_a_write_is_one_whatever_was_read_before_and_its_mark_is_timed(site, traffic):
    await site.facade.http(HttpRequest("PUT", "/"))
    assert list(traffic.requests) == [("write", "ok")]
    assert traffic.mark.count == 1


async def test_what_touches_no_collection_is_neither(site, traffic):
    await site.facade.http(HttpRequest("GET", "/alone"))
    assert list(traffic.requests) == [("other", "refused")]
    assert traffic.source.count == 0


async def test_a_request_without_an_answer_failed(site, traffic):
    site.upstream.error = Unreachable("gone", store="it")
    with pytest.raises(Unreachable):
        await site.facade.http(GET)
    assert list(traffic.requests) == [("read", "failed")]
    assert (traffic.in_flight, traffic.source.sum) == (0, 2.0)


async def test_two_at_a_time_do_not_pay_for_each_other(site, traffic):
    async with asyncio.TaskGroup() as group:
        group.create_task(site.facade.http(GET))
        group.create_task(site.facade.http(HttpRequest("PUT", "/")))
    assert sorted(traffic.added) == ["read", "write"]
    assert traffic.source.count == 2


async def test_a_call_and_every_message_of_one_that_streams_are_requests(site, traffic, clock):
    await site.facade.rpc(RpcCall("/any.Service/Method", b""))
    assert {key: one.sum for key, one in traffic.requests.items()} == {("read", "ok"): 2.0}
    talking = MeasuredFacade(Talking(), traffic, clock.monotonic)
    assert talking.streams == Talking.streams
    conversation = talking.conversation(RpcCall("/any.Service/Stream", b""))
    assert await conversation.heard(b"one") == [b"one", b"one"]
    await conversation.heard(b"two")
    assert traffic.requests["other", "ok"].count == 2


async def test_the_front_behind_answers_for_everything(traffic, clock):
    """Also for what a front need not know: a name that nobody translated would lead a write past its lane."""
    assert {name for name in vars(Front) if not name.startswith("_")} <= vars(MeasuredFront).keys()
    inner = FakeFront(Access(), known={"alias": "docs"}, elsewhere=Access(), away=("d",))
    front = MeasuredFront(inner, traffic, clock.monotonic)
    assert (front.known_as("alias"), front.concerned(), front.primary("c")) == ("docs", ("c",), inner.access)
    assert front.moved() == ("d",)

    async def ask(access):
        return access.secondary

    async def read(request):
        found = await front.read("c", ask), await front.read("c", ask, anywhere=False)
        assert found == (True, False)
        return HttpResponse(200)

    await MeasuredFacade(Scripted(read), traffic, clock.monotonic).http(GET)
    assert list(traffic.requests) == [("read", "ok")]


def test_what_an_answer_says():
    assert [of_status(one) for one in (200, 304, 404, 429, 503)] == [
        "ok",
        "ok",
        "refused",
        "throttled",
        "failed",
    ]
    assert [of_code(one) for one in (0, 3, 8, 14)] == ["ok", "refused", "throttled", "failed"]
