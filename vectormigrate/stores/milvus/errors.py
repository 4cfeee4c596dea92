"""Milvus' two ways of failing, a transport code or a status inside a good answer, to the one error tree.

Codes are passed as names and numbers, so nothing here touches a channel. The surprise: servers since 2.3 send a
new `code` and a legacy `error_code` together, Milvus Lite fills either one, and much is told by the text alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionMissing,
    PermissionDenied,
    RecordRefused,
    StoreDown,
    StoreError,
    Throttled,
    Unreachable,
    Unresolved,
    Unsupported,
)
from vectormigrate.stores.place import NEVER_SENT, short


class MessageTooLarge(StoreError):
    """A request or an answer beyond the size that the server or the channel allows: ask for less at once."""

    code = "message_too_large"


@dataclass(frozen=True, slots=True)
class Place:
    """What an error is about."""

    address: str
    collection: str = ""

    def error(self, kind: type[StoreError], message: str, hint: str = "") -> StoreError:
        return kind(message, hint=hint, store=f"milvus {self.address}", collection=self.collection)


_TOO_LARGE = (
    "message larger than",
    "larger than max",
    "exceed max",
    "maximum output size",
    "query results exceed",
)
_BAD_TOKEN = ("auth check failure", "username and password are correct", "token is invalid", "illegal token")
_DISK_FULL = ("no space left on device", "disk quota exceeded")
_NOT_ALLOWED = ("permission deny", "permissiondenied", "privilege not permitted")


def from_transport(code: str, details: str, place: Place, *, dialled: bool) -> StoreError:
    """The error of a call that got no answer. `dialled` says that this server has answered us before."""
    text = details.casefold()
    if code == "UNAUTHENTICATED" or any(sign in text for sign in _BAD_TOKEN):
        return _authentication(place)
    if code == "PERMISSION_DENIED":
        return place.error(PermissionDenied, f"milvus does not allow this: {short(details)}")
    if code == "RESOURCE_EXHAUSTED":
        kind = MessageTooLarge if any(sign in text for sign in _TOO_LARGE) else Throttled
        return place.error(kind, f"milvus refused the request: {short(details)}")
    if code == "UNIMPLEMENTED":
        return place.error(Unsupported, f"this milvus does not know the call: {short(details)}")
    never_sent = code == "UNAVAILABLE" and any(sign in text for sign in NEVER_SENT)
    if never_sent or not dialled:
        return place.error(
            Unreachable,
            f"milvus at {place.address} cannot be reached: {_unreached(text) or short(details) or code.casefold()}",
            "check the address, and that the server is running; a retry may help",
        )
    return place.error(
        Unresolved,
        f"milvus at {place.address} gave no answer ({code.casefold()}): {short(details)}",
        "the request may have been applied; it is safe to send it again",
    )


def _unreached(text: str) -> str:
    """Why nothing was sent, in a few words instead of gRPC's many."""
    signs = (
        ("connection refused", "connection refused"),
        ("domain name not found", "unknown host"),
        ("dns resolution failed", "unknown host"),
        ("no route to host", "no route to host"),
    )
    return next((meaning for sign, meaning in signs if sign in text), "")


_BY_CODE: dict[int, type[StoreError]] = {
    2: StoreDown,
    3: StoreDown,
    4: Throttled,
    5: StoreDown,
    7: StoreDown,
    8: Throttled,
    9: StoreDown,
    10: Unsupported,
    100: CollectionMissing,
    101: StoreDown,
    102: StoreDown,
    103: StoreDown,
    106: StoreDown,
    1402: PermissionDenied,
}
_BY_LEGACY_CODE: dict[int, type[StoreError]] = {
    3: PermissionDenied,
    4: CollectionMissing,
    28: CollectionMissing,
    48: StoreDown,
    49: Throttled,
    53: StoreDown,
    54: StoreDown,
    55: StoreDown,
    56: StoreDown,
    57: StoreDown,
    101: StoreDown,
}
_AUTHENTICATION_CODES = (1400, 1401)
_BAD_ROW_CODES = (1, 5, 6, 65535)
"""Unexpected error, illegal argument: what a server says, among other things, when one row of a write is bad."""


def from_status(  # noqa: PLR0911 one return a kind
    code: int, legacy: int, reason: str, place: Place, *, retriable: bool = False, writing: bool = False
) -> StoreError | None:
    """The error that a status stands for; None for success. In a write, what may be a bad row is RecordRefused."""
    if code == 0 and legacy == 0:
        return None
    text = reason.casefold()
    if code in _AUTHENTICATION_CODES or any(sign in text for sign in _BAD_TOKEN):
        return _authentication(place)
    if any(sign in text for sign in _NOT_ALLOWED):
        return place.error(PermissionDenied, f"milvus does not allow this: {short(reason)}")
    if any(sign in text for sign in _DISK_FULL):
        # Milvus Lite has perhaps logged the write already when it finds no room for the segment.
        return place.error(
            Unresolved if writing else StoreDown,
            f"the disk of milvus is full: {short(reason)}",
            "free some space there, then go on; a write that is sent again does no harm",
        )
    if any(sign in text for sign in _TOO_LARGE) and not writing:
        return place.error(MessageTooLarge, f"milvus refused the request: {short(reason)}")
    if _is_missing_database(text):
        return place.error(CollectionMissing, f"milvus has no such database: {short(reason)}")
    kind = _BY_CODE.get(code) or _BY_LEGACY_CODE.get(legacy)
    if kind is CollectionMissing:
        return missing(place)
    if kind is not None:
        return place.error(kind, f"milvus refused the request: {short(reason)}")
    if retriable or (code == 1 and legacy not in (0, 1)):
        return place.error(StoreDown, f"milvus cannot work now: {short(reason)}")
    bad_row = code in _BAD_ROW_CODES or 1100 <= code < 1200
    return place.error(RecordRefused if writing and bad_row else StoreError, f"milvus: {short(reason)}")


def missing(place: Place) -> StoreError:
    """No such collection."""
    return place.error(
        CollectionMissing,
        f"milvus has no collection {place.collection!r}",
        "names are case sensitive; check the name and the database",
    )


def not_applied(error: StoreError) -> bool:
    """Whether a failed write certainly changed nothing."""
    return not isinstance(error, Unresolved)


def _authentication(place: Place) -> StoreError:
    return place.error(
        AuthenticationFailed,
        f"milvus at {place.address} does not accept the credentials",
        "give user:password or an API key",
    )


def _is_missing_database(text: str) -> bool:
    return "database not found" in text or ("database" in text and "not exist" in text)
