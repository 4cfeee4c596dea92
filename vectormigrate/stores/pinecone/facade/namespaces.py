"""Namespaces and statistics of an index, answered from a neutral store."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from vectormigrate.model.collection import Metric
from vectormigrate.model.errors import CollectionExists, Unsupported
from vectormigrate.stores.pinecone.errors import NamespaceMissing
from vectormigrate.stores.pinecone.wire import requests, responses
from vectormigrate.stores.pinecone.wire.records import Malformed, id_fault
from vectormigrate.stores.pinecone.wire.shape import WORDS, layout_of

from .rooms import Shelf
from .writing import Writing, present

Json = dict[str, Any]

MOST_LISTED = 100


class Namespaces:
    """The namespaces of a store's indexes."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing

    async def stats(self, shelf: Shelf, namespace: str, body: Json) -> Json:
        """Records of each namespace, and what an index is."""
        if body.get("filter"):
            raise Malformed(
                "Serverless and Starter indexes do not support describing index stats with metadata filtering"
            )
        shape, counts = await shelf.shape(), await shelf.counts()
        layout = layout_of(shape)
        answer: Json = {
            "namespaces": {name: {"vectorCount": count} for name, count in counts.items()},
            "indexFullness": 0.0,
            "totalVectorCount": sum(counts.values()),
            "metric": WORDS[Metric.DOT],
            "vectorType": "sparse",
        }
        if layout.dense is not None:
            metric = shape.vector(layout.dense).metric or Metric.COSINE
            answer |= {
                "dimension": layout.dim,
                "metric": WORDS.get(metric, metric.value),
                "vectorType": "dense",
            }
        return answer

    async def list(self, shelf: Shelf, namespace: str, body: Json) -> Json:
        """A page of namespaces in the order of their bytes."""
        prefix, after = requests.text(body, "prefix"), requests.paged(body)
        limit = requests.whole_number(body, "limit", MOST_LISTED, MOST_LISTED)
        counts = await shelf.counts()
        names = sorted(name for name in counts if name.startswith(prefix))
        rest = [name for name in names if after is None or name > after]
        answer: Json = {
            "namespaces": [_described(name, counts[name]) for name in rest[:limit]],
            "total_count": len(names),
        }
        return responses.with_next(answer, requests.token_of(rest[limit - 1]) if len(rest) > limit else None)

    async def describe(self, shelf: Shelf, namespace: str, body: Json) -> Json:
        """One namespace."""
        room = await present(shelf, namespace)
        count = await room.count()
        if not count and not room.alone:  # nothing but its records says that it is there
            raise NamespaceMissing("Namespace not found", collection=shelf.index)
        return _described(namespace, count)

    async def create(self, shelf: Shelf, namespace: str, body: Json) -> Json:
        """Make an empty namespace."""
        if not requests.text(body, "name"):
            raise Malformed("a namespace must have a name")
        fault = id_fault(namespace)
        if fault:
            raise Malformed(fault.replace("Vector ID", "Namespace name"))
        if requests.mapping(body, "schema").get("fields"):
            raise Unsupported("which metadata is filterable cannot be declared here: all of it is")
        room, there = await shelf.planned(namespace)
        if there:
            raise CollectionExists(f"Namespace {namespace} already exists", collection=shelf.index)
        await shelf.made(room)
        return _described(namespace, 0)

    async def delete(self, shelf: Shelf, namespace: str, body: Json) -> Json:
        """Remove a namespace with its records. What is left of an index without any is its own, empty collection."""
        room = await present(shelf, namespace)
        await self._writing.clear(room, None)
        if room.alone and room.collection != shelf.index:
            with suppress(Unsupported):  # of a collection under migration only the records can go
                await shelf.store.drop(room.collection)
        return {}


def _described(name: str, count: int) -> Json:
    return {"name": name, "record_count": count}
