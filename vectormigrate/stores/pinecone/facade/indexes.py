"""The control plane of a store's indexes, in the generation of shapes that the request's version asks for.

A shape has no place for a region, a capacity, tags or protection from deletion: what cannot be kept is refused, but
for where an index runs, which changes nothing that a client could notice and is always told to be the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, VectorKind
from vectormigrate.model.errors import CollectionExists, CollectionMissing, Unsupported
from vectormigrate.stores.base import Store
from vectormigrate.stores.pinecone.wire.records import Malformed
from vectormigrate.stores.pinecone.wire.shape import (
    MAX_DIM,
    Index,
    index_of,
    read_index,
    shape_of,
    write_index,
)

from .names import Names
from .rooms import Shelf, create

Json = dict[str, Any]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?")
OLDEST = "2024-07"
"""What a request without a version is answered as."""


class Indexes:
    """The indexes of a store."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def list(self, store: Store, version: str) -> Json:
        """All indexes that Pinecone could describe."""
        names = dict.fromkeys(name.partition("/")[0] for name in await store.collections())
        found = []
        for name in names:
            try:
                found.append(self.described(await self._shape(store, name), version))
            except (CollectionMissing, ValueError):  # gone again, or no index that there could be
                continue
        return {"indexes": found}

    async def describe(self, store: Store, name: str, version: str) -> Json:
        """One index. Raises CollectionMissing, Unsupported."""
        shape = await self._shape(store, name)
        try:
            return self.described(shape, version)
        except ValueError as error:
            raise Unsupported(f"{name!r} cannot be described as an index: {error}") from None

    async def create(self, store: Store, body: Json, version: str) -> Json:
        """Make an index. Raises Malformed, CollectionExists, Unsupported."""
        shape = _as_can_be_made(_asked_for(body), store.capabilities)
        try:
            self.described(shape, version)
        except ValueError as error:
            raise Malformed(f"there is no such index: {error}") from None
        if await Shelf(store, shape.name, self._names).collections():
            raise CollectionExists("Resource already exists", collection=shape.name)
        return self.described(await create(store, shape), version)

    async def configure(self, store: Store, name: str, body: Json, version: str) -> Json:
        """Nothing of an index can be changed here; what it is already may be asked for."""
        described = await self.describe(store, name, version)
        _refuse_what_cannot_be_kept(body)
        for key in ("schema", "spec", "deployment", "read_capacity", "embed"):
            if body.get(key):
                raise Unsupported(f"the {key} of an index cannot be changed here")
        return described

    async def delete(self, store: Store, name: str) -> None:
        """Remove an index with all its namespaces. Raises CollectionMissing."""
        shelf = Shelf(store, name, self._names)
        await shelf.shape()
        for collection in await shelf.collections():
            await store.drop(collection)

    def described(self, shape: CollectionShape, version: str) -> Json:
        """An index of this shape. Raises ValueError for one that there could not be."""
        name = shape.name.partition("/")[0]
        index = index_of(replace(shape, name=name), host=self._names.address_of(name))
        return write_index(replace(index, tags={}), version or OLDEST)

    async def _shape(self, store: Store, name: str) -> CollectionShape:
        return await Shelf(store, name, self._names).shape()


def _asked_for(body: Json) -> CollectionShape:
    name = body.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Malformed(
            "Name must consist of lower case alphanumeric characters or '-', start and end with an alphanumeric "
            "character, and have at most 45 characters"
        )
    _refuse_what_cannot_be_kept(body)
    for key in ("source_collection", "source_backup_id"):
        if body.get(key):
            raise Unsupported("an index cannot be made of a copy here")
    try:
        index = read_index({**body, **_old_shape(body)})
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"the index cannot be made of this request: {error} is missing or unknown") from None
    _check(index)
    return _shape_of(index)


def _old_shape(body: Json) -> Json:
    """`deployment` decides which generation a description is of, and need not be in a request."""
    return {"deployment": body.get("deployment") or {}} if "schema" in body else {}


def _check(index: Index) -> None:
    if index.foreign:
        raise Unsupported(f"only the vectors API is served here: no fields {', '.join(index.foreign)}")
    if index.dimension is None:
        if not index.sparse:
            raise Malformed("dimension must be given for a dense index")
    elif type(index.dimension) is not int or not 1 <= index.dimension <= MAX_DIM:
        raise Malformed(f"dimension must be a number from 1 to {MAX_DIM}")


def _shape_of(index: Index) -> CollectionShape:
    """A collection that has every field that records of such an index may have."""
    shape = shape_of(replace(index, tags={}), [])
    return replace(shape, dynamic=True)


def _as_can_be_made(shape: CollectionShape, capabilities: Capabilities) -> CollectionShape:
    """Without sparse values beside dense ones where the store cannot have them: they are optional, and refused then."""
    sparse_beside = capabilities.sparse and capabilities.nullable_vectors
    kept = [vector for vector in shape.vectors if vector.kind is VectorKind.DENSE or sparse_beside]
    return replace(shape, vectors=tuple(kept)) if kept else shape


def _refuse_what_cannot_be_kept(body: Mapping[str, Any]) -> None:
    if body.get("deletion_protection") not in (None, "disabled"):
        raise Unsupported("an index cannot be protected from deletion here")
    if body.get("tags"):
        raise Unsupported("an index cannot have tags here")
