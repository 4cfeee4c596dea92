"""The two vendors whose applications the tests play: requests as raw HTTP in the vendor's own protocol, contents read whole
by the vendor's own client. And the two targets, read by theirs.

Records 0 to HOT-1 are what everybody writes to, in four groups that a delete by filter takes out; COLD more are there from
the beginning. A vector says which write it came with, so that a torn record shows.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from pgvector.psycopg import register_vector
from pinecone import Pinecone
from qdrant_client import QdrantClient

from tests.fakes.milvus import vendor_client

from .history import Held

HOT, GROUPS = 12, 4
COLD_FROM = 100
DIM = 4


def group(one: int) -> int:
    """By which a delete by filter finds an id; the cold ones are in none of them."""
    return one % GROUPS if one < COLD_FROM else GROUPS


def vector(one: int, number: int) -> list[float]:
    """Of a record that this write put there: exact in float32."""
    return [number % 1000 / 8, number // 1000 / 8, float(one), 1.0]


def _odd(number: int) -> dict[str, float]:
    """In one write of three a number of so many digits that only Qdrant knows what it holds of it: it has to be asked."""
    return {} if number % 3 else {"w": 0.12345678901234568}


@dataclass(frozen=True, slots=True)
class Request:
    """What a vendor is asked."""

    method: str
    path: str
    body: Any


Contents = dict[int, tuple[Held, tuple[float, ...]]]
"""What a side holds: number and patch, and the vector."""


class Vendor(ABC):
    """A source and its protocol."""

    kind: str
    collection: str
    headers: dict[str, str] = {}
    options: tuple[str, ...] = ()
    """Of the source store, beside its timeout."""

    def emulated(self) -> tuple[str, ...]:
        """Arguments of `emulate` and `serve` beside the address."""
        return ()

    @abstractmethod
    def create(self) -> list[Request]:
        """Make an empty collection."""

    @abstractmethod
    def upsert(self, numbers: dict[int, int]) -> Request:
        """Replace these records by what those numbers stand for."""

    @abstractmethod
    def patch(self, one: int, value: int) -> Request:
        """Set one field of a record."""

    @abstractmethod
    def delete(self, ids: list[int]) -> Request:
        """By id."""

    @abstractmethod
    def delete_group(self, which: int) -> Request:
        """By filter."""

    @abstractmethod
    def read(self, port: int) -> Contents:
        """Everything, by the vendor's client."""


class Qdrant(Vendor):
    """Points with numbers as ids."""

    kind = "qdrant"

    def __init__(self, collection: str) -> None:
        self.collection = collection
        self._points = f"/collections/{collection}/points"

    def create(self) -> list[Request]:
        shape = {"vectors": {"size": DIM, "distance": "Dot"}}
        return [Request("PUT", f"/collections/{self.collection}", shape)]

    def upsert(self, numbers: dict[int, int]) -> Request:
        points = [
            {
                "id": one,
                "vector": vector(one, number),
                "payload": {"n": number, "g": group(one), **_odd(number)},
            }
            for one, number in numbers.items()
        ]
        return Request("PUT", f"{self._points}?wait=true", {"points": points})

    def patch(self, one: int, value: int) -> Request:
        return Request(
            "POST", f"{self._points}/payload?wait=true", {"payload": {"p": value}, "points": [one]}
        )

    def delete(self, ids: list[int]) -> Request:
        return Request("POST", f"{self._points}/delete?wait=true", {"points": ids})

    def delete_group(self, which: int) -> Request:
        chosen = {"must": [{"key": "g", "match": {"value": which}}]}
        return Request("POST", f"{self._points}/delete?wait=true", {"filter": chosen})

    def fetch(self, ids: list[int]) -> Request:
        """Some records whole."""
        return Request("POST", self._points, {"ids": ids, "with_vector": True, "with_payload": True})

    def read(self, port: int) -> Contents:
        client = QdrantClient(url=f"http://127.0.0.1:{port}", check_compatibility=False)
        found: Contents = {}
        offset: Any = None
        while True:
            points, offset = client.scroll(
                self.collection, limit=1000, offset=offset, with_payload=True, with_vectors=True
            )
            found |= {int(one.id): _record(one.payload or {}, one.vector) for one in points}
            if offset is None:
                client.close()
                return found


class PineconeIndex(Vendor):
    """Vectors with texts as ids."""

    kind = "pinecone"
    headers = {"api-key": "any", "x-pinecone-api-version": "2025-10"}
    options = ("visible_after=0", "quarantine=2")
    """The emulated Pinecone shows a write at once, and gives it no number to wait for."""

    def __init__(self, collection: str) -> None:
        self.collection = collection

    def emulated(self) -> tuple[str, ...]:
        return ("--index", self.collection)

    def create(self) -> list[Request]:
        place = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
        shape = {"name": self.collection, "dimension": DIM, "metric": "cosine", "spec": place}
        return [Request("POST", "/indexes", shape)]

    def upsert(self, numbers: dict[int, int]) -> Request:
        vectors = [
            {
                "id": f"k{one}",
                "values": vector(one, number),
                "metadata": {"n": number, "g": group(one)},
            }
            for one, number in numbers.items()
        ]
        return Request("POST", "/vectors/upsert", {"vectors": vectors})

    def patch(self, one: int, value: int) -> Request:
        return Request("POST", "/vectors/update", {"id": f"k{one}", "setMetadata": {"p": value}})

    def delete(self, ids: list[int]) -> Request:
        return Request("POST", "/vectors/delete", {"ids": [f"k{one}" for one in ids]})

    def delete_group(self, which: int) -> Request:
        return Request("POST", "/vectors/delete", {"filter": {"g": {"$eq": which}}})

    def read(self, port: int) -> Contents:
        url, found = f"http://127.0.0.1:{port}", Contents()
        with Pinecone(api_key="any", host=url) as client, client.Index(host=url) as index:
            for page in index.list():
                ids = [getattr(one, "id", one) for one in page]
                for start in range(0, len(ids), 100):
                    held = index.fetch(ids=ids[start : start + 100]).vectors
                    found |= {
                        int(one[1:]): _record(held[one].metadata or {}, held[one].values) for one in held
                    }
        return found


class Target(ABC):
    """The other side."""

    kind: str
    port: int
    """Where its server really listens."""

    @abstractmethod
    def url(self, port: int) -> str:
        """Its address by way of another port."""

    @abstractmethod
    def read(self, collection: str) -> Contents | None:
        """Everything; None when there is no such collection."""

    @abstractmethod
    def drop(self, collection: str) -> None:
        """Remove it, if it is there."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection back."""


class Postgres(Target):
    """A table."""

    kind = "pgvector"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.port = psycopg.conninfo.conninfo_to_dict(dsn)["port"]  # type: ignore[assignment] # made an int below
        self.port = int(self.port)
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(self._connection)

    def url(self, port: int) -> str:
        return self._dsn.replace(f":{self.port}/", f":{port}/")

    def read(self, collection: str) -> Contents | None:
        if self._connection.execute("SELECT to_regclass(%s)", (collection,)).fetchone() == (None,):
            return None
        rows = self._connection.execute(f"SELECT id, vector, payload FROM {collection}").fetchall()
        return {int(one): _record(payload, held.to_list()) for one, held, payload in rows}

    def drop(self, collection: str) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS {collection}")

    def close(self) -> None:
        self._connection.close()


class Milvus(Target):
    """A collection."""

    kind = "milvus"

    def __init__(self, port: int) -> None:
        self.port = port
        self._client = vendor_client(self.url(port))

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def read(self, collection: str) -> Contents | None:
        if not self._client.has_collection(collection):
            return None
        self._client.load_collection(collection)
        pages = self._client.query_iterator(
            collection, batch_size=1000, output_fields=["*"], consistency_level="Strong"
        )
        found: Contents = {}
        while page := pages.next():
            for row in page:
                found[int(row["id"][1:])] = _record(_metadata(row), row["values"])
        pages.close()
        return found

    def drop(self, collection: str) -> None:
        if self._client.has_collection(collection):
            self._client.drop_collection(collection)

    def close(self) -> None:
        self._client.close()


def _metadata(row: dict[str, Any]) -> dict[str, Any]:
    held = row.get("metadata", row)
    return json.loads(held) if isinstance(held, str | bytes) else held


def _record(fields: dict[str, Any], values: Any) -> tuple[Held, tuple[float, ...]]:
    patch = fields.get("p")
    held = (int(fields["n"]), int(patch) if patch else None)
    return held, tuple(np.asarray(values, np.float32).tolist())
