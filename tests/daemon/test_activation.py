"""Sockets and words between this process and its supervisor."""

import asyncio
import os
import socket
from contextlib import suppress

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.daemon.activation import Notifier, inherited
from vectormigrate.model.errors import UsageError

ME = str(os.getpid())


@pytest.fixture
def given():
    """Two listening sockets at descriptors in a row, as a supervisor leaves them."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    first = 200
    for offset, one in enumerate(sockets):
        os.dup2(one.fileno(), first + offset, inheritable=True)
    yield first, [one.getsockname() for one in sockets]
    for one in sockets:
        one.close()
    for offset in range(2):
        with suppress(OSError):
            os.close(first + offset)


def test_sockets_come_by_name(given):
    first, addresses = given
    found = inherited({"LISTEN_PID": ME, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "qdrant:pinecone"}, first=first)
    assert {name: one.getsockname() for name, one in found.items()} == dict(
        zip(("qdrant", "pinecone"), addresses, strict=True)
    )
    assert not any(os.get_inheritable(one.fileno()) for one in found.values())
    for one in found.values():
        one.close()


def test_one_without_a_name_is_unknown(given):
    first, addresses = given
    found = inherited({"LISTEN_PID": ME, "LISTEN_FDS": "1"}, first=first)
    assert {name: one.getsockname() for name, one in found.items()} == {"unknown": addresses[0]}
    found["unknown"].close()


@pytest.mark.parametrize("environ", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}])
def test_sockets_of_another_process_are_left_alone(environ):
    assert inherited(environ) == {}


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"LISTEN_FDS": "x"}, "no number"),
        ({"LISTEN_FDS": "2", "LISTEN_FDNAMES": "one"}, "names 1 sockets"),
        ({"LISTEN_FDS": "2"}, "two inherited sockets are called 'unknown'"),
    ],
)
def test_what_cannot_be_understood_is_told(given, environ, told):
    with pytest.raises(UsageError, match=told):
        inherited({"LISTEN_PID": ME, **environ}, first=given[0])


def test_a_descriptor_that_is_none_is_told():
    with pytest.raises(UsageError, match="no socket"):
        inherited({"LISTEN_PID": ME, "LISTEN_FDS": "1"}, first=900)


@pytest.fixture(params=["path", "abstract"])
def supervisor(request, tmp_path):
    """A supervisor's end of the notification socket, and the environment that names it."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@vectormigrate-test-{ME}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(address.replace("@", "\0", 1))
        ours.settimeout(5)
        yield ours, {"NOTIFY_SOCKET": address}


def test_it_is_told_what_happens(supervisor):
    ours, environ = supervisor
    clock = FakeClock()
    notifier = Notifier(environ, clock)
    notifier.ready("serving 2 listeners")
    assert ours.recv(1000) == b"READY=1\nSTATUS=serving 2 listeners"
    notifier.reloading()
    assert ours.recv(1000) == b"RELOADING=1\nMONOTONIC_USEC=%d" % int(clock.monotonic() * 1e6)
    notifier.stopping("draining")
    assert ours.recv(1000) == b"STOPPING=1\nSTATUS=draining"
    notifier.close()
    notifier.close()


async def test_the_watchdog_is_fed_at_half_of_its_period(supervisor):
    ours, environ = supervisor
    notifier = Notifier({**environ, "WATCHDOG_USEC": "40000", "WATCHDOG_PID": ME}, FakeClock())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.11):
            await notifier.watch()
    notifier.close()
    ours.setblocking(False)
    fed = 0
    try:
        while ours.recv(100) == b"WATCHDOG=1":
            fed += 1
    except BlockingIOError:
        pass
    assert 3 <= fed <= 6


@pytest.mark.parametrize(
    "environ", [{}, {"WATCHDOG_USEC": "40000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "x"}]
)
async def test_without_a_watchdog_nothing_is_fed(environ, supervisor):
    notifier = Notifier({**supervisor[1], **environ}, FakeClock())
    await notifier.watch()
    notifier.close()


def test_nobody_to_tell_is_no_trouble(tmp_path):
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        notifier = Notifier(environ, FakeClock())
        notifier.ready("x")
        notifier.close()
