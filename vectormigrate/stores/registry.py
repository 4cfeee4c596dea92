"""Name to vendor, loaded when asked for: the only module that names the vendors.

Imports stand inside functions because a vendor's client costs up to three seconds to import, and a command that
does not touch that vendor must not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from vectormigrate.model.errors import UsageError

from .base import Endpoint, Store


def _memory(endpoint: Endpoint) -> Store:
    from .memory import open_store

    return open_store(_checked(endpoint, "timeout"))


def _sqlite(endpoint: Endpoint) -> Store:
    from .sqlite import OPTIONS, open_store

    return open_store(_checked(endpoint, *OPTIONS))


def _pgvector(endpoint: Endpoint) -> Store:
    from .pgvector import OPTIONS, open_store

    return open_store(_checked(endpoint, *OPTIONS))


def _milvus(endpoint: Endpoint) -> Store:
    from .milvus import OPTIONS, open_store

    return open_store(_checked(endpoint, *OPTIONS))


def _checked(endpoint: Endpoint, *options: str) -> Endpoint:
    unknown = sorted(endpoint.options.keys() - {*options})
    if unknown:
        near = get_close_matches(unknown[0], options, n=1)
        raise UsageError(
            f"{endpoint.kind} has no option {unknown[0]!r}",
            hint=f"did you mean {near[0]}?" if near else f"it has: {', '.join(options)}",
            store=endpoint.kind,
        )
    return endpoint


_OPENERS: dict[str, Callable[[Endpoint], Store]] = {
    "memory": _memory,
    "milvus": _milvus,
    "pgvector": _pgvector,
    "sqlite": _sqlite,
}

KINDS = tuple(sorted(_OPENERS))


def open_store(endpoint: Endpoint) -> Store:
    """Open a store of a kind. Nothing is dialled yet: the first call does. Raises UsageError for an unknown kind or option."""
    opener = _OPENERS.get(endpoint.kind)
    if opener is None:
        raise UsageError(f"unknown store type {endpoint.kind!r}", hint=f"one of: {', '.join(KINDS)}")
    return opener(endpoint)
