"""An application on LlamaIndex's vector stores: one line in to say what to do, one line of JSON out. See `documents`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import weaviate
from documents import COUNT, DIM, QUERIES, kept, plain, serve, told, vector
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)
from llama_index.vector_stores.milvus import MilvusVectorStore
from llama_index.vector_stores.pinecone import PineconeVectorStore
from llama_index.vector_stores.postgres import PGVectorStore
from llama_index.vector_stores.qdrant import QdrantVectorStore
from llama_index.vector_stores.weaviate import WeaviateVectorStore
from pinecone import Pinecone, ServerlessSpec
from qdrant_client import QdrantClient

Store = Any


def qdrant(at: dict[str, Any], *, new: bool) -> Store:
    return QdrantVectorStore(at["collection"], client=QdrantClient(at["url"], check_compatibility=False))


def pinecone(at: dict[str, Any], *, new: bool) -> Store:
    client = Pinecone(api_key="key", host=at["url"])
    if new:
        spec = ServerlessSpec(cloud="aws", region="us-east-1")
        client.create_index(name=at["collection"], dimension=DIM, metric="cosine", spec=spec)
    host = client.describe_index(at["collection"]).host
    return PineconeVectorStore(pinecone_index=client.Index(host=host))


def milvus(at: dict[str, Any], *, new: bool) -> Store:
    return MilvusVectorStore(
        uri=at["url"],
        collection_name=at["collection"],
        dim=DIM,
        similarity_metric={"euclid": "L2", "dot": "IP", "cosine": "COSINE"}[at["metric"]],
        consistency_level="Strong",
        use_async_client=False,
        grpc_options={
            "grpc.keepalive_permit_without_calls": 0
        },  # Milvus Lite hangs up on one that asks whether it is there
    )


def weaviate_(at: dict[str, Any], *, new: bool) -> Store:
    port = int(at["url"].rpartition(":")[2])
    client = weaviate.connect_to_local(port=port, grpc_port=at["grpc_port"], skip_init_checks=True)
    return WeaviateVectorStore(client, index_name=at["collection"])


def pgvector(at: dict[str, Any], *, new: bool) -> Store:
    return PGVectorStore(
        connection_string=at["url"].replace("postgresql://", "postgresql+psycopg2://"),
        async_connection_string=at["url"].replace("postgresql://", "postgresql+asyncpg://"),
        table_name=at["collection"].removeprefix("data_"),
        schema_name="public",
        embed_dim=DIM,
    )


OPEN: dict[str, Callable[..., Store]] = {
    "qdrant": qdrant,
    "pinecone": pinecone,
    "milvus": milvus,
    "weaviate": weaviate_,
    "pgvector": pgvector,
}


def _filters() -> dict[str, MetadataFilters]:
    def one(key: str, operator: FilterOperator, value: Any) -> MetadataFilter:
        return MetadataFilter(key=key, operator=operator, value=value)

    source = one("source", FilterOperator.EQ, "folder/file 1.txt")
    clauses = {
        "page = 7": [one("page", FilterOperator.EQ, 7)],
        "page >= 20": [one("page", FilterOperator.GTE, 20)],
        "source and score": [source, one("score", FilterOperator.GTE, 1.0)],
        "lang": [one("lang", FilterOperator.EQ, "ελ")],
    }
    return {
        name: MetadataFilters(filters=list(filters), condition=FilterCondition.AND)
        for name, filters in clauses.items()
    }


@cache
def opened(kind: str, collection: str, **at: Any) -> Store:
    """Clients are kept: some cannot be closed."""
    return OPEN[kind]({"kind": kind, "collection": collection, **at}, new=False)


def nodes() -> list[TextNode]:
    """The documents as nodes of what they are parts of."""
    return [node(one.id, one.text, one.metadata, one.document) for one in kept()]


def node(record: str, text: str, metadata: dict[str, Any], document: str) -> TextNode:
    """One."""
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)}
    return TextNode(
        id_=record, text=text, metadata=dict(metadata), embedding=vector(text), relationships=source
    )


def _search(store: Store, text: str, filters: MetadataFilters | None = None) -> list[Any]:
    query = VectorStoreQuery(query_embedding=vector(text), similarity_top_k=COUNT, filters=filters)
    return list(store.query(query).nodes or ())


def look(at: dict[str, Any]) -> dict[str, Any]:
    """Everything, by search and by filter."""
    store = opened(**at)
    return told(
        [
            {"id": one.node_id, "text": one.text, "document": one.ref_doc_id, "metadata": plain(one.metadata)}
            for one in _search(store, QUERIES[0])
        ],
        {query: [one.node_id for one in _search(store, query)] for query in QUERIES},
        {
            name: [one.node_id for one in _search(store, QUERIES[0], one_of)]
            for name, one_of in _filters().items()
        },
    )


def write(at: dict[str, Any]) -> None:
    """Everything, into a new collection."""
    OPEN[at["kind"]](at, new=True).add(nodes())


def keys(at: dict[str, Any]) -> dict[str, str]:
    """By which id the store knows each node: in Pinecone, and in what was moved out of it, its document's stands in front."""
    query = VectorStoreQuery(query_embedding=vector(QUERIES[0]), similarity_top_k=COUNT)
    found = opened(**at).query(query)
    return {one.node_id: key for one, key in zip(found.nodes, found.ids, strict=True)}


def prepare(at: dict[str, Any]) -> None:
    """Make the tables that a class makes when it is first used."""
    OPEN[at["kind"]](at, new=True).add([])


def delete(at: dict[str, Any], ids: list[str]) -> None:
    """Take nodes away by their ids."""
    opened(**at).delete_nodes(node_ids=ids)


def delete_document(at: dict[str, Any], document: str) -> None:
    """Take all nodes of a document away."""
    opened(**at).delete(document)


def replace(at: dict[str, Any], record: str, text: str) -> None:
    """Write a node anew, as an index does it: the old one goes first."""
    store = opened(**at)
    store.delete_nodes(node_ids=[record])
    store.add([node(record, text, {**kept()[0].metadata, "page": 500}, "document-written-anew")])


if __name__ == "__main__":
    serve(
        {
            "look": look,
            "write": write,
            "prepare": prepare,
            "keys": keys,
            "delete": delete,
            "delete_document": delete_document,
            "replace": replace,
        }
    )
