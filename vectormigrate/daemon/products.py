"""What no rule knows of a store and its page needs: its name, its client in a line, its flags. Nothing but words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """What no rule knows of a store: names, and words for its client."""

    name: str
    url: str
    collection: str
    client: str
    """How an application tells its client where to go; `{host}` is the host."""
    host: str
    scores: str
    more: str = ""
    """Flags that a command for it needs besides."""
    upstream: str = ""
    """Flags of `serve` besides."""


PRODUCTS: Mapping[str, Product] = {
    "qdrant": Product(
        "Qdrant",
        "http://qdrant.internal:6333",
        "docs",
        'QdrantClient(url="http://{host}:6333")',
        "qdrant.internal",
        "similarity under cosine and dot, true distance under euclid and manhattan",
    ),
    "pinecone": Product(
        "Pinecone",
        "",
        "docs",
        'Pinecone(api_key=...).Index(host="{host}")',
        "docs-abc123.svc.pinecone.io",
        "similarity under cosine and dotproduct, distance under euclidean",
        "-api-key env:PINECONE_API_KEY",
        "--index docs",
    ),
    "weaviate": Product(
        "Weaviate",
        "http://weaviate.internal:8080",
        "Docs",
        'weaviate.connect_to_custom(http_host="{host}", grpc_host="{host}", ...)',
        "weaviate.internal",
        "distances: 1 - cosine, the negative dot product, the squared euclidean distance",
        "-option grpc_port=50051",
        "--grpc-listen 0.0.0.0:50051 --grpc-upstream http://weaviate.internal:50051",
    ),
    "milvus": Product(
        "Milvus",
        "http://milvus.internal:19530",
        "docs",
        'MilvusClient("http://{host}:19530")',
        "milvus.internal",
        "similarity under COSINE and IP, the squared distance under L2",
    ),
    "pgvector": Product(
        "PostgreSQL with pgvector",
        "postgresql://app@pg.internal/search",
        "docs",
        'psycopg.connect("host={host} dbname=search")',
        "pg.internal",
        "what the operator gives: `<=>` 1 - cosine, `<#>` the negative dot product, `<->` the euclidean distance",
    ),
    "sqlite": Product(
        "SQLite",
        "docs.db",
        "docs",
        'sqlite3.connect("{host}")',
        "docs.db",
        "what the function gives: distances",
    ),
}
"""The stores that a collection can move between; the reference store lives in a process, and a snapshot is no store."""
