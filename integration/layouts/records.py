"""What every maker of layouts' fixtures has in common: the documents, the servers, and how the records of a store are read.

Nothing of a framework is here; see `make.py`, beside which it lies: both run without this project.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


def milvus_records(uri: str, collection: str, key: str, *vectors: str) -> list[dict[str, Any]]:
    from pymilvus import MilvusClient

    rows = MilvusClient(uri).query(collection, filter=f'{key} != ""', output_fields=["*"], limit=100)
    return [
        {
            "id": row[key],
            "payload": {name: value for name, value in row.items() if name not in (key, *vectors)},
            "vectors": list(vectors),
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
