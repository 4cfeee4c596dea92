"""One attempt a call, within its time, and every failure in the tree's own words."""

from __future__ import annotations

import base64
import socket
import threading
import time

import grpc
import numpy as np
import pytest

from tests.fakes.milvus import free_port
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionMissing,
    ConfigInvalid,
    StoreDown,
    StoreError,
    Throttled,
    Unreachable,
    Unresolved,
    Unsupported,
)
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.milvus.pb import milvus_pb2, schema_pb2
from vectormigrate.stores.milvus.store.link import Link, parse_address
from vectormigrate.stores.milvus.wire.records import encode, upsert_request
from vectormigrate.stores.milvus.wire.requests import query_request
from vectormigrate.stores.milvus.wire.schema import read_layout

from .scripted import ScriptedMilvus, status


def link_to(url: str, **options: str) -> Link:
    return Link(Endpoint("milvus", url, "root:secret", options={"timeout": "2", **options}))


@pytest.mark.parametrize(
    ("url", "target", "secure"),
    [
        ("http://db.example:19531", "db.example:19531", False),
        ("http://db.example", "db.example:19530", False),
        ("https://db.example", "db.example:443", True),
        ("tcp://127.0.0.1:5", "127.0.0.1:5", False),
        ("http://[::1]:19530", "[::1]:19530", False),
    ],
)
def test_a_url_says_where_to_dial(url, target, secure):
    address = parse_address(url)
    assert (address.target, address.secure, address.path) == (target, secure, "")


def test_a_path_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse_address("./x.db").path == str(tmp_path / "x.db")


@pytest.mark.parametrize("url", ["", "ftp://host", "http://", "http://host:port"])
def test_a_url_that_cannot_be_meant_is_refused(url):
    with pytest.raises(ConfigInvalid):
        parse_address(url)


@pytest.mark.parametrize("text", ["soon", "-1", "0"])
def test_a_time_that_cannot_be_meant_is_refused(text):
    with pytest.raises(ConfigInvalid, match="timeout"):
        link_to("http://host", timeout=text)


def test_times_are_those_of_the_endpoint():
    plain, quick = Link(Endpoint("milvus", "http://host")), link_to("http://host", timeout="3")
    assert (plain.dial_timeout, plain.timeout) == (10.0, 30.0)
    assert (quick.dial_timeout, quick.timeout) == (3.0, 3.0)


def test_nobody_at_the_port_is_unreachable_at_once():
    link = link_to(f"http://127.0.0.1:{free_port()}", timeout="30")
    begin = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        link.call("ShowCollections", milvus_pb2.ShowCollectionsRequest())
    assert time.monotonic() - begin < 10
    assert link.address.target in caught.value.message
    link.close()


def test_a_host_that_is_silent_is_unreachable_within_the_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        link = link_to(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout="0.5")
        begin = time.monotonic()
        with pytest.raises(Unreachable, match="127"):
            _ = link.server
        assert time.monotonic() - begin < 5
        link.close()


def test_the_token_and_the_database_go_along_and_never_into_messages():
    with ScriptedMilvus().running() as url:
        link = link_to(url, database="tenant")
        with pytest.raises(Unsupported) as caught:
            link.call("ShowCollections", milvus_pb2.ShowCollectionsRequest())
        assert "secret" not in str(caught.value.as_dict())
        link.close()
    milvus = ScriptedMilvus()
    with milvus.running() as url:
        link = link_to(url, database="tenant")
        assert link.server.number == (2, 4)
        assert base64.b64decode(milvus.metadata["authorization"]) == b"root:secret"
        assert milvus.metadata["dbname"] == "tenant"
        link.close()


def _abort(code, details):
    def answer(_request, context):
        context.abort(code, details)

    return answer


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (_abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure"), AuthenticationFailed),
        (_abort(grpc.StatusCode.UNAVAILABLE, "connection reset"), Unresolved),
        (_abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "rate limit exceeded"), Throttled),
        (lambda _r, _c: milvus_pb2.MutationResult(status=status(8, 49, "rate limit")), Throttled),
        (lambda _r, _c: milvus_pb2.MutationResult(status=status(9, 48, "quota exceeded")), StoreDown),
    ],
)
def test_a_write_that_fails_is_sent_once(answer, kind):
    milvus = ScriptedMilvus(Upsert=answer)
    with milvus.running() as url:
        link = link_to(url)
        with pytest.raises(kind) as caught:
            link.call("Upsert", b"", "docs")
        assert caught.value.collection == "docs"
        assert milvus.calls["Upsert"] == 1
        link.close()


def test_no_answer_in_time_is_unresolved():
    done = threading.Event()

    def hang(_request, _context):
        done.wait(20)
        return milvus_pb2.MutationResult()

    milvus = ScriptedMilvus(Upsert=hang)
    with milvus.running() as url:
        link = link_to(url)
        assert link.server
        with pytest.raises(Unresolved, match="deadline"):
            link.call("Upsert", b"", "docs", timeout=0.2)
        done.set()
        assert milvus.calls["Upsert"] == 1
        link.close()


def test_a_closed_link_says_so_and_closes_twice():
    with ScriptedMilvus().running() as url:
        link = link_to(url)
        assert link.server
        link.close()
        link.close()
        with pytest.raises(StoreError, match="closed"):
            link.call("ShowCollections", milvus_pb2.ShowCollectionsRequest())


def test_a_file_is_opened_once_for_all_and_freed_by_the_last(tmp_path):
    path = str(tmp_path / "x.db")
    first, second = Link(Endpoint("milvus", path)), Link(Endpoint("milvus", path))
    assert first.server.embedded
    assert second.server.lite
    first.close()
    assert list(second.call("ShowCollections", milvus_pb2.ShowCollectionsRequest()).collection_names) == []
    second.close()
    third = Link(Endpoint("milvus", path))
    assert third.server.lite
    third.close()


def test_looking_at_a_database_that_is_not_there_makes_none(tmp_path):
    path = tmp_path / "x.db"
    link, other = Link(Endpoint("milvus", str(path))), Link(Endpoint("milvus", str(path)))
    for one in (link, other):
        assert one.server.lite
        assert one.absent
        names = one.call("ShowCollections", milvus_pb2.ShowCollectionsRequest()).collection_names
        assert list(names) == []
    asked = milvus_pb2.DescribeCollectionRequest(collection_name="docs")
    with pytest.raises(CollectionMissing, match=r"'docs': .*x\.db does not exist"):
        link.call("DescribeCollection", asked, "docs")
    assert list(tmp_path.iterdir()) == []
    link.call("CreateCollection", _making()[1], "docs")
    assert not link.absent
    assert list(tmp_path.iterdir()) == [path]
    seen = other.call("DescribeCollection", asked, "docs")
    assert seen.schema.name == "docs", "whoever had looked before sees it"
    link.close()
    other.close()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("a.db", "a.db is a file, and Milvus Lite keeps a database in a folder"),
        ("photos", "photos is a folder of something else"),
        ("nowhere/x.db", "there is no folder .*nowhere"),
    ],
)
def test_a_path_where_no_database_can_be_is_refused_and_left_alone(tmp_path, path, told):
    (tmp_path / "a.db").write_bytes(b"SQLite format 3\0")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    before = sorted(tmp_path.rglob("*"))
    link = Link(Endpoint("milvus", str(tmp_path / path)))
    with pytest.raises(ConfigInvalid, match=told) as caught:
        _ = link.server
    assert caught.value.store == "milvus"
    link.close()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_database_may_be_made_in_an_empty_folder(tmp_path):
    link = Link(Endpoint("milvus", str(tmp_path)))
    assert link.server.lite
    assert list(tmp_path.iterdir()) == []
    link.call("CreateCollection", _making()[1], "docs")
    assert (tmp_path / "collections").is_dir()
    link.close()


def _making():
    schema = schema_pb2.CollectionSchema(name="docs", enable_dynamic_field=True)
    schema.fields.add(name="key", is_primary_key=True, data_type=schema_pb2.Int64)
    schema.fields.add(name="vec", data_type=schema_pb2.FloatVector).type_params.add(key="dim", value="2")
    return schema, milvus_pb2.CreateCollectionRequest(
        collection_name="docs", schema=schema.SerializeToString()
    )


def test_an_error_of_a_file_is_raised_and_not_logged(tmp_path, caplog):
    link = Link(Endpoint("milvus", str(tmp_path / "x.db")))
    schema, making = _making()
    link.call("CreateCollection", making, "docs")
    layout = read_layout(schema)
    batch = Batch([1], {"vec": DenseColumn(np.ones((1, 2), np.float32))}, [{"tags": [1]}])
    link.call("Upsert", upsert_request(encode(batch, layout, link.server), [0], "_default", layout), "docs")
    with pytest.raises(StoreError, match="unhashable"):
        link.call("Query", query_request(layout, "tags in [5]", ["key"]), "docs")
    assert not caplog.records
    link.close()


def test_a_file_that_cannot_be_opened_is_down(tmp_path):
    path = tmp_path / "x.db"
    path.mkdir()
    (path / "collections").write_text("not a database")
    link = Link(Endpoint("milvus", str(path)))
    with pytest.raises(StoreDown, match=r"x\.db"):
        _ = link.server
    link.close()
