"""Writes what real frameworks store, as small JSON files: the fixtures under `tests/fixtures/layouts`.

Run by the Python of an environment that has one framework and not this project, because their pins conflict with ours:

    python make.py langchain|llamaindex|haystack|mem0 DIRECTORY [--postgres DSN] [--weaviate URL --grpc-port PORT]

A file has `documents`, what an application reads through the framework (id, text, metadata), and `records`, what lies in the
store (id, payload, names of vectors). Qdrant runs in the client's memory, Milvus is Milvus Lite, SQLite a file; of Pinecone it is
what the framework sends to an index that only remembers. Postgres and Weaviate are servers, empty ones; a class of Weaviate has
properties whatever its objects hold, and `declared` says which. (mem0 looks for Weaviate's gRPC at port 50051 only.)
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

SPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
DIM = 4
TEXTS = ("The first text, with an é.", "The second\ntext.", "A third one")
METADATA: tuple[dict[str, Any], ...] = (
    {"source": "a.txt", "page": 1, "score": 0.5, "draft": True},
    {"source": "b.txt", "page": 2, "score": 1.5, "draft": False},
    {"source": "c.txt", "page": 3, "score": 2.5, "draft": False},
)
IDS = tuple(str(uuid5(SPACE, str(number))) for number in range(len(TEXTS)))
CLASS = "Docs"


@dataclass(frozen=True)
class Servers:
    """What is there beside the packages; an empty address is none."""

    scratch: str
    """Directory."""
    postgres: str
    weaviate: str
    grpc_port: int

    @contextmanager
    def weaviate_client(self) -> Iterator[Any]:
        import weaviate

        host, _, port = self.weaviate.rpartition("//")[2].partition(":")
        with weaviate.connect_to_local(host, int(port), self.grpc_port) as client:
            client.collections.delete(CLASS)
            yield client


def vector(number: int) -> list[float]:
    """A vector of length one."""
    return [1.0 if place == number % DIM else 0.0 for place in range(DIM)]


class RememberingIndex:
    """As much of a Pinecone index as the frameworks use."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.config = SimpleNamespace(host="", vector_type="dense", api_key="none")

    def upsert(self, vectors: Any, **_: Any) -> SimpleNamespace:
        for one in vectors:
            plain = _plain(one)
            self.records[plain["id"]] = {
                "id": plain["id"],
                "values": plain["values"],
                "metadata": plain["metadata"],
            }
        return SimpleNamespace(upserted_count=len(self.records))

    def query(self, **_: Any) -> Any:
        matches = [
            {**one, "metadata": dict(one["metadata"]), "score": 1.0, "sparse_values": None}
            for one in self.records.values()
        ]
        return Answer({"matches": [Answer(one) for one in matches]})

    def describe_index_stats(self, **_: Any) -> Any:
        return Answer({"dimension": DIM})


def _plain(one: Any) -> dict[str, Any]:
    """A vector in whichever form it is sent."""
    if isinstance(one, tuple):
        return dict(zip(("id", "values", "metadata"), one, strict=False))
    found: dict[str, Any] = one if isinstance(one, dict) else one.to_dict()
    return found


class Answer:
    """Readable both ways, as the client's answers are."""

    def __init__(self, plain: dict[str, Any]) -> None:
        self.__dict__.update(plain)

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.__dict__.get(name, default)


def qdrant_records(client: Any, collection: str) -> list[dict[str, Any]]:
    points, _ = client.scroll(collection, limit=100, with_vectors=True)
    return [
        {
            "id": str(one.id),
            "payload": one.payload,
            "vectors": sorted(one.vector) if isinstance(one.vector, dict) else [""],
        }
        for one in points
    ]


def pinecone_records(index: RememberingIndex) -> list[dict[str, Any]]:
    return [{"id": one["id"], "payload": one["metadata"], "vectors": [""]} for one in index.records.values()]


def postgres_records(dsn: str, table: str, key: str, vectors: str) -> list[dict[str, Any]]:
    try:
        import psycopg as driver
    except ImportError:
        import psycopg2 as driver  # type: ignore[import-not-found, no-redef] # whichever the framework brings
    with driver.connect(dsn) as connection:
        cursor = connection.cursor()
        cursor.execute(f'select * from "{table}"')
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [
        {
            "id": row[key] if isinstance(row[key], int) else str(row[key]),
            "payload": {
                name: str(value) if isinstance(value, UUID) else value
                for name, value in row.items()
                if name not in (key, vectors) and not name.endswith("tsv")
            },
            "vectors": [vectors],
        }
        for row in rows
    ]


def milvus_records(uri: str, collection: str, key: str, vectors: str) -> list[dict[str, Any]]:
    from pymilvus import MilvusClient

    rows = MilvusClient(uri).query(collection, filter=f'{key} != ""', output_fields=["*"], limit=100)
    return [
        {
            "id": row[key],
            "payload": {name: value for name, value in row.items() if name not in (key, vectors)},
            "vectors": [vectors],
        }
        for row in rows
    ]


def sqlite_records(connection: Any, table: str) -> list[dict[str, Any]]:
    rows = connection.execute(f"SELECT rowid, text, metadata FROM {table}")
    return [
        {
            "id": row["rowid"],
            "payload": {"text": row["text"], "metadata": json.loads(row["metadata"])},
            "vectors": ["text_embedding"],
        }
        for row in rows
    ]


def weaviate_records(client: Any) -> dict[str, Any]:
    collection = client.collections.get(CLASS)
    found = collection.query.fetch_objects(include_vector=True)
    return {
        "declared": {one.name: one.data_type.value for one in collection.config.get().properties},
        "records": [
            {
                "id": str(one.uuid),
                "payload": dict(sorted((name, it) for name, it in one.properties.items() if it is not None)),
                "vectors": ["" if name == "default" else name for name in one.vector],
            }
            for one in found.objects
        ],
    }


# LangChain.


class _Embeddings:
    """Vectors that need no model; the base class is mixed in where it can be imported."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return vector(TEXTS.index(text) if text in TEXTS else 0)


def langchain(servers: Servers) -> dict[str, dict[str, Any]]:
    import pysqlite3
    from langchain_community.vectorstores import SQLiteVec
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_milvus import Milvus
    from langchain_pinecone import PineconeVectorStore
    from langchain_postgres import PGEngine, PGVector, PGVectorStore
    from langchain_qdrant import QdrantVectorStore
    from langchain_weaviate import WeaviateVectorStore
    from qdrant_client import QdrantClient
    from qdrant_client.models import Distance, VectorParams

    class Plain(_Embeddings, Embeddings):
        pass

    embeddings = Plain()

    def documents() -> list[Any]:
        """Made anew: a store may put its text into the metadata that it is given."""
        pairs = zip(TEXTS, METADATA, strict=True)
        return [Document(page_content=text, metadata=dict(metadata)) for text, metadata in pairs]

    def read(store: Any) -> list[dict[str, Any]]:
        found = store.similarity_search("", k=len(TEXTS))
        return [{"id": one.id, "text": one.page_content, "metadata": one.metadata} for one in found]

    made: dict[str, dict[str, Any]] = {}
    client = QdrantClient(":memory:")
    client.create_collection("docs", vectors_config=VectorParams(size=DIM, distance=Distance.COSINE))
    qdrant = QdrantVectorStore(client, "docs", embeddings)
    qdrant.add_documents(documents(), ids=list(IDS))
    made["qdrant"] = {"documents": read(qdrant), "records": qdrant_records(client, "docs")}

    index = RememberingIndex()
    pinecone = PineconeVectorStore(index=index, embedding=embeddings, pinecone_api_key="none")
    pinecone._index = index
    pinecone.add_documents(documents(), ids=list(IDS), async_req=False)
    made["pinecone"] = {"documents": read(pinecone), "records": pinecone_records(index)}

    uri = f"{servers.scratch}/milvus.db"
    milvus = Milvus(embeddings, connection_args={"uri": uri}, collection_name="docs", auto_id=False)
    milvus.add_documents(documents(), ids=list(IDS))
    made["milvus"] = {"documents": read(milvus), "records": milvus_records(uri, "docs", "pk", "vector")}

    sys.modules["sqlite3"] = pysqlite3  # Python's own may have been built without extensions
    connection = SQLiteVec.create_connection(f"{servers.scratch}/sqlite.db")
    sqlite = SQLiteVec("docs", connection, embeddings)
    sqlite.add_documents(documents())
    made["sqlite"] = {"documents": read(sqlite), "records": sqlite_records(connection, "docs")}

    if dsn := servers.postgres:
        url = dsn.replace("postgresql://", "postgresql+psycopg://")
        first = PGVector(embeddings, connection=url, collection_name="docs", embedding_length=DIM)
        first.add_documents(documents(), ids=list(IDS))
        made["pgvector-v1"] = {
            "documents": read(first),
            "records": postgres_records(dsn, "langchain_pg_embedding", "id", "embedding"),
        }
        engine = PGEngine.from_connection_string(url)
        engine.init_vectorstore_table("docs", DIM)
        second = PGVectorStore.create_sync(engine, embeddings, "docs")
        second.add_documents(documents(), ids=list(IDS))
        made["pgvector-v2"] = {
            "documents": read(second),
            "records": postgres_records(dsn, "docs", "langchain_id", "embedding"),
        }
    if servers.weaviate:
        with servers.weaviate_client() as client:
            third = WeaviateVectorStore(client, CLASS, "text", embeddings, attributes=list(METADATA[0]))
            third.add_documents(documents(), ids=list(IDS))
            made["weaviate"] = {"documents": read(third), **weaviate_records(client)}
    return made


# LlamaIndex.


def llamaindex(servers: Servers) -> dict[str, dict[str, Any]]:
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
    from llama_index.core.vector_stores import VectorStoreQuery
    from llama_index.vector_stores.milvus import MilvusVectorStore
    from llama_index.vector_stores.pinecone import PineconeVectorStore
    from llama_index.vector_stores.postgres import PGVectorStore
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from llama_index.vector_stores.weaviate import WeaviateVectorStore
    from qdrant_client import QdrantClient

    def nodes() -> list[Any]:
        return [
            TextNode(
                id_=IDS[number],
                text=text,
                metadata=dict(METADATA[number]),
                embedding=vector(number),
                relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id="source-document")},
            )
            for number, text in enumerate(TEXTS)
        ]

    def read(store: Any) -> list[dict[str, Any]]:
        found = store.query(VectorStoreQuery(query_embedding=vector(0), similarity_top_k=len(TEXTS)))
        return [{"id": one.node_id, "text": one.text, "metadata": one.metadata} for one in found.nodes]

    made: dict[str, dict[str, Any]] = {}
    client = QdrantClient(":memory:")
    qdrant = QdrantVectorStore("docs", client=client)
    qdrant.add(nodes())
    made["qdrant"] = {"documents": read(qdrant), "records": qdrant_records(client, "docs")}

    index = RememberingIndex()
    pinecone = PineconeVectorStore(pinecone_index=index)
    pinecone.add(nodes())
    made["pinecone"] = {"documents": read(pinecone), "records": pinecone_records(index)}

    uri = f"{servers.scratch}/milvus.db"
    milvus = MilvusVectorStore(uri=uri, collection_name="docs", dim=DIM, overwrite=True)
    milvus.add(nodes())
    made["milvus"] = {"documents": read(milvus), "records": milvus_records(uri, "docs", "id", "embedding")}

    if dsn := servers.postgres:
        postgres = PGVectorStore(
            connection_string=dsn.replace("postgresql://", "postgresql+psycopg2://"),
            async_connection_string=dsn.replace("postgresql://", "postgresql+asyncpg://"),
            table_name="docs",
            schema_name="public",
            embed_dim=DIM,
        )
        postgres.add(nodes())
        made["pgvector-counted"] = {
            "documents": read(postgres),
            "records": postgres_records(dsn, "data_docs", "id", "embedding"),
        }
    if servers.weaviate:
        with servers.weaviate_client() as client:
            weaviate = WeaviateVectorStore(weaviate_client=client, index_name=CLASS)
            weaviate.add(nodes())
            made["weaviate"] = {"documents": read(weaviate), **weaviate_records(client)}
    return made


# Haystack.


def haystack(servers: Servers) -> dict[str, dict[str, Any]]:
    from haystack import Document
    from haystack_integrations.document_stores.qdrant import QdrantDocumentStore

    documents = [
        Document(id=f"doc-{number}", content=text, meta=dict(METADATA[number]), embedding=vector(number))
        for number, text in enumerate(TEXTS)
    ]

    def read(store: Any) -> list[dict[str, Any]]:
        return [{"id": one.id, "text": one.content, "metadata": one.meta} for one in store.filter_documents()]

    made: dict[str, dict[str, Any]] = {}
    qdrant = QdrantDocumentStore(":memory:", index="docs", embedding_dim=DIM)
    qdrant.write_documents(documents)
    made["qdrant"] = {"documents": read(qdrant), "records": qdrant_records(qdrant._client, "docs")}
    if dsn := servers.postgres:
        from haystack.utils import Secret
        from haystack_integrations.document_stores.pgvector import PgvectorDocumentStore

        postgres = PgvectorDocumentStore(
            connection_string=Secret.from_token(dsn), table_name="haystack_documents", embedding_dimension=DIM
        )
        postgres.write_documents(documents)
        made["pgvector"] = {
            "documents": read(postgres),
            "records": postgres_records(dsn, "haystack_documents", "id", "embedding"),
        }
    if servers.weaviate:
        from haystack_integrations.document_stores.weaviate import WeaviateDocumentStore

        with servers.weaviate_client() as client:
            weaviate = WeaviateDocumentStore(
                url=servers.weaviate, grpc_port=servers.grpc_port, collection_settings={"class": CLASS}
            )
            weaviate.write_documents(documents)
            made["weaviate"] = {"documents": read(weaviate), **weaviate_records(client)}
            weaviate.close()
    return made


# mem0.


def mem0(servers: Servers) -> dict[str, dict[str, Any]]:
    from mem0.vector_stores.qdrant import Qdrant
    from qdrant_client import QdrantClient

    def read(found: Any) -> list[dict[str, Any]]:
        return [{"id": str(one.id), "text": one.payload["data"], "metadata": one.payload} for one in found]

    client = QdrantClient(":memory:")
    store = Qdrant("docs", DIM, client=client)
    payloads = [
        {
            "data": text,
            "hash": str(number) * 32,
            "user_id": "u1",
            "created_at": "2026-01-01T00:00:00+00:00",
            **METADATA[number],
        }
        for number, text in enumerate(TEXTS)
    ]
    store.insert([vector(number) for number in range(len(TEXTS))], payloads, list(IDS))
    found, _ = store.list()
    made = {"qdrant": {"documents": read(found), "records": qdrant_records(client, "docs")}}
    if servers.weaviate:
        from mem0.vector_stores.weaviate import Weaviate

        with servers.weaviate_client() as client:
            weaviate = Weaviate(CLASS, DIM, servers.weaviate)
            weaviate.insert([vector(number) for number in range(len(TEXTS))], payloads, list(IDS))
            made["weaviate"] = {"documents": read(weaviate.list()[0]), **weaviate_records(client)}
            weaviate.client.close()
    return made


FRAMEWORKS: dict[str, Callable[[Servers], dict[str, dict[str, Any]]]] = {
    "langchain": langchain,
    "llamaindex": llamaindex,
    "haystack": haystack,
    "mem0": mem0,
}
_TOLD = (
    *("langchain", "llama", "haystack", "weaviate-haystack", "mem0", "sqlite-vec"),
    *("qdrant-client", "pymilvus", "milvus-lite", "pinecone", "weaviate-client"),
)


def versions() -> dict[str, str]:
    """Of what matters, by name."""
    found = {one.metadata["Name"]: one.version for one in distributions()}
    return {name: found[name] for name in sorted(found) if name.lower().startswith(_TOLD)}


def main() -> None:
    """Write one file a store."""
    parser = argparse.ArgumentParser()
    parser.add_argument("framework", choices=FRAMEWORKS)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--postgres", default="", metavar="DSN")
    parser.add_argument("--weaviate", default="", metavar="URL")
    parser.add_argument("--grpc-port", type=int, default=50051)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        servers = Servers(scratch, given.postgres, given.weaviate, given.grpc_port)
        made = FRAMEWORKS[given.framework](servers)
    for store, found in made.items():
        path = given.directory / f"{given.framework}-{store}.json"
        for part in ("documents", "records"):
            found[part].sort(key=lambda one: str(one["id"]))
        text = json.dumps({"versions": versions(), **found}, indent=1, ensure_ascii=False, default=str)
        path.write_text(text + "\n", encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
