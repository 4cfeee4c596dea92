"""Where the next page of a list begins: behind the last row by what the list is sorted by, so that rows which come or go between two
looks shift nothing. To whoever holds one it is only a text.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from .errors import UsageError

T = TypeVar("T")
Key: TypeAlias = tuple[str | int, ...]
"""What a row is sorted by."""


def next_cursor(rows: Sequence[T], limit: int, key: Callable[[T], Key]) -> str:
    """Of a page; empty when there is nothing behind it for certain."""
    if len(rows) < limit:
        return ""
    return base64.urlsafe_b64encode(json.dumps(key(rows[-1])).encode()).decode().rstrip("=")


def behind(cursor: str | None, *kinds: type) -> Key | None:
    """The sort key that a cursor holds; None for the beginning. Raises UsageError unless it is one of such a list."""
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or [type(one) for one in key] != list(kinds) or not all(map(_storable, key)):
        raise UsageError(
            f"{cursor[:80]!r} is no cursor of this list", hint="give the `next_cursor` of the page before"
        )
    return tuple(key)


def _storable(value: str | int) -> bool:
    """Whether a row can have this at all: whoever asks may have made the cursor up."""
    if isinstance(value, int):
        return abs(value) < 2**63
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
