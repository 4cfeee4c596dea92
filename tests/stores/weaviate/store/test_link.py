"""Addresses and options, one attempt a call, which failures were certainly never sent, and that secrets stay inside."""

import socket

import grpc
import pytest

from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionMissing,
    ConfigInvalid,
    RecordRefused,
    StoreBroken,
    StoreError,
    Unreachable,
    Unresolved,
)
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.store.link import Link, parse_address

from .answering import Failing, answering


@pytest.mark.parametrize(
    ("url", "options", "name", "target"),
    [
        ("http://host:1234", {}, "host:1234", "host:50051"),
        ("http://host", {"grpc_port": "5"}, "host:8080", "host:5"),
        ("https://x.weaviate.cloud", {"grpc_host": "grpc-x.weaviate.cloud"}, "x.weaviate.cloud:443", "grpc-x.weaviate.cloud:443"),
        ("http://[::1]:5", {}, "[::1]:5", "[::1]:50051"),
        ("http://host:80/path/v1/", {}, "host:80/path", "host:50051"),
    ],
)  # fmt: skip
def test_addresses(url, options, name, target):
    address = parse_address(Endpoint("weaviate", url, options=options))
    assert (address.name, address.grpc) == (name, target)
    assert address.secure is url.startswith("https")


@pytest.mark.parametrize(
    "url", ["", "host:8080", "ftp://host", "http://", "http://host:x", "http://user:word@host"]
)
def test_urls_that_cannot_be_read(url):
    with pytest.raises(ConfigInvalid) as caught:
        parse_address(Endpoint("weaviate", url))
    assert "word" not in caught.value.message.replace("password", "")


def test_options():
    link = Link(Endpoint("weaviate", "http://host", options={"consistency": "all", "timeout": "1.5"}))
    assert (link.consistency, link.timeout) == (pb.ConsistencyLevel.CONSISTENCY_LEVEL_ALL, 1.5)
    for wrong in (
        {"grpc_port": "x"},
        {"grpc_port": "0"},
        {"consistency": "most"},
        {"timeout": "0"},
        {"slow_timeout": "x"},
    ):
        with pytest.raises(ConfigInvalid):
            Link(Endpoint("weaviate", "http://host", options=wrong))


def write(link):
    return link.call("BatchObjects", pb.BatchObjectsRequest(), collection="Docs")


def test_the_key_goes_along_both_ways_and_nowhere_else():
    with answering(rest=lambda *_: (200, b'{"version":"1.38.11"}')) as (endpoint, seen):
        link = Link(endpoint)
        assert link.version_text() == "1.38.11"
        write(link)
        link.close()
    assert [asked[:2] for asked in seen] == [
        ("GET", "/v1/meta"),
        ("CALL", "/weaviate.v1.Weaviate/BatchObjects"),
    ]
    assert [headers["authorization"] for _, _, headers in seen] == ["Bearer the-secret"] * 2
    assert "the-secret" not in repr(link.address)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'{"code":401,"message":"anonymous access not enabled"}', AuthenticationFailed),
        (404, b"", CollectionMissing),
        (422, b'{"error":[{"message":"one"},{"message":"two"}]}', StoreError),
        (200, b"not JSON", StoreBroken),
    ],
)
def test_an_answer_of_rest_becomes_an_error_of_ours(status, body, kind):
    with answering(rest=lambda *_: (status, body)) as (endpoint, _):
        link = Link(endpoint)
        with pytest.raises(StoreError) as caught:
            link.rest("GET", "/schema/Docs", collection="Docs")
        link.close()
    assert type(caught.value) is kind
    assert caught.value.collection == "Docs"
    if status == 422:
        assert "one; two" in caught.value.message


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        (grpc.StatusCode.UNKNOWN, "could not find class Docs in schema", CollectionMissing),
        (grpc.StatusCode.UNKNOWN, "no such thing", RecordRefused),
        (grpc.StatusCode.INTERNAL, "panic", Unresolved),
    ],
)
def test_a_call_is_made_once_and_its_failure_told(code, said, kind):
    def fail(*_):
        raise Failing(code, said)

    with answering(rpc=fail) as (endpoint, seen):
        link = Link(endpoint)
        with pytest.raises(kind):
            write(link)
        link.close()
    assert len(seen) == 1


def test_an_answer_that_is_no_message_is_told():
    with answering(rpc=lambda *_: b"\xff") as (endpoint, _):
        link = Link(endpoint)
        with pytest.raises(StoreBroken, match="cannot be read"):
            write(link)
        link.close()


def test_a_server_that_is_not_weaviate_is_told():
    with answering() as (endpoint, _):
        link = Link(endpoint)
        with pytest.raises(StoreBroken, match="not weaviate"):
            link.version_text()
        link.close()


def test_a_server_that_is_not_there_got_nothing():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        link = Link(Endpoint("weaviate", "http://127.0.0.1:1", options={"grpc_port": str(port)}))
        with pytest.raises(Unreachable, match=r"127.0.0.1:1 cannot be reached: connection refused"):
            link.rest("GET", "/meta")
        with pytest.raises(Unreachable, match=rf"127.0.0.1:{port} cannot be reached"):
            write(link)
        link.close()


def test_what_is_closed_says_so():
    link = Link(Endpoint("weaviate", "http://127.0.0.1:1"))
    link.close()
    link.close()
    for call in (lambda: link.rest("GET", "/meta"), lambda: write(link)):
        with pytest.raises(StoreError, match="closed"):
            call()
