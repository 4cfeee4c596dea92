"""The query string of a GET or DELETE as the fields of a body."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from vectormigrate.stores.pinecone.wire.records import Malformed, canonical_namespace
from vectormigrate.stores.pinecone.wire.requests import CAMEL

_BOOLEAN = {"deleteAll", "delete_all"}
_FLAGS = {"true": True, "false": False}


def namespace_in(query: bytes) -> str:
    """The canonical namespace in the query of a GET."""
    if b"namespace=" not in query:
        return canonical_namespace(None)
    return canonical_namespace(read_query(query).get("namespace"))


def read_query(query: bytes) -> dict[str, Any]:
    """The fields of a query string, camel case; `ids` is a list, true and false are booleans. Raises Malformed."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise Malformed("the query of the request is not UTF-8") from None
    given: dict[str, Any] = {}
    for key, value in pairs:
        if key == "ids":
            given.setdefault("ids", []).append(value)
        else:
            given[CAMEL.get(key, key)] = _FLAGS.get(value, value) if key in _BOOLEAN else value
    return given
