"""What an error of a vendor's store is about, and the errors that every vendor means alike, whatever its words.

What matters most is whether a failed write may still be applied: `unreachable` says that nothing was sent, `no_answer`
that nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vectormigrate.model.errors import CollectionMissing, StoreDown, StoreError, Unreachable, Unresolved


class RequestTooLarge(StoreError):
    """A request or an answer beyond the size that the server or the channel allows: ask for less at once."""

    code = "body_too_large"


@dataclass(frozen=True, slots=True)
class Place:
    """Where, in what collection, and whether the request would change records; each vendor has its own, by name."""

    kind: ClassVar[str]
    """The vendor, as messages name it."""
    address: str
    collection: str = ""
    writing: bool = False

    def error(
        self, kind: type[StoreError], message: str, hint: str = "", *, retry_after: float | None = None
    ) -> StoreError:
        return kind(
            message,
            hint=hint,
            store=f"{self.kind} {self.address}",
            collection=self.collection,
            retry_after=retry_after,
        )


def unreachable(reason: str, place: Place) -> StoreError:
    """Nothing was sent."""
    return place.error(
        Unreachable,
        f"{place.kind} at {place.address} cannot be reached: {_unreached(reason.casefold()) or short(reason)}",
        "check the address and the port, and that the server is running; a retry may help",
    )


def lost(reason: str, place: Place) -> StoreError:
    """The request was sent and no answer came."""
    return no_answer("no answer", reason, place)


def no_answer(what: str, said: str, place: Place) -> StoreError:
    """The request was sent, and what came says nothing of it."""
    if not place.writing:
        return place.error(StoreDown, f"{place.kind} at {place.address} failed ({what}): {short(said)}")
    return place.error(
        Unresolved,
        f"{place.kind} at {place.address} gave no good answer ({what}): {short(said)}",
        "the request may have been applied; it is safe to send it again",
    )


def unresolved(error: StoreError) -> StoreError:
    """The same failure, when an earlier part of the same write is already applied."""
    return Unresolved(
        f"part of the write was applied before this: {error.message}",
        hint="it is safe to send the whole write again",
        store=error.store,
        collection=error.collection,
        retry_after=error.retry_after,
    )


def missing(place: Place) -> StoreError:
    """No such collection."""
    return place.error(
        CollectionMissing,
        f"{place.kind} has no collection {place.collection!r}",
        "names are case sensitive; check the name",
    )


NEVER_SENT = ("failed to connect", "connection refused", "dns resolution", "name resolution", "no route")
"""How gRPC says, under UNAVAILABLE, that there was no connection to send anything on."""


def _unreached(text: str) -> str:
    signs = (
        ("connection refused", "connection refused"),
        ("name or service not known", "unknown host"),
        ("name resolution", "unknown host"),
        ("domain name not found", "unknown host"),
        ("dns resolution failed", "unknown host"),
        ("no route to host", "no route to host"),
        ("certificate", "its certificate is not accepted"),
        ("timed out", "no answer"),
    )
    return next((meaning for sign, meaning in signs if sign in text), "")


def short(text: str) -> str:
    """The first line of what a server said, fit for a message."""
    first: str = next(iter(text.strip().splitlines()), "")
    return first if len(first) <= 300 else first[:297] + "..."
