"""`emulate`: the vendors' own clients against a local server."""

import http.client
import json
import signal
import socket

import pytest
from pinecone import Pinecone, ServerlessSpec
from qdrant_client import QdrantClient, models
from weaviate.classes.data import DataObject

from tests.fakes.served import ServedProcess
from tests.life.weaviate_client import weaviate_client


def test_the_client_of_qdrant(tmp_path):
    with ServedProcess(tmp_path, "emulate", "qdrant", "--listen", "127.0.0.1:0", "--json") as process:
        assert (
            process.first_line
            == f"qdrant at 127.0.0.1:{process.port}, over the memory store; Ctrl-C ends it\n"
        )
        assert process.line() == f'  QdrantClient(url="http://127.0.0.1:{process.port}")\n'
        client = QdrantClient(url=f"http://127.0.0.1:{process.port}", check_compatibility=False)
        client.create_collection(
            "docs", {"text": models.VectorParams(size=4, distance=models.Distance.COSINE)}
        )
        points = [
            models.PointStruct(id=one, vector={"text": [1.0, one, 0.0, 0.0]}, payload={"n": one})
            for one in range(5)
        ]
        client.upsert("docs", points, wait=True)
        assert client.count("docs").count == 5
        found = client.query_points("docs", [1.0, 4.0, 0.0, 0.0], using="text", limit=1).points
        assert [(point.id, point.payload) for point in found] == [(4, {"n": 4})]
        client.close()
        ended = process.end(signal.SIGINT)
    assert ended.code == 130
    assert json.loads(ended.out)["drained"] is True
    assert "Traceback" not in ended.err


def test_the_client_of_weaviate(tmp_path):
    words = ("emulate", "weaviate", "--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0")
    with ServedProcess(tmp_path, *words) as process:
        pointing = process.line()
        grpc_port = int(pointing.rpartition("grpc_port=")[2].strip(")\n"))
        assert (
            pointing
            == f'  weaviate.connect_to_local("127.0.0.1", port={process.port}, grpc_port={grpc_port})\n'
        )
        with weaviate_client(process.port, grpc_port) as client:
            docs = client.collections.create("Docs")
            docs.data.insert_many([DataObject({"n": one}, vector=[1.0, one]) for one in range(5)])
            assert docs.aggregate.over_all(total_count=True).total_count == 5
            [found] = docs.query.near_vector([1.0, 4.0], limit=1).objects
            assert found.properties == {"n": 4.0}
        assert process.end(signal.SIGTERM).code == 143


def test_the_client_of_pinecone(tmp_path):
    words = ("emulate", "pinecone", "--listen", "127.0.0.1:0", "--store", "sqlite:local.db")
    with ServedProcess(tmp_path, *words) as process:
        assert f'host="http://127.0.0.1:{process.port}"' in process.line()
        client = Pinecone(api_key="any", host=f"http://127.0.0.1:{process.port}")
        client.create_index(
            "docs",
            dimension=4,
            metric="cosine",
            spec=ServerlessSpec(cloud="aws", region="us-east-1"),
            timeout=-1,
        )
        index = client.Index("docs")
        index.upsert(vectors=[{"id": "a", "values": [1.0, 0.0, 0.0, 0.5], "metadata": {"n": 1}}])
        (match,) = index.query(vector=[1.0, 0.0, 0.0, 0.5], top_k=1, include_metadata=True).matches
        assert (match.id, match.metadata) == ("a", {"n": 1})
        index.close()
        client.close()
        assert process.end(signal.SIGTERM).code == 143
    assert (tmp_path / "local.db").exists()


def test_a_store_of_the_file(terminal, tmp_path):
    (terminal.directory / "vectormigrate.toml").write_text(
        '[stores.local]\nkind = "sqlite"\nurl = "${NOWHERE:-/nowhere/at/all}/x.db"\n'
    )
    told = terminal.run("emulate", "qdrant", "--store", "local", "--listen", "127.0.0.1:0")
    assert told.code == 2
    assert "no folder /nowhere/at/all" in told.err


@pytest.mark.parametrize("store", ["mongo", "sqlite", "sqlite:", "mongo:x"])
def test_a_store_that_is_none_is_told(terminal, store):
    told = terminal.run("emulate", "qdrant", "--store", store)
    assert told.code == 2
    assert "--store must be KIND:URL" in told.err


def test_a_vendor_that_is_none_is_told(terminal):
    assert "qdrant, weaviate, not 'chroma'" in terminal.run("emulate", "chroma").err


def test_who_can_be_reached_by_others_is_warned(terminal):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        told = terminal.run("emulate", "qdrant", "--listen", f"0.0.0.0:{taken.getsockname()[1]}")
    assert told.code == 2  # it is taken, and the warning comes before
    assert "warning: 0.0.0.0:" in told.err


_DEEP = 100_000


@pytest.mark.parametrize(
    ("dialect", "words", "writes", "asks"),
    [
        ("milvus", (), "POST /v2/vectordb/entities/insert", "POST /v2/vectordb/entities/query"),
        ("neutral", (), "PUT /collections/docs/records", "POST /collections/docs/query"),
        ("pinecone", ("--index", "docs"), "POST /vectors/upsert", "POST /query"),
        ("qdrant", (), "PUT /collections/docs/points", "POST /collections/docs/points/query"),
        ("weaviate", ("--grpc-listen", "127.0.0.1:0"), "POST /v1/objects", "POST /v1/graphql"),
    ],
)
def test_what_is_nested_too_deeply_is_refused_in_the_words_of_the_vendor(
    tmp_path, dialect, words, writes, asks
):
    deep = [b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, b'{"points":' + b"[" * _DEEP + b"]" * _DEEP + b"}"]
    with ServedProcess(tmp_path, "emulate", dialect, "--listen", "127.0.0.1:0", *words) as process:
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=20)
        for method, path in (writes.split(), asks.split()):
            for body in deep:
                connection.request(method, path, body, {"content-type": "application/json"})
                answer = connection.getresponse()
                told = json.loads(answer.read())
                if dialect == "milvus":
                    assert (answer.status, told["code"]) == (200, 1801)
                else:
                    assert (answer.status, bool(told)) == (400, True), told
        connection.close()
        ended = process.end(signal.SIGTERM)
    assert "Traceback" not in ended.err
