"""Indexes as a whole: looked at and remembered, made, awaited, deleted; and which namespaces a collection covers.

A collection is named `index`, `index/namespace` or `index/*`. The first covers what the index turns out to hold: its
one namespace with plain ids, or all of several with the namespace as part of the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, IdKind, Metric
from vectormigrate.model.errors import (
    CollectionExists,
    CollectionMissing,
    ConfigInvalid,
    StoreDown,
    StoreError,
    Unreachable,
    Unsupported,
)
from vectormigrate.stores.admission import Admission
from vectormigrate.stores.pinecone.errors import NamespaceMissing, Place, unreadable
from vectormigrate.stores.pinecone.wire.records import canonical_namespace, sent_namespace
from vectormigrate.stores.pinecone.wire.shape import (
    DEFAULT_NAMESPACE,
    METRICS,
    TAG_KEYS,
    Index,
    Keys,
    Layout,
    create_request,
    index_of,
    layout_of,
    place_of,
    read_index,
    shape_of,
)

from .freshness import Freshness
from .link import Answer, Link, base_url, seconds

_POLL = 0.2
_SPARSE = {"yes": True, "no": False, "": None, "auto": None}


@dataclass(slots=True)
class Opened:
    """What is known of a collection; told anew by `describe`."""

    place: Place
    base: str
    """The address of the index's data plane."""
    index: Index
    shape: CollectionShape
    layout: Layout
    admission: Admission
    freshness: Freshness

    @property
    def lists(self) -> bool:
        """Whether ids can be listed: pods cannot."""
        return self.index.pod is None


@dataclass(frozen=True, slots=True)
class Scope:
    """A collection name, read."""

    index: str
    namespace: str | None
    """Canonical; None when the name does not say."""
    all: bool = False

    @property
    def keys(self) -> Keys | None:
        if self.all:
            return Keys.NAMESPACED
        return Keys.ID if self.namespace is not None else None


def read_name(collection: str) -> Scope:
    """Split a collection name at its first slash."""
    index, slash, namespace = collection.partition("/")
    if namespace == "*":
        return Scope(index, None, all=True)
    return Scope(index, canonical_namespace(namespace) if slash else None)


class Catalog:
    """The indexes of one project."""

    def __init__(
        self, link: Link, options: Mapping[str, str], capabilities: Callable[[], Capabilities]
    ) -> None:
        self._link = link
        self._capabilities = capabilities
        self._host = options.get("host", "")
        self._control = not self._host
        self._place = {key: options[key] for key in ("cloud", "region") if options.get(key)}
        if options.get("sparse", "") not in _SPARSE:
            raise ConfigInvalid("the pinecone option 'sparse' is yes, no or auto")
        self._sparse = _SPARSE[options.get("sparse", "")]
        self._ready_after = seconds(options, "slow_timeout", 600.0)
        self._opened: dict[str, Opened] = {}
        self._freshness: dict[str, Freshness] = {}

    async def call(self, opened: Opened, method: str, path: str, **how: Any) -> Answer:
        """A call to an index; one that turns out to be gone is told as missing, and forgotten."""
        try:
            return await self._link.call(method, opened.base, path, place=opened.place, **how)
        except (CollectionMissing, Unreachable):
            name = opened.place.collection
            self._opened.pop(name, None)
            if self._control:
                await self._index(
                    read_name(name).index, opened.place
                )  # raises CollectionMissing when it is gone
            raise

    async def names(self) -> list[str]:
        if not self._control:
            return []
        answer = await self._link.call("GET", self._link.control, "/indexes", place=self._link.place())
        return sorted(one["name"] for one in answer.body.get("indexes") or [])

    async def opened(self, collection: str) -> Opened:
        return self._opened.get(collection) or await self.describe(collection)

    async def describe(self, collection: str) -> Opened:
        """Ask for everything about a collection and remember it."""
        scope, place = read_name(collection), self._link.place(collection)
        index = await self._index(scope.index, place)
        if index.foreign:
            raise place.error(
                Unsupported,
                f"index {scope.index!r} has vector fields that only the documents API reaches: {index.foreign[0]!r}",
            )
        base = self._base(index)
        namespaces = [scope.namespace] if scope.namespace else await self._namespaces(index, base, place)
        shape = shape_of(index, namespaces, keys=scope.keys, sparse=self._sparse)
        shape = replace(shape, name=collection)
        one = scope.namespace or (namespaces[0] if len(namespaces) == 1 else DEFAULT_NAMESPACE)
        if scope.namespace is None and index.tags.get(TAG_KEYS) == Keys.ID:
            one = DEFAULT_NAMESPACE
        opened = Opened(
            Place(urlsplit(base).netloc, collection),
            base,
            index,
            shape,
            layout_of(shape, one),
            Admission(shape, self._capabilities()),
            self._freshness.setdefault(scope.index, Freshness()),
        )
        self._opened[collection] = opened
        return opened

    async def _index(self, name: str, place: Place) -> Index:
        if not self._control:
            return await self._index_by_its_host(name, place)
        answer = await self._link.call(
            "GET", self._link.control, f"/indexes/{quote(name, safe='')}", place=place
        )
        try:
            return read_index(answer.body)
        except (KeyError, TypeError, AttributeError) as error:
            raise unreadable(place, f"the description of the index: {error!r}") from None

    async def _index_by_its_host(self, name: str, place: Place) -> Index:
        base = base_url(self._host.replace("{index}", name))
        answer = await self._link.call("POST", base, "/describe_index_stats", place=place, body={})
        stats = answer.body
        sparse = stats.get("vectorType") == "sparse"
        metric = Metric.DOT if sparse else METRICS.get(stats.get("metric") or "", Metric.COSINE)
        dimension = None if sparse else stats.get("dimension")
        return Index(
            name, dimension, metric, base, sparse=True if sparse else None if metric is Metric.DOT else False
        )

    def _base(self, index: Index) -> str:
        return base_url(self._host.replace("{index}", index.name) if self._host else index.host)

    async def namespaces(self, opened: Opened) -> list[str]:
        """The namespaces of a collection as they are now, canonical, in bytewise order."""
        if opened.layout.keys is Keys.ID:
            return [opened.layout.namespace]
        found = await self._namespaces(opened.index, opened.base, opened.place)
        return sorted({*found, *opened.shape.partitions, *_default_of(opened)})

    async def partitions(self, collection: str) -> dict[str, str]:
        """The namespaces of an index, each to the collection that it is; none of what is one namespace."""
        scope = read_name(collection)
        if scope.namespace is not None:
            return {}
        opened = await self.describe(collection)
        names = await self._namespaces(opened.index, opened.base, opened.place)
        return {name: f"{scope.index}/{name}" for name in names}

    async def _namespaces(self, index: Index, base: str, place: Place) -> list[str]:
        if index.pod is None:
            try:
                return await self._listed_namespaces(base, place)
            except (StoreError, KeyError, TypeError) as error:
                if isinstance(error, StoreError) and error.retryable:
                    raise
        answer = await self._link.call("POST", base, "/describe_index_stats", place=place, body={})
        return sorted(canonical_namespace(name) for name in answer.body.get("namespaces") or {})

    async def _listed_namespaces(self, base: str, place: Place) -> list[str]:
        names: list[str] = []
        query: list[tuple[str, str]] = [("limit", "100")]
        while True:
            answer = await self._link.call("GET", base, "/namespaces", place=place, query=query)
            names += [canonical_namespace(one["name"]) for one in answer.body["namespaces"] or []]
            token = (answer.body.get("pagination") or {}).get("next")
            if not token:
                return sorted(names)
            query = [("limit", "100"), ("paginationToken", token)]

    # Making and unmaking.

    def check_create(self, shape: CollectionShape) -> Index:
        """The index that a shape asks for. Raises Unsupported when there is none such."""
        place = self._link.place(shape.name)
        scope = read_name(shape.name)
        if not self._control:
            raise place.error(Unsupported, "an index is made at the control plane, and only a host was given")
        if scope.all and shape.id.kind is not IdKind.COMPOUND:
            raise place.error(Unsupported, "index/* stands for keys of namespace and id")
        native = shape.native.get("pinecone") or {}
        try:
            where = place_of(native, self._place)
            wanted = index_of(replace(shape, name=scope.index), **where)
        except ValueError as error:
            raise place.error(Unsupported, f"pinecone cannot make {shape.name!r}: {error}") from None
        tags = {**(native.get("tags") or {}), **wanted.tags}
        if scope.namespace is not None:
            del tags[TAG_KEYS]  # what the other namespaces will mean is not known
        return replace(wanted, tags=tags)

    async def create(self, shape: CollectionShape) -> CollectionShape:
        wanted, place = self.check_create(shape), self._link.place(shape.name)
        body = create_request(wanted, self._link.version)
        try:
            await self._link.call("POST", self._link.control, "/indexes", place=place, body=body)
        except CollectionExists as error:
            raise place.error(
                CollectionExists, f"pinecone has an index {wanted.name!r} already", error.hint
            ) from None
        self._freshness.pop(wanted.name, None)

        async def ready() -> bool:
            return (await self._index(wanted.name, place)).ready

        await self._wait(ready, place, "it is ready")
        index = await self._index(wanted.name, place)
        for partition in shape.partitions:
            if partition != DEFAULT_NAMESPACE:
                await self._link.call(
                    "POST", self._base(index), "/namespaces", place=place, body={"name": partition}
                )
        return (await self.describe(shape.name)).shape

    async def drop(self, collection: str) -> None:
        """Delete the index, or empty the one namespace that a collection is; wait until it is gone."""
        scope, place = read_name(collection), self._link.place(collection)
        try:
            if scope.namespace is not None or not self._control:
                await self._clear(await self.describe(collection))
                return
            await self._link.call(
                "DELETE", self._link.control, f"/indexes/{quote(scope.index, safe='')}", place=place
            )
            await self._wait(self._is_gone(scope.index, place), place, "it is gone")
        except CollectionMissing:
            pass
        finally:
            self._freshness.pop(scope.index, None)
            for name in [name for name in self._opened if read_name(name).index == scope.index]:
                del self._opened[name]

    async def _clear(self, opened: Opened) -> None:
        for namespace in await self.namespaces(opened):
            body = {"deleteAll": True, "namespace": sent_namespace(namespace)}
            try:
                await self.call(opened, "POST", "/vectors/delete", body=body, writing=True)
            except NamespaceMissing:
                continue

    def _is_gone(self, name: str, place: Place) -> Callable[[], Coroutine[Any, Any, bool]]:
        async def gone() -> bool:
            try:
                await self._index(name, place)
            except CollectionMissing:
                return True
            return False

        return gone

    async def _wait(self, done: Callable[[], Coroutine[Any, Any, bool]], place: Place, what: str) -> None:
        try:
            async with asyncio.timeout(self._ready_after):
                while True:
                    if await done():
                        return
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise place.error(StoreDown, f"gave up waiting for {place.collection!r} until {what}") from None


def _default_of(opened: Opened) -> set[str]:
    return {DEFAULT_NAMESPACE} if opened.layout.keys is Keys.PARTITIONED else set()
