"""An application on LangChain's vector stores: one line in to say what to do, one line of JSON out. See `documents`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pysqlite3
import weaviate
from documents import COUNT, DIM, QUERIES, kept, plain, serve, told, vector
from langchain_community.vectorstores import SQLiteVec
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_milvus import Milvus
from langchain_pinecone import PineconeVectorStore
from langchain_postgres import PGEngine, PGVector, PGVectorStore
from langchain_qdrant import QdrantVectorStore
from langchain_weaviate import WeaviateVectorStore
from pinecone import Pinecone
from qdrant_client import QdrantClient, models
from weaviate.classes.query import Filter

sys.modules["sqlite3"] = pysqlite3  # Python's own may have been built without extensions


class Plain(Embeddings):
    """Vectors that need no model."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return vector(text)


EMBEDDINGS = Plain()
METADATA = ("source", "page", "score", "draft", "lang")
NAMES = ("page = 7", "page >= 20", "draft", "source and score")

QUIET = {"grpc.keepalive_permit_without_calls": 0}
"""Milvus Lite hangs up on a client that waits and asks every ten seconds whether it is there."""
Store = Any


def qdrant(at: dict[str, Any], *, new: bool) -> Store:
    client = QdrantClient(at["url"], check_compatibility=False)
    distance = models.Distance[at["metric"].upper()]
    if new:
        client.create_collection(
            at["collection"], vectors_config=models.VectorParams(size=DIM, distance=distance)
        )
    return QdrantVectorStore(client, at["collection"], EMBEDDINGS, distance=distance)


def pinecone(at: dict[str, Any], *, new: bool) -> Store:
    client = Pinecone(api_key="key", host=at["url"])
    if new:
        spec = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
        client.create_index(at["collection"], dimension=DIM, metric="cosine", spec=spec)
    index = client.Index(host=client.describe_index(at["collection"]).host)
    return PineconeVectorStore(index=index, embedding=EMBEDDINGS)


def milvus(at: dict[str, Any], *, new: bool) -> Store:
    options = {} if new else {"enable_dynamic_field": at["dynamic"]}
    return Milvus(
        EMBEDDINGS,
        connection_args={"uri": at["url"], "grpc_options": QUIET},
        collection_name=at["collection"],
        auto_id=False,
        consistency_level="Strong",
        **options,
    )


def weaviate_(at: dict[str, Any], *, new: bool) -> Store:
    port = int(at["url"].rpartition(":")[2])
    client = weaviate.connect_to_local(port=port, grpc_port=at["grpc_port"], skip_init_checks=True)
    return WeaviateVectorStore(client, at["collection"], "text", EMBEDDINGS, attributes=list(METADATA))


def sqlite(at: dict[str, Any], *, new: bool) -> Store:
    return SQLiteVec(at["collection"], SQLiteVec.create_connection(at["url"]), EMBEDDINGS)


def pgvector(at: dict[str, Any], *, new: bool) -> Store:
    engine = PGEngine.from_connection_string(at["url"].replace("postgresql://", "postgresql+psycopg://"))
    if new:
        engine.init_vectorstore_table(at["collection"], DIM)
    return PGVectorStore.create_sync(engine, EMBEDDINGS, at["collection"])


def pgvector_v1(at: dict[str, Any], *, new: bool) -> Store:
    url = at["url"].replace("postgresql://", "postgresql+psycopg://")
    return PGVector(EMBEDDINGS, connection=url, collection_name="docs", embedding_length=DIM, use_jsonb=True)


def _qdrant_filters() -> dict[str, Any]:
    def match(key: str, value: Any) -> Any:
        return models.FieldCondition(key=f"metadata.{key}", match=models.MatchValue(value=value))

    def over(key: str, least: float) -> Any:
        return models.FieldCondition(key=f"metadata.{key}", range=models.Range(gte=least))

    both = [match("source", "folder/file 1.txt"), over("score", 1.0)]
    clauses = ([match("page", 7)], [over("page", 20)], [match("draft", True)], both)
    return {name: {"filter": models.Filter(must=must)} for name, must in zip(NAMES, clauses, strict=True)}


def _plain_filters() -> dict[str, Any]:
    """Of Pinecone and of Postgres."""
    clauses = (
        {"page": {"$eq": 7}},
        {"page": {"$gte": 20}},
        {"draft": {"$eq": True}},
        {"$and": [{"source": {"$eq": "folder/file 1.txt"}}, {"score": {"$gte": 1.0}}]},
    )
    return {name: {"filter": clause} for name, clause in zip(NAMES, clauses, strict=True)}


def _milvus_filters() -> dict[str, Any]:
    clauses = ("page == 7", "page >= 20", "draft == true", 'source == "folder/file 1.txt" and score >= 1.0')
    return {name: {"expr": clause} for name, clause in zip(NAMES, clauses, strict=True)}


def _weaviate_filters() -> dict[str, Any]:
    by = Filter.by_property
    clauses = (
        by("page").equal(7),
        by("page").greater_or_equal(20),
        by("draft").equal(True),
        by("source").equal("folder/file 1.txt") & by("score").greater_or_equal(1.0),
    )
    return {name: {"filters": clause} for name, clause in zip(NAMES, clauses, strict=True)}


OPEN: dict[str, Callable[..., Store]] = {
    "qdrant": qdrant,
    "pinecone": pinecone,
    "milvus": milvus,
    "weaviate": weaviate_,
    "pgvector": pgvector,
    "pgvector-v1": pgvector_v1,
    "sqlite": sqlite,
}
FILTERS: dict[str, Callable[[], dict[str, Any]]] = {
    "qdrant": _qdrant_filters,
    "pinecone": _plain_filters,
    "milvus": _milvus_filters,
    "weaviate": _weaviate_filters,
    "pgvector": _plain_filters,
    "pgvector-v1": _plain_filters,
    "sqlite": dict,  # the class has none
}


def _search(store: Store, query: str, added: int = 1, **options: Any) -> list[Document]:
    """All that there is, and what was added; without Weaviate's search for words, which other stores do not have."""
    if isinstance(store, WeaviateVectorStore):
        options |= {"alpha": 1.0, "return_uuids": True}
    found: list[Document] = store.similarity_search(query, k=COUNT + added, **options)
    return found


def _id(one: Document) -> str | int:
    """As the class wants it back; SQLite's knows none, so there it is the page."""
    keys = ("_id", "pk", "uuid", "page")
    found = one.id or next(one.metadata[key] for key in keys if key in one.metadata)
    return found if isinstance(found, int) else str(found)


def look(at: dict[str, Any], added: int = 1) -> dict[str, Any]:
    """Everything, by search and by filter; `added` is how many there may be beyond those that `write` writes."""
    store = OPEN[at["kind"]](at, new=False)
    first = _search(store, QUERIES[0], added)
    documents = []
    for one in first:
        metadata = {key: value for key, value in one.metadata.items() if key != "uuid"}
        documents.append({"id": _id(one), "text": one.page_content, "metadata": plain(metadata)})
    return told(
        documents,
        {query: [_id(one) for one in _search(store, query, added)] for query in QUERIES},
        {
            name: [_id(one) for one in _search(store, QUERIES[0], added, **options)]
            for name, options in FILTERS[at["kind"]]().items()
        },
    )


def write(at: dict[str, Any]) -> None:
    """Everything, into a new collection."""
    documents = [Document(page_content=one.text, metadata=dict(one.metadata)) for one in kept()]
    store = OPEN[at["kind"]](at, new=True)
    options = {"async_req": False} if at["kind"] == "pinecone" else {}
    if at["kind"] == "sqlite":
        store.add_documents(documents)
        return
    store.add_documents(documents, ids=[one.id for one in kept()], **options)


def prepare(at: dict[str, Any]) -> None:
    """Make the tables that a class makes when it is first used."""
    OPEN[at["kind"]](at, new=True)


def delete(at: dict[str, Any], ids: list[str | int]) -> None:
    """Take documents away by their ids."""
    OPEN[at["kind"]](at, new=False).delete(ids=ids)


def replace(at: dict[str, Any], record: str | int, text: str) -> None:
    """Write a document under an id that is there."""
    metadata = {**kept()[0].metadata, "page": 500}
    options = {"async_req": False} if at["kind"] == "pinecone" else {}
    store = OPEN[at["kind"]](at, new=False)
    if at["kind"] == "milvus":
        store.upsert(ids=[record], documents=[Document(page_content=text, metadata=metadata)])
        return
    store.add_documents([Document(page_content=text, metadata=metadata)], ids=[record], **options)


def add(at: dict[str, Any], text: str) -> None:
    """Write a document more, under no id that anybody knows."""
    metadata = {**kept()[0].metadata, "page": 500}
    OPEN[at["kind"]](at, new=False).add_documents([Document(page_content=text, metadata=metadata)])


if __name__ == "__main__":
    serve(
        {
            "look": look,
            "write": write,
            "prepare": prepare,
            "delete": delete,
            "replace": replace,
            "add": add,
        }
    )
