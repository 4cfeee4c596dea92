"""The inputs that look around."""

from dataclasses import replace

import pytest
from aiohttp import web

from tests.fakes.clock import FakeClock
from vectormigrate.daemon.surroundings import surroundings
from vectormigrate.model.specification import Specification, StoreRef

ASKED = Specification("move", StoreRef("memory", "", "a"), StoreRef("memory", "", "b"))


@pytest.fixture
def clock():
    return FakeClock()


async def why(inputs, name, **limits):
    return await inputs[name](replace(ASKED, **limits))


async def test_nothing_that_is_not_asked_for_is_a_reason(clock):
    inputs = surroundings(clock)
    assert {name: await why(inputs, name) for name in inputs} == {"cpu": "", "file": "", "url": ""}


async def test_processor_time_is_that_of_the_last_half_minute(clock):
    computed = [0.0]
    inputs = surroundings(clock, lambda: computed[0])
    assert await why(inputs, "cpu", throttle_cpu=0.5) == ""
    clock.advance(10)
    computed[0] += 6
    assert await why(inputs, "cpu", throttle_cpu=0.5) == "this process takes 0.60 cores, more than 0.5"
    assert await why(inputs, "cpu", throttle_cpu=0.6) == ""
    clock.advance(60)
    assert await why(inputs, "cpu", throttle_cpu=0.5) == ""


async def test_a_file_is_enough_whatever_it_holds(clock, tmp_path):
    inputs = surroundings(clock)
    flag = tmp_path / "stop"
    assert await why(inputs, "file", throttle_file=str(flag)) == ""
    flag.touch()
    assert await why(inputs, "file", throttle_file=str(flag)) == f"there is a file {flag}"


@pytest.fixture
async def server():
    """Answers what a test wants, and remembers how it was asked."""
    asked = []

    async def answer(request):
        asked.append(request.method)
        return web.Response(status=int(request.path.strip("/")))

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", asked
    await runner.cleanup()


async def test_an_address_says_go_by_2xx_alone(clock, server):
    url, asked = server
    inputs = surroundings(clock)
    assert await why(inputs, "url", throttle_url=f"{url}/204") == ""
    for status in (302, 404, 503):
        told = await why(inputs, "url", throttle_url=f"{url}/{status}")
        assert told == f"the address that is asked answers {status}"
    assert set(asked) == {"HEAD"}


async def test_an_address_that_does_not_answer_says_wait(clock, unused_tcp_port_factory):
    nobody = unused_tcp_port_factory()
    assert "does not answer" in await why(
        surroundings(clock), "url", throttle_url=f"http://127.0.0.1:{nobody}/"
    )
