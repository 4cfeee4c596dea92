"""Bodies of requests and answers: JSON of our documents, read with limits of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vectormigrate.model.errors import RequestRefused

MEDIA = "application/json"


def dump(document: object) -> bytes:
    """Keys are those of the classes, times are RFC 3339, numbers that are none are null."""
    return msgspec.json.encode(document, enc_hook=str)


def plain(document: object) -> Any:
    """The same as values that JSON has."""
    return msgspec.json.decode(dump(document))


def load(body: bytes) -> Any:
    """Any JSON. Raises RequestRefused."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestRefused("the body is not JSON") from None


def arguments(body: bytes, content_type: str | None) -> dict[str, Any]:
    """The arguments that a body gives: an object, or nothing. Raises RequestRefused.

    Only JSON that says so is taken: a form of another site's page cannot send it.
    """
    if not body:
        return {}
    if (content_type or "").partition(";")[0].strip().lower() != MEDIA:
        raise RequestRefused(
            f"the body must be {MEDIA}", status=415, hint=f"send the header Content-Type: {MEDIA}"
        )
    given = load(body)
    if not isinstance(given, Mapping):
        raise RequestRefused("the body must be a JSON object")
    return dict(given)
