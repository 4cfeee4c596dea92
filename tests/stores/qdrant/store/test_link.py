"""Addresses and options, one attempt a call, which failures were certainly never sent, and that secrets stay inside."""

import logging
import socket
import threading

import pytest

from tests.fakes.qdrant import QdrantServer, Refused
from tests.stores.qdrant.conftest import endpoint_of
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
from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.store.link import Link, parse_address, path_of


@pytest.fixture
def server():
    running = QdrantServer("the-secret").start()
    yield running
    running.stop()


@pytest.fixture(params=[False, True], ids=["rest", "grpc"])
def link(server, request):
    opened = Link(endpoint_of(server, grpc=request.param, timeout="5"))
    yield opened
    opened.close()


def write(link: Link) -> None:
    """A write by the link's own way."""
    if link.fast:
        request = points_pb2.UpsertPoints(collection_name="c").SerializeToString()
        link.call("Upsert", request, points_pb2.PointsOperationResponse, collection="c", writing=True)
    else:
        link.rest("PUT", path_of("c", "points"), b'{"points":[]}', collection="c", writing=True)


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [
        ("http://host:1234", "host:1234", False),
        ("http://host", "host:6333", False),
        ("https://x.cloud.qdrant.io", "x.cloud.qdrant.io:6333", True),
        ("http://[::1]:5", "[::1]:5", False),
        ("http://host:80/path/", "host:80/path", False),
    ],
)
def test_addresses(url, name, secure):
    address = parse_address(Endpoint("qdrant", url))
    assert (address.name, address.secure, address.grpc_port) == (name, secure, None)


@pytest.mark.parametrize(
    "url", ["", "host:6333", "ftp://host", "http://", "http://host:x", "http://user:word@host"]
)
def test_urls_that_cannot_be_read(url):
    with pytest.raises(ConfigInvalid) as caught:
        parse_address(Endpoint("qdrant", url))
    assert "word" not in caught.value.message.replace("password", "")


def test_options():
    options = {"grpc_port": "6334", "consistency": "2", "timeout": "1.5"}
    link = Link(Endpoint("qdrant", "http://host", options=options))
    assert (link.address.grpc_port, link.consistency, link.timeout, link.fast) == (6334, "2", 1.5, True)
    for wrong in (
        {"grpc_port": "x"},
        {"grpc_port": "0"},
        {"consistency": "most"},
        {"timeout": "0"},
        {"slow_timeout": "x"},
    ):
        with pytest.raises(ConfigInvalid):
            Link(Endpoint("qdrant", "http://host", options=wrong))


def test_names_are_quoted_in_paths():
    assert path_of("a b/c?", "points") == "/collections/a%20b%2Fc%3F/points"


def test_the_version_is_asked_once(server):
    link = Link(endpoint_of(server, grpc=False))
    assert (link.version, link.version) == ((1, 19), (1, 19))
    assert [path for _, path, _, _ in server.seen] == ["/"]
    link.close()


def test_the_key_goes_along_and_nowhere_else(server, link, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StoreError):
        write(link)
    _, _, headers, _ = server.seen[-1]
    assert headers["api-key"] == "the-secret"
    server.api_key = "another"
    with pytest.raises(AuthenticationFailed) as caught:
        write(link)
    assert "the-secret" not in repr(caught.value.as_dict()) + repr(link.address) + caplog.text


def test_a_server_that_is_not_there_got_nothing():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for options in ({}, {"grpc_port": str(port)}):
        link = Link(Endpoint("qdrant", f"http://127.0.0.1:{port}", options=options))
        with pytest.raises(Unreachable) as caught:
            write(link)
        assert "connection refused" in caught.value.message
        link.close()


def test_an_unknown_host_got_nothing():
    link = Link(Endpoint("qdrant", "http://no-such-host.invalid:6333"))
    with pytest.raises(Unreachable):
        link.result("GET", "/collections")
    link.close()


@pytest.fixture
def silent():
    """A listener that takes a request, and closes without a word when told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hang_up = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                hang_up.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", hang_up
        hang_up.set()
        thread.join()


@pytest.mark.parametrize("writing", [True, False])
def test_an_answer_that_never_comes(silent, writing):
    url, _ = silent
    link = Link(Endpoint("qdrant", url, options={"timeout": "0.2"}))
    with pytest.raises(Unresolved if writing else StoreDown):
        link.rest("POST", "/x", b"{}", writing=writing)
    link.close()


def test_a_connection_that_breaks_behind_the_request(silent):
    url, hang_up = silent
    link = Link(Endpoint("qdrant", url))
    hang_up.set()
    with pytest.raises(Unresolved):
        link.rest("POST", "/x", b"{}", writing=True)
    link.close()


@pytest.mark.parametrize(("status", "kind"), [(429, Throttled), (500, Unresolved), (503, Unresolved)])
def test_refusals_are_one_attempt(server, link, status, kind):
    server.fault = lambda method, path: Refused(status, "not now")
    with pytest.raises(kind) as caught:
        write(link)
    assert len(server.seen) == 1
    if kind is Throttled and not link.fast:
        assert caught.value.retry_after == 3.0


def test_an_answer_that_cannot_be_read(server):
    link = Link(endpoint_of(server, grpc=False))
    with pytest.raises(StoreBroken):
        link.result("GET", "/")  # good JSON without a result
    link.close()


def test_a_closed_link_says_so(link):
    link.close()
    link.close()
    with pytest.raises(StoreError, match="closed"):
        write(link)
