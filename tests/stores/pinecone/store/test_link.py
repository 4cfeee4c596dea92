"""One call is one attempt, and every way it can end is told apart."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.milvus import free_port
from vectormigrate.model.errors import (
    AuthenticationFailed,
    ConfigInvalid,
    StoreBroken,
    StoreDown,
    StoreError,
    Throttled,
    Unreachable,
    Unresolved,
)
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pinecone.store.link import Link, base_url, encode_query, together


@pytest.fixture
async def link(served):
    made = Link(Endpoint("pinecone", served.url, served.service.api_key, options={"timeout": "5"}))
    yield made
    await made.close()


async def ask(link, *, writing=False):
    method = "POST" if writing else "GET"
    return await link.call(method, link.control, "/indexes", place=link.place("docs"), writing=writing)


async def test_a_good_answer_is_parsed(link):
    answer = await ask(link)
    assert (answer.body, answer.committed, answer.indexed) == ({"indexes": []}, None, None)


@pytest.mark.parametrize(
    ("status", "headers", "read", "write"),
    [
        (500, {}, StoreDown, Unresolved),
        (429, {"retry-after": "7"}, Throttled, Throttled),
        ("drop", {}, StoreDown, Unresolved),
    ],
)
async def test_a_failure_is_told_after_one_attempt(link, served, status, headers, read, write):
    for kind, writing in ((read, False), (write, True)):
        served.service.failing = [("/indexes", status, headers)] * 9
        served.service.requests.clear()
        with pytest.raises(kind) as caught:
            await ask(link, writing=writing)
        assert type(caught.value) is kind
        assert caught.value.retry_after == (7.0 if headers else None)
        if status != "drop" or writing:  # the transport itself repeats a read on a connection that broke
            assert len(served.service.requests) == 1
    served.service.failing.clear()


async def test_a_wrong_key_is_told_and_not_shown(served):
    link = Link(Endpoint("pinecone", served.url, "s3cret"))
    with pytest.raises(AuthenticationFailed) as caught:
        await ask(link)
    assert "s3cret" not in str(caught.value.as_dict())
    assert "s3cret" not in link.project
    await link.close()


async def test_nobody_there_is_unreachable_even_for_a_write():
    link = Link(Endpoint("pinecone", f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(Unreachable):
        await ask(link, writing=True)
    await link.close()


@pytest.mark.parametrize(
    ("said", "kind"), [(b"", Unresolved), (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhtml", StoreBroken)]
)
async def test_no_answer_in_time_and_no_json(said, kind):
    hung_up = asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = Link(Endpoint("pinecone", f"http://127.0.0.1:{port}", options={"timeout": "0.2"}))
    with pytest.raises(kind):
        await ask(link, writing=True)
    await link.close()
    await hung_up.wait()
    server.close()


async def test_a_closed_link_says_so(link):
    await link.close()
    await link.close()
    with pytest.raises(StoreError, match="closed"):
        await ask(link)


def test_addresses():
    assert base_url("docs-abc.svc.pinecone.io") == "https://docs-abc.svc.pinecone.io"
    assert base_url("http://127.0.0.1:5080/indexes/docs/") == "http://127.0.0.1:5080/indexes/docs"
    for bad in ("ftp://x", "http://", "http://x:port"):
        with pytest.raises(ConfigInvalid):
            base_url(bad)


@pytest.mark.parametrize("bad", ["soon", "-1", "nan", "0"])
def test_a_time_is_a_number(bad):
    with pytest.raises(ConfigInvalid):
        Link(Endpoint("pinecone", options={"timeout": bad}))


def test_a_query_string_keeps_every_letter():
    assert encode_query([("ids", "a b&c=d+e/f%"), ("ids", "\t")]) == "?ids=a%20b%26c%3Dd%2Be%2Ff%25&ids=%09"
    assert encode_query([]) == ""


async def test_things_done_together_keep_their_order_and_fail_as_one():
    async def double(number):
        await asyncio.sleep(0.01 * (3 - number))
        if number == 9:
            raise Throttled("slow down")
        return 2 * number

    assert await together(double, [1, 2, 3], at_once=2) == [2, 4, 6]
    assert await together(double, []) == []
    with pytest.raises(Throttled):
        await together(double, [1, 9, 3])
