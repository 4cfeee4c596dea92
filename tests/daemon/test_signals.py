"""The first signal asks, the second leaves."""

import asyncio
import os
import signal

import pytest

from vectormigrate.daemon.signals import stopping


async def send(number):
    os.kill(os.getpid(), number)
    # The handler runs in the loop, behind the wake-up that the signal wrote.
    for _ in range(10):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_first_asks_and_second_leaves(number, code):
    asked, left = [], []
    with stopping(asked.append, left.append) as stop:
        assert stop.exit_code is None
        await send(number)
        assert (asked, left, stop.exit_code) == ([number], [], code)
        await send(number)
        assert (asked, left) == ([number], [code])


async def test_another_second_signal_leaves_with_its_own_code():
    asked, left = [], []
    with stopping(asked.append, left.append) as stop:
        await send(signal.SIGINT)
        await send(signal.SIGTERM)
    assert left == [143]
    assert stop.exit_code == 130


async def test_the_defaults_are_back_behind_the_block():
    with stopping(lambda _: None, lambda _: None):
        pass
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
