"""The client against a real listener over a memory store: what an application sees."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from uuid import UUID

import numpy as np
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.facades import Scripted, listening
from tests.fakes.world import DIM, SOURCE, shape
from vectormigrate.api.client import Client
from vectormigrate.model.collection import IdKind
from vectormigrate.model.errors import (
    CollectionMissing,
    StoreDown,
    Unreachable,
    Unresolved,
    UsageError,
)
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Standing
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.neutral import NeutralFacade
from vectormigrate.stores.raw import HttpResponse

ONE = [1.0] * DIM


@asynccontextmanager
async def serving(store):
    """Runs functions of a client, each in a thread, against our API over a store."""
    async with listening(NeutralFacade(Standing(store), FakeClock())) as (_, address):
        with Client(f"http://{address}") as client:
            yield lambda act: asyncio.to_thread(act, client)


@pytest.fixture
async def store():
    made = MemoryStore(Endpoint("memory"), Database())
    await made.create(shape())
    return made


def record(one, **payload):
    return {"id": one, "vectors": {"v": [float(one)] * DIM}, "payload": payload}


async def test_an_ordinary_life(store):
    def live(client):
        assert client.collections() == [SOURCE]
        assert client.describe(SOURCE)["vectors"][0]["dim"] == DIM
        told = client.upsert(SOURCE, [record(one, n=one) for one in range(5)])
        assert told == {"acknowledged": 5, "refused": []}
        assert client.count(SOURCE) == 5
        client.patch(SOURCE, [1, 9], {"n": 50})
        (found,) = client.fetch(SOURCE, [1, 9])
        assert (found["id"], found["payload"], found["vectors"]) == (1, {"n": 50}, {"v": ONE})
        hits = client.query(SOURCE, np.ones(DIM, np.float32), limit=2, filter={"field": "n", "lt": 50})
        assert [(hit["id"], hit["score"]) for hit in hits] == [(0, 2.0), (2, 2.0)]
        client.delete(SOURCE, [0])
        assert client.delete(SOURCE, filter={"field": "n", "gte": 4})["acknowledged"] == 2
        return client.count(SOURCE)

    async with serving(store) as run:
        assert await run(live) == 2


async def test_values_that_json_has_no_type_for_come_back_as_they_were(store):
    def live(client):
        client.upsert(SOURCE, [record(1, u=UUID(int=1), b=b"\0", n=2**80)])
        (found,) = client.fetch(SOURCE, [1])
        return found["payload"]

    async with serving(store) as run:
        assert await run(live) == {"u": UUID(int=1), "b": b"\0", "n": 2**80}


async def test_a_name_that_is_no_path(store):
    await store.create(shape("a/b?c", IdKind.TEXT))
    async with serving(store) as run:
        assert await run(lambda client: client.count("a/b?c")) == 0


async def test_an_error_arrives_as_what_it_is(store):
    async with serving(store) as run:
        with pytest.raises(CollectionMissing, match="no collection 'none'") as caught:
            await run(lambda client: client.count("none"))
        assert caught.value.hint
        store.database.faults.next_errors.append(StoreDown("held", retry_after=2.0))
        with pytest.raises(StoreDown) as caught:
            await run(lambda client: client.count(SOURCE))
        assert caught.value.retry_after == 2.0
        assert await run(lambda client: client.count(SOURCE)) == 0  # the connection is good still


@pytest.mark.parametrize("words", [{}, {"ids": [1], "filter": {"ids": [1]}}])
def test_a_delete_has_ids_or_a_filter(words):
    with pytest.raises(UsageError, match="ids or a filter"):
        Client("http://127.0.0.1:1").delete(SOURCE, **words)


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://x", "http://", ""])
def test_what_is_no_url(url):
    with pytest.raises(UsageError, match="no URL"):
        Client(url)


# Answers that are lost.


@asynccontextmanager
async def losing(times, answer=b"{}", status=200):
    """A server that closes so many connections without an answer; yields its port and the requests it read."""
    seen = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(
            (int(line.split(b":")[1]) for line in head.lower().splitlines() if b"content-length" in line), 0
        )
        seen.append((head, await reader.readexactly(size)))
        if len(seen) > times:
            writer.write(b"HTTP/1.1 %d OK\r\ncontent-length: %d\r\n\r\n%s" % (status, len(answer), answer))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


def key_of(head):
    return next(line for line in head.lower().splitlines() if line.startswith(b"idempotency-key"))


async def test_a_write_whose_answer_was_lost_is_sent_again_as_the_same(store):
    async with losing(1) as (port, seen):
        with Client(f"http://127.0.0.1:{port}/prefix/") as client:
            await asyncio.to_thread(client.patch, SOURCE, [1], {"n": 1})
            await asyncio.to_thread(client.patch, SOURCE, [1], {"n": 1})
            await asyncio.to_thread(lambda: client.patch(SOURCE, [1], {"n": 1}, key="mine"))
    first, again, another, mine = seen
    assert first == again
    assert first[0].startswith(b"PATCH /prefix/collections/docs/records ")
    assert key_of(first[0]) != key_of(another[0])
    assert key_of(mine[0]).endswith(b" mine")


async def test_after_three_attempts_nobody_knows():
    async with losing(9) as (port, seen):
        with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(Unresolved, match="no answer"):
            await asyncio.to_thread(client.count, SOURCE)
    assert len(seen) == 3


async def test_where_nobody_listens_nothing_was_sent():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with Client(f"http://127.0.0.1:{held.getsockname()[1]}") as client, pytest.raises(Unreachable):
            await asyncio.to_thread(client.count, SOURCE)


async def test_a_server_that_is_gone_after_it_was_sent_something_may_have_done_it():
    async with losing(9) as (port, seen):
        client = Client(f"http://127.0.0.1:{port}")
        intact = client._connection.connect

        def connect():
            if seen:
                raise ConnectionRefusedError("gone")
            intact()

        client._connection.connect = connect
        with client, pytest.raises(Unresolved):
            await asyncio.to_thread(client.count, SOURCE)


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b"[]", b'{"error": {}}'])
async def test_an_answer_of_somebody_else(answer):
    async with losing(0, answer, 500) as (port, _):
        with (
            Client(f"http://127.0.0.1:{port}") as client,
            pytest.raises(Unresolved, match="is this a vectormigrate"),
        ):
            await asyncio.to_thread(client.count, SOURCE)


async def test_an_answer_that_takes_too_long():
    async def sleep(request):
        await asyncio.sleep(0.3)
        return HttpResponse(200, (), b'{"count": 1}')

    async with listening(Scripted(sleep)) as (_, address):
        with Client(f"http://{address}", timeout=0.02) as client, pytest.raises(Unresolved):
            await asyncio.to_thread(client.count, SOURCE)


async def test_arrays_may_stand_wherever_vectors_do(store):
    def live(client):
        told = client.upsert(SOURCE, [{"id": 1, "vectors": {"v": np.ones(DIM, np.float32)}}])
        assert told == {"acknowledged": 1, "refused": []}
        [found] = client.fetch(SOURCE, [1])
        assert found["vectors"]["v"] == ONE

    async with serving(store) as run:
        await run(live)


@pytest.mark.parametrize("key", ["a\nb", "schl\u00fcssel"])
def test_a_key_that_no_header_can_hold_is_told_before_anything_is_sent(key):
    with Client("http://127.0.0.1:9") as client, pytest.raises(UsageError, match="idempotency key"):
        client.delete(SOURCE, [1], key=key)


async def test_what_is_too_large_is_told_as_that(store):
    """The listener refuses it, which speaks no API's words."""

    async def answer(_):
        return HttpResponse(413, [(b"content-type", b"text/plain")], b"the request is larger\n")

    async with listening(Scripted(answer)) as (_, address):
        with Client(f"http://{address}") as client, pytest.raises(UsageError, match="larger") as told:
            await asyncio.to_thread(client.count, SOURCE)
    assert "--max-body" in told.value.hint
