"""Name to vendor, loaded when asked for: the only module that names the vendors.

Imports stand inside functions because a vendor's client costs up to three seconds to import, and a command that
does not touch that vendor must not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable

from vectormigrate.model.errors import UsageError

from .base import Endpoint, Store


def _memory(endpoint: Endpoint) -> Store:
    from .memory import open_store

    return open_store(endpoint)


def _sqlite(endpoint: Endpoint) -> Store:
    from .sqlite import open_store

    return open_store(endpoint)


def _pgvector(endpoint: Endpoint) -> Store:
    from .pgvector import open_store

    return open_store(endpoint)


def _milvus(endpoint: Endpoint) -> Store:
    from .milvus import open_store

    return open_store(endpoint)


_OPENERS: dict[str, Callable[[Endpoint], Store]] = {
    "memory": _memory,
    "milvus": _milvus,
    "pgvector": _pgvector,
    "sqlite": _sqlite,
}

KINDS = tuple(sorted(_OPENERS))


def open_store(endpoint: Endpoint) -> Store:
    """Open a store of a kind. Nothing is dialled yet: the first call does. Raises UsageError for an unknown kind."""
    opener = _OPENERS.get(endpoint.kind)
    if opener is None:
        raise UsageError(f"unknown store type {endpoint.kind!r}", hint=f"one of: {', '.join(KINDS)}")
    return opener(endpoint)
