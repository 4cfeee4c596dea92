import asyncio

import pytest

from tests.fakes.front import FakeUpstream
from vectormigrate.engine.dualwrite.bounded import Bounded
from vectormigrate.engine.dualwrite.terms import Terms
from vectormigrate.model.errors import Unresolved
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.stores.raw import HttpRequest, RpcCall


class Slow(FakeUpstream):
    """Answers after `seconds`."""

    seconds = 30.0

    async def send(self, request, *, stream=False):
        await asyncio.sleep(self.seconds)
        return await super().send(request, stream=stream)

    async def call(self, call):
        await asyncio.sleep(self.seconds)
        return await super().call(call)


ASKED = [
    lambda upstream: upstream.send(HttpRequest("PUT", "/"), stream=True),
    lambda upstream: upstream.call(RpcCall("/a/b", b"")),
]


@pytest.mark.parametrize("ask", ASKED, ids=["http", "rpc"])
async def test_what_is_answered_in_time_is_passed_on(ask):
    slow = Slow()
    assert await ask(Bounded(slow, 30.5)) in (slow.response, slow.reply)
    assert slow.streamed in ([True], [])


@pytest.mark.parametrize("ask", ASKED, ids=["http", "rpc"])
async def test_what_takes_longer_is_unresolved(ask):
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unresolved, match=r"within 29\.5 s") as caught:
        await ask(Bounded(Slow(), 29.5))
    assert asyncio.get_running_loop().time() - began == pytest.approx(29.5)
    assert "write-timeout" in caught.value.hint


@pytest.mark.parametrize("ask", ASKED, ids=["http", "rpc"])
async def test_an_answer_that_is_an_error_is_that_error(ask):
    refused = Unresolved("it closed the connection")
    with pytest.raises(Unresolved, match="closed"):
        await ask(Bounded(FakeUpstream(refused, refused), 1))


def test_a_quarantine_is_twice_as_long_as_the_longest_write():
    quarantines = (
        Terms().quarantine,
        Specification("m", StoreRef("memory", "a", "b"), StoreRef("memory", "c", "d")).quarantine,
    )
    assert min(quarantines) >= 2 * Terms().write_timeout
