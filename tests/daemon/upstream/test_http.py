"""HTTP to the vendor's server: what is passed on, and on which side of the line an error falls."""

import asyncio
import shutil
import ssl
import subprocess

import pytest

from tests.fakes.wire import Raw, raw_server, well
from vectormigrate.daemon.upstream import DialledUpstream, Target, Timeouts
from vectormigrate.model.errors import Unreachable, Unresolved
from vectormigrate.stores.raw import HttpRequest, RpcCall

PUT = HttpRequest(
    "PUT", "/collections/docs/points", b"wait=true", ((b"content-type", b"application/json"),), b"{}"
)
GET = HttpRequest("GET", "/collections")
CALL = RpcCall("/any.Service/Method", b"request")


def upstream(port, prefix="", **timeouts):
    return DialledUpstream(Target("http", "127.0.0.1", port, prefix), timeouts=Timeouts(**timeouts))


async def test_a_request_leaves_as_it_came():
    sent = HttpRequest(
        "POST",
        "/a%2Fb/%C3%A9",
        b"x=%20&y=a+b&y",
        (
            *((b"api-key", b"k"), (b"x-two", b"1"), (b"x-two", b"2"), (b"user-agent", b"sdk/1")),
            *(
                (b"host", b"proxy:1"),
                (b"connection", b"keep-alive"),
                (b"content-length", b"2"),
                (b"te", b"trailers"),
            ),
        ),
        b"{}",
    )
    async with raw_server(well) as server, upstream(server.port, "/base") as up:
        await up.send(sent)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    assert first == b"POST /base/a%2Fb/%C3%A9?x=%20&y=a+b&y HTTP/1.1"
    assert body == b"{}"
    assert sorted(line.lower() for line in headers) == sorted(
        [
            *(b"api-key: k", b"x-two: 1", b"x-two: 2", b"user-agent: sdk/1"),
            *(b"host: 127.0.0.1:%d" % server.port, b"content-length: 2"),
        ]
    )


async def test_a_reader_without_a_body_sends_none():
    async with raw_server(well) as server, upstream(server.port) as up:
        await up.send(GET)
    assert server.requests == [b"GET /collections HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port]


async def test_an_answer_comes_back_as_it_was():
    async def respond(writer, _):
        writer.write(
            b"HTTP/1.1 404 Not Found\r\nContent-Encoding: gzip\r\nX-A: 1\r\nX-A: 2\r\nLocation: /else\r\n"
            b"Set-Cookie: a=b\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\x1f\x8b!\r\n0\r\n\r\n"
        )

    # By name: a jar of cookies would keep none of an address.
    async with (
        raw_server(respond) as server,
        DialledUpstream(Target("http", "localhost", server.port, "")) as up,
    ):
        answer = await up.send(PUT)
        await up.send(PUT)
    assert (answer.status, answer.body) == (404, b"\x1f\x8b!")
    assert answer.headers == [
        *(
            (b"content-encoding", b"gzip"),
            (b"x-a", b"1"),
            (b"x-a", b"2"),
            (b"location", b"/else"),
            (b"set-cookie", b"a=b"),
        ),
    ]
    assert b"cookie" not in server.requests[1].lower()


async def test_a_redirect_is_an_answer():
    async def respond(writer, seen):
        writer.write(
            b"HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:%d/\r\ncontent-length: 0\r\n\r\n" % seen.port
        )

    async with raw_server(respond) as server, upstream(server.port) as up:
        assert (await up.send(PUT)).status == 307
    assert len(server.requests) == 1


async def test_connections_are_kept():
    async with raw_server(well) as server, upstream(server.port) as up:
        for _ in range(5):
            assert (await up.send(PUT)).body == b"ok"
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_a_large_body_leaves_whole():
    body = bytes(range(256)) * 10_000
    async with raw_server(well) as server, upstream(server.port) as up:
        await up.send(HttpRequest("PUT", "/", body=body))
    assert server.requests[0].endswith(b"\r\n\r\n" + body)


async def test_an_answer_is_handed_on_while_it_arrives():
    go_on = asyncio.Event()

    async def respond(writer, _):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst")
        await writer.drain()
        await go_on.wait()
        writer.write(b"later")

    async with raw_server(respond) as server, upstream(server.port) as up:
        answer = await up.send(GET, stream=True)
        assert dict(answer.headers)[b"content-length"] == b"10"
        assert await anext(answer.stream) == b"first"
        go_on.set()
        assert b"".join([piece async for piece in answer.stream]) == b"later"


async def test_nobody_there_is_unreachable(dead_port):
    async with upstream(dead_port) as up:
        for request in (PUT, GET):
            with pytest.raises(Unreachable, match="refused the connection"):
                await up.send(request)


async def test_a_name_that_is_none_is_unreachable():
    async with DialledUpstream(Target("http", "nowhere.invalid", 80, "")) as up:
        with pytest.raises(Unreachable, match="cannot be resolved"):
            await up.send(PUT)


async def close_unanswered(writer: asyncio.StreamWriter, _: Raw) -> None:
    writer.close()


async def close_half_answered(writer: asyncio.StreamWriter, _: Raw) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
    writer.close()


async def reset(writer: asyncio.StreamWriter, _: Raw) -> None:
    writer.transport.abort()


async def no_http(writer: asyncio.StreamWriter, _: Raw) -> None:
    writer.write(b"SSH-2.0-x\r\n\r\n")


async def silence(writer: asyncio.StreamWriter, _: Raw) -> None:
    return


@pytest.mark.parametrize("respond", [close_unanswered, close_half_answered, reset, no_http, silence])
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
async def test_a_write_that_left_and_got_no_whole_answer_is_unresolved_and_left_once(respond, method):
    async with raw_server(respond) as server, upstream(server.port, answer=0.2) as up:
        with pytest.raises(Unresolved):
            await up.send(HttpRequest(method, "/"))
    assert len(server.requests) == 1


async def test_a_kept_connection_that_dies_with_a_write_on_it_is_unresolved():
    async def once(writer, seen):
        if len(seen.requests) == 1:
            await well(writer, seen)
        else:
            writer.close()

    async with raw_server(once) as server, upstream(server.port) as up:
        await up.send(PUT)
        with pytest.raises(Unresolved):
            await up.send(PUT)
    assert len(server.requests) == 2


async def test_a_kept_connection_that_was_closed_meanwhile_is_not_used():
    async def close_behind(writer, seen):
        await well(writer, seen)
        writer.close()

    async with raw_server(close_behind) as server, upstream(server.port) as up:
        for _ in range(3):
            await up.send(PUT)
            await asyncio.sleep(0.02)
    assert (server.connections, len(server.requests)) == (3, 3)


async def test_an_answer_that_breaks_off_on_its_way_is_unresolved():
    async with raw_server(close_half_answered) as server, upstream(server.port) as up:
        answer = await up.send(GET, stream=True)
        with pytest.raises(Unresolved, match="before the end"):
            [piece async for piece in answer.stream]


async def test_an_error_says_where_and_not_what():
    async with raw_server(reset) as server, upstream(server.port) as up:
        with pytest.raises(Unresolved) as told:
            await up.send(
                HttpRequest("POST", "/points", b"filter=s3cret", ((b"api-key", b"s3cret"),), b"s3cret")
            )
    assert told.value.store == f"127.0.0.1:{server.port}"
    assert "s3cret" not in str(told.value.as_dict())


# TLS.


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A certificate for 127.0.0.1 that is its own authority, and the context of a server that has it."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*made, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


async def test_a_certificate_is_verified(certified):
    ca, context = certified
    async with raw_server(well, ssl=context) as server:
        target = Target("https", "127.0.0.1", server.port, "")
        async with DialledUpstream(target) as up:
            with pytest.raises(Unreachable, match="certificate is not trusted"):
                await up.send(PUT)
        async with DialledUpstream(target, ca=ca) as up:
            assert (await up.send(PUT)).body == b"ok"


async def test_a_server_without_tls_is_unreachable_with_it():
    async def greet(_, writer):
        writer.write(b"SSH-2.0-x\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        target = Target("https", "127.0.0.1", server.sockets[0].getsockname()[1], "")
        async with DialledUpstream(target) as up:
            with pytest.raises(Unreachable, match="TLS"):
                await up.send(PUT)
            with pytest.raises(Unreachable, match="cannot be reached"):
                await up.call(CALL)
