"""Collections: what there is, made, described and dropped, in any store.

Settings that only tune Qdrant (optimisers, graphs, payload indexes) are taken and change nothing: no answer depends on
them. Aliases are told where the shape carries them and cannot be made: no store has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vectormigrate.model.collection import CollectionShape, VectorKind
from vectormigrate.model.errors import StoreBroken
from vectormigrate.stores.base import Store
from vectormigrate.stores.qdrant.filters import DIALECT
from vectormigrate.stores.qdrant.wire.shape import read_shape, write_info

from .problems import bad_body, not_served
from .searching import by_frequency

_PARAMS = (
    "vectors",
    "sparse_vectors",
    "shard_number",
    "sharding_method",
    "replication_factor",
    "write_consistency_factor",
    "on_disk_payload",
    "payload",
)
_CONFIGS = {
    "hnsw_config": "hnsw_config",
    "optimizers_config": "optimizer_config",
    "wal_config": "wal_config",
    "quantization_config": "quantization_config",
    "strict_mode_config": "strict_mode_config",
    "metadata": "metadata",
}
MAX_DIM = 65_536
_TUNING = frozenset(
    {"optimizers_config", "hnsw_config", "quantization_config", "params", "vectors", "sparse_vectors"}
)


async def describe(store: Store, collection: str) -> dict[str, Any]:
    """All that there is to say of a collection, as a Qdrant server says it."""
    shape = await store.describe(collection)
    return write_info(shape, await store.count(collection))


async def exists(store: Store, collection: str) -> bool:
    """Whether there is such a collection."""
    return collection in await store.collections()


async def create(store: Store, collection: str, given: Mapping[str, Any]) -> None:
    """Make a collection out of the body of `PUT /collections/{name}`."""
    unknown = given.keys() - {*_PARAMS, *_CONFIGS, "init_from"}
    if unknown or given.get("init_from") is not None:
        raise not_served(f"a collection cannot be made with {', '.join(sorted(unknown)) or 'init_from'}")
    shape = _shape(collection, given)
    await store.create(shape)
    if any(by_frequency(shape, vector.name) for vector in shape.vectors):
        await _check_kept(store, shape)


async def _check_kept(store: Store, shape: CollectionShape) -> None:
    """Take a collection back whose searches would be scored otherwise, because the store does not note how."""
    made = await store.describe(shape.name)
    if any(by_frequency(shape, one.name) is not by_frequency(made, one.name) for one in shape.vectors):
        await store.drop(shape.name)
        raise not_served(f"{store.capabilities.kind} does not keep that a vector is weighted by frequency")


def _shape(collection: str, given: Mapping[str, Any]) -> CollectionShape:
    params = {name: given[name] for name in _PARAMS if given.get(name) is not None}
    config = {told: given[name] for name, told in _CONFIGS.items() if given.get(name) is not None}
    try:
        shape = read_shape(collection, {"config": {"params": params, **config}})
    except StoreBroken as error:
        raise bad_body(ValueError(error.message)) from None
    for vector in shape.vectors:
        if vector.kind is not VectorKind.SPARSE and not (
            type(vector.dim) is int and 0 < vector.dim <= MAX_DIM
        ):
            raise bad_body(ValueError(f"the size of vector {vector.name!r} must be from 1 to {MAX_DIM}"))
    return shape


async def update(store: Store, collection: str, given: Mapping[str, Any]) -> None:
    """Take new settings. Raises Problem for one that answers would depend on."""
    await store.describe(collection)
    telling = sorted(given.keys() - _TUNING)
    if telling:
        raise not_served(f"{', '.join(telling)} cannot be changed here")


async def index(store: Store, collection: str, given: object) -> None:
    """Take an index of a kind, which is its name or parameters with a `type`: no answer depends on it, but for one of
    full text, which is refused.
    """
    await store.describe(collection)
    kind = given.get("type") if isinstance(given, Mapping) else given
    if kind == "text":
        raise not_served("a full-text index cannot be made here: only Qdrant knows how it takes a text apart")


async def drop(store: Store, collection: str) -> bool:
    """Remove a collection; False when it was not there."""
    there = await exists(store, collection)
    await store.drop(collection)
    return there


async def aliases(store: Store, collection: str | None) -> dict[str, str]:
    """Other names, and the collections that they stand for, of one collection or of all."""
    names = await store.collections() if collection is None else [collection]
    found: dict[str, str] = {}
    for name in names:
        shape = await store.describe(name)
        found |= dict.fromkeys(shape.native.get(DIALECT, {}).get("aliases", ()), name)
    return found


def read_settings(body: bytes) -> dict[str, Any]:
    """The settings in a body. Raises Problem."""
    try:
        settings: dict[str, Any] = msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise bad_body(ValueError(str(error))) from None
    return settings
