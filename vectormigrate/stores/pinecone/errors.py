"""Pinecone's ways of failing, a status with a body or no answer at all, to the one error tree.

The surprise: a status does not always say whether a write was applied. What is certain (correctness: outcome classes)
is that a 4xx was not; after a 5xx, a reset or a timeout nobody knows, so a write is Unresolved there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionExists,
    CollectionMissing,
    PermissionDenied,
    RecordRefused,
    StoreBroken,
    StoreDown,
    StoreError,
    Throttled,
    Unreachable,
    Unresolved,
    Unsupported,
)


class RequestTooLarge(StoreError):
    """A request beyond the size or the length of address that is allowed: ask for less at once."""

    code = "request_too_large"


class NamespaceMissing(StoreError):
    """No such namespace: nothing was ever written to it, so it is the same as empty."""

    code = "namespace_missing"


class TokenExpired(StoreError):
    """A paging token is not valid (any more): begin again behind the last id."""

    code = "token_expired"


@dataclass(frozen=True, slots=True)
class Place:
    """What an error is about."""

    address: str
    collection: str = ""

    def error(
        self, kind: type[StoreError], message: str, hint: str = "", retry_after: float | None = None
    ) -> StoreError:
        return kind(
            message,
            hint=hint,
            store=f"pinecone {self.address}",
            collection=self.collection,
            retry_after=retry_after,
        )


def message_of(body: Any) -> str:
    """The message of an error body: `{"code", "message"}`, `{"error": {"code", "message"}}`, or a text."""
    if isinstance(body, dict):
        inner = body.get("error")
        if isinstance(inner, dict):
            body = inner
        text = body.get("message") or body.get("detail") or body.get("description") or ""
        return _short(str(text))
    return _short(body) if isinstance(body, str) else ""


_KINDS: dict[int, type[StoreError]] = {
    401: AuthenticationFailed,
    402: PermissionDenied,
    403: PermissionDenied,
    404: CollectionMissing,
    409: CollectionExists,
    413: RequestTooLarge,
    414: RequestTooLarge,
    429: Throttled,
    431: RequestTooLarge,
    501: Unsupported,
}
_HINTS: dict[type[StoreError], str] = {
    AuthenticationFailed: "give the API key of the project that the index is in",
    PermissionDenied: "check what the API key may do, the project's quota, and deletion protection",
    CollectionMissing: "names are case sensitive; check the name and the project of the API key",
    Throttled: "requests or units a second are used up; a retry will help",
}


def from_status(
    status: int, body: Any, place: Place, *, writing: bool = False, retry_after: float | None = None
) -> StoreError:
    """The error that an answer of this status stands for. A 400 in a write may be one record's: RecordRefused."""
    said = message_of(body) or f"status {status}"
    text = said.casefold()
    if status == 404 and "namespace" in text:
        return place.error(NamespaceMissing, f"pinecone has no such namespace: {said}")
    if status == 404:
        name = repr(place.collection) if place.collection else "of that name"
        return place.error(
            CollectionMissing, f"pinecone has no index {name}: {said}", _HINTS[CollectionMissing]
        )
    kind = _KINDS.get(status)
    if kind is not None:
        return place.error(kind, f"pinecone refused the request: {said}", _HINTS.get(kind, ""), retry_after)
    if status >= 500 or status == 408:
        if not writing:
            return place.error(StoreDown, f"pinecone cannot answer now: {said}", "", retry_after)
        return unresolved(place, f"pinecone answered with {status}: {said}", retry_after)
    return place.error(RecordRefused if writing else StoreError, f"pinecone: {said}")


def never_sent(place: Place, reason: str) -> StoreError:
    """Nothing left: refused, unknown host, no route, TLS."""
    return place.error(
        Unreachable,
        f"pinecone at {place.address} cannot be reached: {_short(reason)}",
        "check the address and the network; a retry may help",
    )


def no_answer(place: Place, reason: str, *, writing: bool) -> StoreError:
    """The request left, and no whole answer came."""
    message = f"pinecone at {place.address} gave no answer: {_short(reason)}"
    return unresolved(place, message) if writing else place.error(StoreDown, message, "a retry may help")


def unresolved(place: Place, message: str, retry_after: float | None = None) -> StoreError:
    """Nobody knows whether a write was applied, in whole or in part."""
    return place.error(
        Unresolved, message, "the write may have been applied; it is safe to send it again", retry_after
    )


def unreadable(place: Place, reason: str) -> StoreError:
    """An answer that is not what the API describes."""
    return place.error(StoreBroken, f"pinecone's answer cannot be read: {_short(reason)}")


def _short(text: str) -> str:
    first = next(iter(text.strip().splitlines()), "")
    return first if len(first) <= 300 else first[:297] + "..."
