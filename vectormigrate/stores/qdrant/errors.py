"""Qdrant's ways of failing, an HTTP status or a gRPC code with a sentence, to the one error tree.

What matters most is whether a failed write may still be applied. A server that says 4xx has refused it; one that says
5xx, or nothing, may have put it in its log: Unresolved. The surprises: an existing collection is 400 or 409 by
version, a body beyond the limit is 400 and told by its text, and a write "acknowledged" or timed out is *not* done.
"""

from __future__ import annotations

from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionExists,
    PermissionDenied,
    RecordRefused,
    StoreDown,
    StoreError,
    Throttled,
    Unresolved,
    Unsupported,
)
from vectormigrate.stores.place import NEVER_SENT, RequestTooLarge, missing, no_answer, short, unreachable
from vectormigrate.stores.place import Place as AnyPlace


class Place(AnyPlace):
    """What an error is about."""

    kind = "qdrant"


_TOO_LARGE = ("larger than allowed", "larger than max", "length too large", "payload reached size limit")
_LOCKED = ("storage locked", "locked for")
_FULL = ("insufficient storage", "no space left", "not enough disk space", "out of memory")


def from_status(status: int, said: str, place: Place, *, retry_after: float | None = None) -> StoreError:
    """The error that an HTTP status other than 200 stands for, with what the server said."""
    text = said.casefold()
    if status == 429 and not any(sign in text for sign in _FULL):
        return place.error(
            Throttled,
            f"qdrant asks to slow down: {short(said)}",
            "the request was not applied",
            retry_after=retry_after,
        )
    if status in (401, 403):
        return _not_allowed(status, said, place)
    if status in (429, 507) or any(sign in text for sign in _FULL):
        return place.error(StoreDown, f"qdrant cannot work now: {short(said)}")
    if status in (405, 501):
        return place.error(Unsupported, f"this qdrant does not know the request: {short(said)}")
    if status in (408, 499) or status >= 500:
        return no_answer(f"HTTP {status}", said, place)
    return _bad_request(status, said, place)


_MEANINGS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
}


def from_code(code: str, details: str, place: Place, *, retry_after: float | None = None) -> StoreError:
    """The error that a gRPC code stands for, by its name, with what was said."""
    text = details.casefold()
    if any(sign in text for sign in _TOO_LARGE):
        return place.error(RequestTooLarge, f"qdrant refused the request: {short(details)}")
    if code == "UNAVAILABLE" and any(sign in text for sign in NEVER_SENT):
        return unreachable(details, place)
    if code in _MEANINGS:
        return from_status(_MEANINGS[code], details, place, retry_after=retry_after)
    return no_answer(code.casefold(), details, place)


def unfinished(status: str, place: Place) -> StoreError:
    """A write that the server took and did not say was done, though it was asked to wait for that."""
    return place.error(
        Unresolved,
        f"qdrant took the write and says {status} instead of completed",
        "the write may be applied later; it is safe to send it again",
    )


def _bad_request(status: int, said: str, place: Place) -> StoreError:
    text = said.casefold()
    if any(sign in text for sign in _TOO_LARGE) or status == 413:
        return place.error(RequestTooLarge, f"qdrant refused the request: {short(said)}")
    if "collection" in text and "doesn't exist" in text:
        return missing(place)
    if status == 409 or ("collection" in text and "already exists" in text):
        return place.error(CollectionExists, f"qdrant has a collection {place.collection!r} already")
    return place.error(RecordRefused if place.writing else StoreError, f"qdrant: {short(said)}")


def _not_allowed(status: int, said: str, place: Place) -> StoreError:
    text = said.casefold()
    if any(sign in text for sign in _LOCKED):
        return place.error(StoreDown, f"qdrant cannot work now: {short(said)}")
    if status == 403 and "api key" not in text:
        return place.error(PermissionDenied, f"qdrant does not allow this: {short(said)}")
    return place.error(
        AuthenticationFailed,
        f"qdrant at {place.address} does not accept the API key",
        "give the API key of this server or cluster",
    )
