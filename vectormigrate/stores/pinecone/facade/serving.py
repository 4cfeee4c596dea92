"""The data plane answered from a store: each action by the name that REST and gRPC call it by.

An action takes the shelf of the index, the canonical namespace and the body of the request, and gives the object of
the answer, arrays and all. Transports put it into bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from vectormigrate.stores.pinecone.wire import requests, responses

from .namespaces import Namespaces
from .reading import fetch, fetch_by_metadata, list_ids
from .rooms import Shelf
from .searching import query
from .writing import Writing

Json = dict[str, Any]
Action = Callable[[Shelf, str, Json], Awaitable[Json]]


def actions() -> Mapping[str, Action]:
    """What can be served."""
    writing = Writing()
    namespaces = Namespaces(writing)
    return {
        "upsert": writing.upsert,
        "update": writing.update,
        "delete": writing.delete,
        "fetch": _repeating(fetch),
        "fetch_by_metadata": _repeating(fetch_by_metadata),
        "list": _repeating(list_ids),
        "query": _repeating(_query),
        "stats": namespaces.stats,
        "list_namespaces": namespaces.list,
        "describe_namespace": namespaces.describe,
        "create_namespace": namespaces.create,
        "delete_namespace": namespaces.delete,
    }


async def _query(shelf: Shelf, namespace: str, body: Json) -> Json:
    matches = await query(await shelf.room(namespace), body)
    return {"results": [], "matches": matches, "usage": responses.USAGE}


def _repeating(action: Action) -> Action:
    """The answer says the namespace, spelled as it was asked for."""

    async def repeating(shelf: Shelf, namespace: str, body: Json) -> Json:
        return {**await action(shelf, namespace, body), "namespace": requests.text(body, "namespace")}

    return repeating
