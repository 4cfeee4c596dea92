"""`serve` as a process: signals, the state file, a restart on a socket that is held, what it says."""

import asyncio
import json
import re
import signal
import socket
import urllib.error
import urllib.request

import pytest

from tests.fakes.certificates import Authority
from tests.fakes.served import ServedProcess
from tests.fakes.wire import connected, raw_server, well
from vectormigrate.daemon.listeners import Address

POINTS = b'{"points": []}'


def flags(port, listen="127.0.0.1:0"):
    return ["serve", "--dialect", "qdrant", "--listen", listen, "--upstream", f"http://127.0.0.1:{port}"]


@pytest.fixture
def start(tmp_path):
    """Starts a process and waits until it serves, without holding up the loop."""
    started = []

    async def starting(*words, **how):
        started.append(await asyncio.to_thread(ServedProcess, tmp_path, *words, **how))
        return started[-1]

    yield starting
    for one in started:
        one.__exit__()


async def test_it_forwards_and_the_first_signal_answers_what_is_under_way(start):
    go_on, asked = asyncio.Event(), asyncio.Event()

    async def slow(writer, seen):
        asked.set()
        await go_on.wait()
        await well(writer, seen)

    async with raw_server(slow) as server, asyncio.TaskGroup() as group:
        process = await start(*flags(server.port), "--json")
        assert f"in front of http://127.0.0.1:{server.port}" in process.first_line
        async with connected(Address(host="127.0.0.1", port=process.port)) as wire:
            answer = group.create_task(wire.ask("PUT", "/collections/docs/points", POINTS))
            await asked.wait()
            process.tell(signal.SIGTERM)
            assert "SIGTERM: answering what is under way" in await asyncio.to_thread(process.line)
            go_on.set()
            assert (await answer).body == b"ok"
        ended = await asyncio.to_thread(process.wait)
    assert ended.code == 143
    document = json.loads(ended.out)
    assert document["drained"] is True
    assert [one["dialect"] for one in document["listeners"]] == ["qdrant"]


async def test_one_daemon_a_state_file_reads_its_file_again_and_leaves_at_the_second_signal(start, tmp_path):
    asked = asyncio.Event()

    async def never(writer, _):
        asked.set()

    file = tmp_path / "vectormigrate.toml"
    file.write_text('[serve]\nlog_level = "info"\n')
    async with raw_server(never) as server:
        process = await start(*flags(server.port))
        second = await asyncio.to_thread((await start(*flags(server.port))).wait)
        assert second.code == 7
        assert second.err.startswith("error: ")
        for text, told in (
            ('log_level = "debug"', "log level debug"),
            ('log_level = "loud"', "nothing was changed"),
            ("max_body = 1", "change with a restart"),
        ):
            file.write_text(f"[serve]\n{text}\n")
            process.tell(signal.SIGHUP)
            assert told in await asyncio.to_thread(process.line)
        assert "read again" in await asyncio.to_thread(process.line)
        async with connected(Address(host="127.0.0.1", port=process.port)) as wire:
            await wire.send(b"GET /collections HTTP/1.1\r\n\r\n")
            await asked.wait()
            process.tell(signal.SIGINT)
            assert "Ctrl-C" in await asyncio.to_thread(process.line)
            ended = await asyncio.to_thread(process.end, signal.SIGINT)
    assert ended.code == 130


async def test_a_restart_on_a_held_socket_refuses_nobody(start):
    """Two processes one after the other, under requests on new and on kept connections all the while."""
    answered, failed, done = 0, [], asyncio.Event()

    async def client(address, *, keeps):
        nonlocal answered
        wire = None
        while not done.is_set():
            try:
                async with connected(address) as wire:
                    while not done.is_set():
                        answer = await wire.ask("PUT", "/collections/docs/points", POINTS)
                        assert answer.status == 200
                        answered += 1
                        if not keeps or answer.header(b"connection") == b"close":
                            break
            except (OSError, EOFError) as error:
                failed.append(repr(error))

    async with raw_server(well) as server:
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as held:
            address = Address(host="127.0.0.1", port=held.getsockname()[1])
            async with asyncio.TaskGroup() as group:
                first = await start(*flags(server.port, "systemd:held"), held=held)
                for number in range(8):
                    group.create_task(client(address, keeps=bool(number % 2)))
                await asyncio.sleep(0.3)
                before = answered
                ended = await asyncio.to_thread(first.end)
                between = answered
                await start(*flags(server.port, "systemd:held"), held=held)
                await asyncio.sleep(0.3)
                done.set()
    assert ended.code == 143
    assert 0 < before <= between < answered
    assert failed == []


def test_check_says_whether_it_can_be_served(terminal):
    file = terminal.directory / "vectormigrate.toml"
    file.write_text(
        '[listeners.docs]\ndialect = "qdrant"\nlisten = "127.0.0.1:6333"\nupstream = "http://q:6333"\n'
    )
    good = terminal.run("serve", "--check")
    assert (good.code, good.out) == (0, "docs: qdrant at 127.0.0.1:6333, to q:6333\ncan be served\n")
    assert terminal.run("serve", "--check", "--json").document == {
        "format_version": 1,
        "listeners": ["docs"],
        "ok": True,
    }
    assert not (terminal.directory / "state.db").exists()
    file.write_text('[listeners.docs]\ndialect = "qdrant"\n')
    bad = terminal.run("serve", "--check")
    assert bad.code == 2
    assert "'docs' lacks listen, upstream" in bad.err


def test_a_taken_port_is_told(terminal):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = terminal.run(*flags(1, f"127.0.0.1:{taken.getsockname()[1]}"))
    assert told.code == 2
    assert "it is taken" in told.err


async def test_keys_and_certificates_are_changed_by_a_signal(start, tmp_path):
    authority = Authority(tmp_path / "certificates")
    certificate, key = authority.issue("first")
    file = tmp_path / "vectormigrate.toml"
    first = '[api]\naddr = "127.0.0.1:0"\napi_key = "env:ONE"\n'
    file.write_text(f'{first}api_tls_cert = "{certificate}"\napi_tls_key = "{key}"\n')

    def asked(port, secret):
        url = f"https://localhost:{port}/v1/migrations"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {secret}"})
        try:
            with urllib.request.urlopen(request, context=authority.client()) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    environ = {"VECTORMIGRATE_ADDR": "", "ONE": "first", "TWO": "second"}
    async with raw_server(well) as server:
        process = await start(*flags(server.port), environ=environ)
        line = await asyncio.to_thread(process.line)
        port = int(re.search(r"https://127.0.0.1:(\d+)", line)[1])
        assert [await asyncio.to_thread(asked, port, secret) for secret in ("first", "second")] == [200, 401]
        for old, new in zip((certificate, key), authority.issue("second"), strict=True):
            old.write_bytes(new.read_bytes())
        file.write_text(file.read_text().replace("env:ONE", "env:TWO"))
        process.tell(signal.SIGHUP)
        assert "read again" in await asyncio.to_thread(process.line)
        assert [await asyncio.to_thread(asked, port, secret) for secret in ("first", "second")] == [401, 200]


async def test_a_key_that_a_slow_command_says_holds_up_nobody_when_the_configuration_is_read_again(
    start, tmp_path
):
    """`command:` as the API's key at SIGHUP: applications are answered while it takes its time, and the key is changed behind it."""
    file, went = tmp_path / "vectormigrate.toml", tmp_path / "went"
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\ntouch {went}\nsleep 2\necho second\n")
    slow.chmod(0o700)
    file.write_text('[api]\naddr = "127.0.0.1:0"\napi_key = "command:echo first"\n')

    def asked(port, secret):
        url = f"http://127.0.0.1:{port}/v1/migrations"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {secret}"})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    async with raw_server(well) as server:
        process = await start(*flags(server.port), environ={"VECTORMIGRATE_ADDR": ""})
        port = int(re.search(r"http://127.0.0.1:(\d+)", await asyncio.to_thread(process.line))[1])
        file.write_text(file.read_text().replace("echo first", str(slow)))
        waits, clock = [], asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as group:
            process.tell(signal.SIGHUP)
            told = group.create_task(asyncio.to_thread(process.line))
            async with connected(Address(host="127.0.0.1", port=process.port)) as wire:
                while not told.done():
                    began = clock()
                    assert (await wire.ask("PUT", "/collections/docs/points", POINTS)).status == 200
                    if went.exists():
                        waits.append(clock() - began)
                    await asyncio.sleep(0.01)
        assert "read again" in told.result()
        assert len(waits) > 10
        assert max(waits) < 1, "requests waited for the command"
        assert [await asyncio.to_thread(asked, port, secret) for secret in ("first", "second")] == [401, 200]


async def test_garbage_at_the_api_is_counted_and_leaves_no_row_of_the_audit(start, tmp_path):
    """As a scan of ports leaves it: a number for Prometheus, one line of the log, and nothing in the chain of digests."""
    file = tmp_path / "vectormigrate.toml"
    file.write_text('[api]\naddr = "127.0.0.1:0"\napi_key = "env:ONE"\n')

    def asked(port, path):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", headers={"Authorization": "Bearer one"}
        )
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()

    async with raw_server(well) as server:
        process = await start(*flags(server.port), environ={"VECTORMIGRATE_ADDR": "", "ONE": "one"})
        port = int(re.search(r"http://127.0.0.1:(\d+)", await asyncio.to_thread(process.line))[1])
        rows = len(json.loads(await asyncio.to_thread(asked, port, "/v1/audit?limit=1000"))["rows"])
        for _ in range(50):
            async with connected(Address(host="127.0.0.1", port=port)) as wire:
                await wire.send(b"\x16\x03\x01\x02\x00\x01garbage\r\n\r\n")
                assert (await wire.head())[0] == 400
        metrics = await asyncio.to_thread(asked, port, "/metrics")
        assert 'vectormigrate_connections_refused_total{listener="api",reason="no_http"} 50.0' in metrics
        audit = json.loads(await asyncio.to_thread(asked, port, "/v1/audit?limit=1000"))["rows"]
        assert len(audit) - rows <= 2  # our own looks
        assert "nobody" not in {row["actor"] for row in audit}
        ended = await asyncio.to_thread(process.end)
    told = [line for line in ended.err.splitlines() if "HTTP" in line]
    assert len(told) == 1
    assert "api: connections that spoke no HTTP: 1, the last from 127.0.0.1" in told[0]
