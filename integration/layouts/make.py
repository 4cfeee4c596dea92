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
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from records import (
    CLASS,
    DIM,
    IDS,
    METADATA,
    TEXTS,
    RememberingIndex,
    Servers,
    milvus_records,
    pinecone_records,
    postgres_records,
    qdrant_records,
    sqlite_records,
    vector,
    weaviate_records,
)

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
    from haystack.utils import Secret
    from haystack_integrations.document_stores.pinecone import PineconeDocumentStore
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

    index = RememberingIndex()
    pinecone = PineconeDocumentStore(api_key=Secret.from_token("none"), dimension=DIM, show_progress=False)
    pinecone._index = index
    pinecone.write_documents(documents)
    made["pinecone"] = {"documents": read(pinecone), "records": pinecone_records(index)}
    from milvus_haystack import MilvusDocumentStore

    uri = f"{servers.scratch}/milvus.db"
    milvus = MilvusDocumentStore("docs", connection_args={"uri": uri})
    milvus.write_documents(documents)
    made["milvus"] = {"documents": read(milvus), "records": milvus_records(uri, "docs", "id", "vector")}
    if dsn := servers.postgres:
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


def mem0_before_words(uri: str, name: str) -> None:
    """A collection as releases of mem0 made them that did not look for words; those of today go on with it."""
    from pymilvus import DataType, MilvusClient

    client = MilvusClient(uri)
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=512)
    schema.add_field("vectors", DataType.FLOAT_VECTOR, dim=DIM)
    schema.add_field("metadata", DataType.JSON)
    indexes = client.prepare_index_params()
    indexes.add_index("vectors", metric_type="COSINE", index_type="AUTOINDEX", index_name="vector_index")
    client.create_collection(name, schema=schema, index_params=indexes)


def mem0(servers: Servers) -> dict[str, dict[str, Any]]:
    from mem0.vector_stores.pinecone import PineconeDB
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

    index = RememberingIndex()
    there = SimpleNamespace(
        list_indexes=lambda: SimpleNamespace(names=lambda: ["docs"]), Index=lambda _name: index
    )
    pinecone = PineconeDB("docs", DIM, there, *[None] * 4, False, "cosine", 100, None)
    pinecone.insert([vector(number) for number in range(len(TEXTS))], payloads, list(IDS))
    searched = pinecone.search("", vector(0), top_k=len(TEXTS))
    made["pinecone"] = {"documents": read(searched), "records": pinecone_records(index)}

    from mem0.vector_stores.milvus import MilvusDB

    uri = f"{servers.scratch}/milvus.db"
    mem0_before_words(uri, "before")
    for variant, name, sparse in (("milvus", "before", ()), ("milvus-words", "docs", ("sparse",))):
        milvus = MilvusDB(uri, "", name, DIM, "COSINE", "")
        milvus.insert(list(IDS), [vector(number) for number in range(len(TEXTS))], payloads)
        made[variant] = {
            "documents": read(milvus.search("", vector(0), top_k=len(TEXTS))),
            "records": milvus_records(uri, name, "id", "vectors", *sparse),
        }
    if dsn := servers.postgres:
        from mem0.vector_stores.pgvector import PGVector

        postgres = PGVector("", "docs", DIM, "", "", "", 0, diskann=False, hnsw=True, connection_string=dsn)
        postgres.insert([vector(number) for number in range(len(TEXTS))], payloads, list(IDS))
        made["pgvector"] = {
            "documents": read(postgres.list()[0]),
            "records": postgres_records(dsn, "docs", "id", "vector"),
        }
        postgres.connection_pool.close()
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
    *("langchain", "llama", "haystack", "weaviate-haystack", "milvus-haystack", "mem0", "sqlite-vec"),
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
