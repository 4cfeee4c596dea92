"""Weaviate's ways of failing, an HTTP status, a gRPC code or the error of one object of a batch, to the one error tree.

The surprises: nearly every failure of a gRPC call has the code UNKNOWN, so the sentence decides; a batch answers well
and names the objects that failed; and a tenant that is asleep is an error of whatever touches it.
"""

from __future__ import annotations

import re

from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionExists,
    PermissionDenied,
    RecordRefused,
    StoreDown,
    StoreError,
    Throttled,
    Unsupported,
)
from vectormigrate.stores.place import NEVER_SENT, RequestTooLarge, missing, no_answer, short, unreachable
from vectormigrate.stores.place import Place as AnyPlace


class Place(AnyPlace):
    """What an error is about."""

    kind = "weaviate"


class TenantAsleep(StoreError):
    """The tenant is inactive: it has to be woken before it can be read or written."""

    code = "tenant_inactive"


_MISSING = re.compile(r'could not find (class|collection)|class ("[^"]*" )?not found')
_ASLEEP = ("tenant not active",)
_TOO_LARGE = ("larger than max", "larger than allowed", "message length too large")
_PASSING = (
    "shutting down",
    "shut down",
    "read-only",
    "readonly",
    "read only",
    "not ready",
    "no space left",
    "not enough memory",
    "out of memory",
    "deadline exceeded",
    "context canceled",
    "cannot achieve consistency",
    "replica",
    "leader not found",
    "connection refused",
    "too many requests",
    "unavailable",
)
"""What a server says of itself rather than of what it was asked."""


def from_status(status: int, said: str, place: Place, *, retry_after: float | None = None) -> StoreError:  # noqa: PLR0911 one return a kind
    """The error that an HTTP status from 300 on stands for, with what the server said."""
    if status == 401:
        return _not_let_in(place)
    if status == 403:
        return place.error(PermissionDenied, f"weaviate does not allow this: {short(said)}")
    if status == 404:
        return missing(place)
    if status == 405:
        return place.error(Unsupported, f"this weaviate does not know the request: {short(said)}")
    if status == 413:
        return place.error(RequestTooLarge, f"weaviate refused the request: {short(said)}")
    if status == 429:
        return place.error(
            Throttled,
            f"weaviate asks to slow down: {short(said)}",
            "the request was not applied",
            retry_after=retry_after,
        )
    if status == 408 or status >= 500:
        return no_answer(f"HTTP {status}", said, place)
    return _refused(said, place)


def from_code(code: str, details: str, place: Place, *, retry_after: float | None = None) -> StoreError:  # noqa: PLR0911 one return a kind
    """The error that a gRPC code stands for, by its name, with what was said."""
    text = details.casefold()
    if any(sign in text for sign in _TOO_LARGE):
        return place.error(RequestTooLarge, f"weaviate refused the request: {short(details)}")
    match code:
        case "UNAVAILABLE" if any(sign in text for sign in NEVER_SENT):
            return unreachable(details, place)
        case "UNAUTHENTICATED":
            return _not_let_in(place)
        case "PERMISSION_DENIED":
            return from_status(403, details, place)
        case "RESOURCE_EXHAUSTED":
            return from_status(429, details, place, retry_after=retry_after)
        case "UNIMPLEMENTED":
            return from_status(405, details, place)
        case "UNKNOWN" | "INVALID_ARGUMENT" | "NOT_FOUND" | "FAILED_PRECONDITION":
            return _refused(details, place)
        case _:
            return no_answer(code.casefold(), details, place)


def from_object(said: str, place: Place) -> StoreError:
    """The error of one object of a batch: RecordRefused for what can never be held."""
    return _refused(said, place)


def _refused(said: str, place: Place) -> StoreError:
    text = said.casefold()
    if _MISSING.search(text):
        return missing(place)
    if any(sign in text for sign in _ASLEEP):
        return place.error(
            TenantAsleep, f"weaviate: {short(said)}", "let it be woken: set wake_tenants to yes"
        )
    if "already exists" in text and not place.writing:
        return place.error(CollectionExists, f"weaviate has a collection {place.collection!r} already")
    if any(sign in text for sign in _PASSING):
        if place.writing:
            return no_answer("refused", said, place)
        return place.error(StoreDown, f"weaviate cannot work now: {short(said)}")
    return place.error(RecordRefused if place.writing else StoreError, f"weaviate: {short(said)}")


def _not_let_in(place: Place) -> StoreError:
    return place.error(
        AuthenticationFailed,
        f"weaviate at {place.address} does not accept the API key",
        "give the API key of this server or cluster",
    )
