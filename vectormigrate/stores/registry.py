"""Name to vendor, loaded when asked for: the only module that names the vendors.

Imports stand inside functions because a vendor's client costs up to three seconds to import, and a command that
does not touch that vendor must not pay for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import Unsupported, UsageError

from .base import Endpoint, Store
from .capture import Capture
from .facade import Facade, Reached
from .front import Front


def _memory(endpoint: Endpoint) -> Store:
    from .memory import open_store

    return open_store(_checked(endpoint, "timeout"))


def _sqlite(endpoint: Endpoint) -> Store:
    from .sqlite import OPTIONS, open_store

    return open_store(_checked(endpoint, *OPTIONS))


def _parquet(endpoint: Endpoint) -> Store:
    try:
        from .parquet import OPTIONS, open_store
    except ModuleNotFoundError:
        raise UsageError(
            "a store of type parquet needs pyarrow, which is not installed",
            hint="pip install 'vectormigrate-daemon[parquet]'",
        ) from None

    return open_store(_checked(endpoint, *OPTIONS))


def _pgvector(endpoint: Endpoint) -> Store:
    from .pgvector import OPTIONS, open_store

    return open_store(_checked(endpoint, *OPTIONS))


def _milvus(endpoint: Endpoint) -> Store:
    from .milvus import OPTIONS, open_store

    return open_store(_checked(endpoint, *OPTIONS))


def _pinecone(endpoint: Endpoint) -> Store:
    from .pinecone import OPTIONS, open_store

    return open_store(_checked(endpoint, *OPTIONS))


def _qdrant(endpoint: Endpoint) -> Store:
    from .qdrant import OPTIONS, open_store

    return open_store(_checked(endpoint, *OPTIONS))


def _weaviate(endpoint: Endpoint) -> Store:
    from .weaviate import OPTIONS, open_store

    return open_store(_checked(endpoint, *OPTIONS))


def _sqlite_capture(endpoint: Endpoint, collection: str) -> Capture:
    from .sqlite import OPTIONS, open_capture

    return open_capture(_checked(endpoint, *OPTIONS), collection)


def _pgvector_capture(endpoint: Endpoint, collection: str) -> Capture:
    from .pgvector import OPTIONS, open_capture

    return open_capture(_checked(endpoint, *OPTIONS), collection)


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
    "parquet": _parquet,
    "pgvector": _pgvector,
    "pinecone": _pinecone,
    "qdrant": _qdrant,
    "sqlite": _sqlite,
    "weaviate": _weaviate,
}

KINDS = tuple(sorted(_OPENERS))


def load(kind: str) -> None:
    """Import what a store of a kind needs, ahead of opening one. What is wrong with it is told of then."""
    if kind in _OPENERS:
        with suppress(ModuleNotFoundError):
            importlib.import_module(f".{kind}", __package__)


def open_store(endpoint: Endpoint) -> Store:
    """Open a store of a kind. Nothing is dialled yet: the first call does. Raises UsageError for an unknown kind or option."""
    opener = _OPENERS.get(endpoint.kind)
    if opener is None:
        raise UsageError(f"unknown store type {endpoint.kind!r}", hint=f"one of: {', '.join(KINDS)}")
    return opener(endpoint)


def _milvus_newest() -> Capabilities:
    from .milvus import newest

    return newest()


_VERSIONED: dict[str, Callable[[], Capabilities]] = {"milvus": _milvus_newest}
_ANYWHERE = {
    "memory": "",
    "parquet": "any",
    "pgvector": "postgresql://localhost/any",
    "pinecone": "",
    "sqlite": "any.db",
}
"""Addresses that nobody dials: an adapter does not open without one."""


async def capabilities(kind: str) -> Capabilities:
    """What a kind of store can do, the newest server where that matters; nothing is dialled. Raises UsageError."""
    if kind in _VERSIONED:
        return _VERSIONED[kind]()
    async with open_store(Endpoint(kind, _ANYWHERE.get(kind, "http://localhost:1"))) as store:
        return store.capabilities


_CAPTURES: dict[str, Callable[[Endpoint, str], Capture]] = {
    "pgvector": _pgvector_capture,
    "sqlite": _sqlite_capture,
}

CAPTURING = tuple(sorted(_CAPTURES))
"""The kinds that can tell by themselves which of their records change."""


def open_capture(endpoint: Endpoint, collection: str) -> Capture:
    """Open the capture of a collection. Nothing is dialled yet. Raises Unsupported for a kind that has none."""
    opener = _CAPTURES.get(endpoint.kind)
    if opener is None:
        raise Unsupported(
            f"{endpoint.kind} cannot tell by itself which records change",
            hint=f"let the application write through the daemon; {' and '.join(CAPTURING)} need no proxy",
            store=endpoint.kind,
            collection=collection,
        )
    return opener(endpoint, collection)


def _qdrant_facade(front: Front, clock: Clock, reached: Reached) -> Facade:
    from .qdrant.facade.port import QdrantFacade

    return QdrantFacade(front, clock)


def _pinecone_facade(front: Front, clock: Clock, reached: Reached) -> Facade:
    from .pinecone.facade import PineconeFacade

    return PineconeFacade(
        front,
        index=reached.collection,
        data_host=reached.url,
        clock=clock,
        shape=reached.shape,
        namespace=reached.namespace or None,
        control=reached.control,
    )


def _milvus_facade(front: Front, clock: Clock, reached: Reached) -> Facade:
    from .milvus.facade.port import MilvusFacade

    return MilvusFacade(front, clock)


def _weaviate_facade(front: Front, clock: Clock, reached: Reached) -> Facade:
    from .weaviate.facade.port import WeaviateFacade

    return WeaviateFacade(front, clock)


def _neutral_facade(front: Front, clock: Clock, reached: Reached) -> Facade:
    from .neutral import NeutralFacade

    return NeutralFacade(front, clock)


_FACADES: dict[str, Callable[[Front, Clock, Reached], Facade]] = {
    "milvus": _milvus_facade,
    "neutral": _neutral_facade,
    "pinecone": _pinecone_facade,
    "qdrant": _qdrant_facade,
    "weaviate": _weaviate_facade,
}

DIALECTS = tuple(sorted(_FACADES))
"""Whose APIs are served: the vendors', and our own."""


def build_facade(dialect: str, front: Front, clock: Clock, reached: Reached) -> Facade:
    """A vendor's API over a front. Raises UsageError for a vendor whose API is not served."""
    builder = _FACADES.get(dialect)
    if builder is None:
        raise UsageError(f"no API of {dialect!r} is served", hint=f"one of: {', '.join(DIALECTS)}")
    return builder(front, clock, reached)


def _as_qdrant(store: Store) -> Store:
    from .qdrant.facade.emulated import emulated

    return emulated(store)


def _as_milvus(store: Store) -> Store:
    from .milvus.facade.emulated import Emulated

    return Emulated(store)


def _as_weaviate(store: Store) -> Store:
    from .weaviate.facade.emulated import emulated

    return emulated(store)


_DISGUISES: dict[str, Callable[[Store], Store]] = {
    "milvus": _as_milvus,
    "qdrant": _as_qdrant,
    "weaviate": _as_weaviate,
}


def disguised(dialect: str, store: Store) -> Store:
    """A store as one of that vendor's, with nothing migrated: in the ids, names and values that its API speaks of."""
    disguise = _DISGUISES.get(dialect)
    return store if disguise is None else disguise(store)
