"""Whole requests, read to be answered: bodies, their fields one by one, and pagination tokens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from .records import Malformed

CAMEL = {
    "delete_all": "deleteAll",
    "dry_run": "dryRun",
    "include_metadata": "includeMetadata",
    "include_values": "includeValues",
    "max_candidates": "maxCandidates",
    "pagination_token": "paginationToken",
    "scan_factor": "scanFactor",
    "set_metadata": "setMetadata",
    "sparse_values": "sparseValues",
    "sparse_vector": "sparseVector",
    "top_k": "topK",
}
"""Pinecone's server reads the names of fields in both spellings."""


def read_object(body: bytes) -> dict[str, Any]:
    """A body that is a JSON object, an empty one for none. Raises Malformed."""
    try:
        given = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the request body is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise Malformed("the request body must be a JSON object")
    return given


def read_body(body: bytes) -> dict[str, Any]:
    """A body of the data plane, its fields in the spelling of the documentation. Raises Malformed."""
    given = respelled(read_object(body))
    if isinstance(given.get("vectors"), list):
        given["vectors"] = [
            respelled(one) if isinstance(one, dict) and "sparse_values" in one else one
            for one in given["vectors"]
        ]
    return given


def respelled(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields, camel case."""
    return {CAMEL.get(key, key): value for key, value in given.items() if value is not None}


def whole_number(given: Mapping[str, Any], key: str, default: int, most: int, *, least: int = 1) -> int:
    """A number of a body or a query within its bounds. Raises Malformed."""
    value = given.get(key, default)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not least <= value <= most:
        raise Malformed(f"{key} must be a number from {least} to {most}")
    return value


def only(given: Mapping[str, Any], fields: Collection[str]) -> None:
    """Raise Malformed when there is a field that the API does not have: nothing that is sent is dropped silently."""
    unknown = given.keys() - fields
    if unknown:
        raise Malformed(f"Cannot find field: {min(unknown)}")


def text(given: Mapping[str, Any], key: str) -> str:
    """A string of a body, empty when it is not there. Raises Malformed."""
    value = given.get(key, "")
    if not isinstance(value, str):
        raise Malformed(f"{key} must be a string")
    return value


def texts(given: Mapping[str, Any], key: str, most: int) -> list[str]:
    """A list of strings, repeated ones once. Raises Malformed."""
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Malformed(f"{key} must be a list of strings")
    if len(value) > most:
        raise Malformed(f"{key} must have at most {most} entries, but has {len(value)}")
    return list(dict.fromkeys(value))


def flag(given: Mapping[str, Any], key: str) -> bool:
    """A boolean of a body, false when it is not there. Raises Malformed."""
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise Malformed(f"{key} must be true or false")
    return value


def mapping(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object of a body, empty when it is not there. Raises Malformed."""
    value = given.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{key} must be an object")
    return value


# Pagination tokens: where to go on, and nothing else, so that they outlive the process that gave them.


def token_of(place: str) -> str:
    """A pagination token that stands behind a place."""
    return base64.urlsafe_b64encode(b"vm1:" + place.encode()).decode("ascii")


def place_of(token: str) -> str:
    """The place of a token. Raises Malformed for a token that is not one of ours."""
    try:
        kind, colon, place = base64.urlsafe_b64decode(token.encode()).partition(b":")
        if kind == b"vm1" and colon:
            return place.decode()
    except (binascii.Error, ValueError):
        pass
    raise Malformed("Invalid pagination token")


def list_token(skip_past: str, prefix: str) -> str:
    """A token for a list of ids, as Pinecone writes it: a client that pages on across a cutover meets no stranger."""
    words = {"skip_past": skip_past, **({"prefix": prefix} if prefix else {})}
    return base64.b64encode(orjson.dumps(words)).decode("ascii")


def listed_after(given: Mapping[str, Any]) -> str | None:
    """The id behind which a list goes on; None to begin. Raises Malformed."""
    token = text(given, "paginationToken")
    if not token:
        return None
    try:
        words = orjson.loads(base64.b64decode(token.encode() + b"=" * (-len(token) % 4)))
    except ValueError:
        words = None
    place = words.get("skip_past") if isinstance(words, dict) else None
    if not isinstance(place, str):
        raise Malformed("Invalid pagination token")
    return place


def paged(given: Mapping[str, Any]) -> str | None:
    """Where a paged request goes on; None to begin."""
    token = text(given, "paginationToken")
    return place_of(token) if token else None


def ids_of(items: Sequence[Any]) -> list[str]:
    """The ids of vector objects. Raises Malformed."""
    ids = []
    for item in items:
        one = item.get("id") if isinstance(item, Mapping) else None
        if not isinstance(one, str):
            raise Malformed("every vector must have an id that is a string")
        ids.append(one)
    return ids
