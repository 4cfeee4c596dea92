"""Classes as a whole: looked at and remembered, made, waited for, dropped; and their aliases.

A collection is named `Class`, or `Class/tenant` for what one tenant of it holds. A class with tenants as a whole has
the tenant as part of its key. The surprise: a class does not say how wide its vectors are, so its objects are asked.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from vectormigrate.model.batch import Column
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, Element, FieldType, IdKind, KeyOrder
from vectormigrate.model.errors import (
    CollectionExists,
    CollectionMissing,
    PermissionDenied,
    StoreBroken,
    StoreDown,
    StoreError,
    Unsupported,
)
from vectormigrate.stores.admission import Admission
from vectormigrate.stores.place import Place, missing
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire import shape as wire
from vectormigrate.stores.weaviate.wire.answers import read_results, wanted_metadata
from vectormigrate.stores.weaviate.wire.layout import OURS, Layout
from vectormigrate.stores.weaviate.wire.vectors import MAX_DIM

from .link import Link
from .tenants import Tenants

_SUFFIXES = "searchable|rangeable|temp|_meta_count|propertyLength|nullState"
"""What a name may not end in, behind an underscore: folders of indexes are named so."""
CAPABILITIES = Capabilities(
    kind="weaviate",
    id_kinds=frozenset({IdKind.UUID}),
    key_order=frozenset({KeyOrder.UUID}),
    elements=frozenset({Element.FLOAT32}),
    metrics=frozenset(wire.WORDS),
    field_types=frozenset(
        {
            *(FieldType.BOOL, FieldType.INT, FieldType.FLOAT, FieldType.TEXT, FieldType.DATETIME),
            *(FieldType.UUID, FieldType.BYTES, FieldType.JSON, FieldType.ARRAY),
        }
    ),
    dynamic=True,
    quantises=frozenset(f"weaviate:{way}" for way in wire.QUANTISERS),
    aliases=True,
    multi=True,
    nullable_vectors=True,
    scan_page=1000,
    write_batch=1000,
    write_bytes=30 * 2**20,
    max_dim=MAX_DIM,
    vector_pattern=r"([_A-Za-z][_0-9A-Za-z]{0,229})?",
    name_pattern=rf"(?!.*_({_SUFFIXES})$)[_a-z][_0-9A-Za-z]{{0,229}}",
    collection_pattern=r"[A-Z][_0-9A-Za-z]{0,254}(/[A-Za-z0-9_-]{1,64})?",
    reserved_names=frozenset({"id", "_id", "_additional", *OURS}),
)
_SAMPLE = 20
"""Objects that are looked at for the width of their vectors."""
_POLL = 0.1


@dataclass(slots=True)
class Opened:
    """What is known of a collection; told anew by `describe`."""

    shape: CollectionShape
    layout: Layout
    admission: Admission
    tenant: str = ""
    """The one tenant that this is; "" for a class, with tenants or without."""


def split_name(collection: str) -> tuple[str, str]:
    """A collection's class and tenant; "" for no tenant."""
    name, _, tenant = collection.partition("/")
    return name, tenant


class Catalog:
    """The classes of one Weaviate, over one link. Blocking; safe to share between threads."""

    def __init__(self, link: Link, tenants: Tenants) -> None:
        self.link = link
        self.tenants = tenants
        self._opened: dict[str, Opened] = {}
        self._unwelcome: set[tuple[str, str]] = set()
        """Classes and keys for which no property could be added."""
        self._lock = threading.Lock()

    def collections(self) -> list[str]:
        return sorted(one["class"] for one in self.link.rest("GET", "/schema").get("classes") or ())

    def aliases(self) -> dict[str, str]:
        """Every alias that may be seen, to the class that it stands for; servers before 1.32 have none."""
        try:
            told = self.link.rest("GET", "/aliases")
        except (CollectionMissing, PermissionDenied, Unsupported):
            return {}
        return {str(one["alias"]): str(one["class"]) for one in told.get("aliases") or ()}

    def partitions(self, collection: str) -> dict[str, str]:
        """The tenants of a class, asleep or not, each to the collection that it is."""
        name, tenant = split_name(self.resolve(collection))
        if tenant or not wire.read_layout(self._class(name, collection)).multi_tenant:
            return {}
        return {one: f"{collection}/{one}" for one in self.tenants.names(name, collection)}

    def resolve(self, collection: str) -> str:
        """The collection that a name stands for: itself, or that of the class which its alias points to."""
        name, tenant = split_name(collection)
        whole = self.aliases().get(name, name)
        return f"{whole}/{tenant}" if tenant else whole

    def describe(self, collection: str) -> Opened:
        """Ask for everything about a collection, by its name or an alias, and remember it."""
        self.forget(collection)
        name, tenant = split_name(self.resolve(collection))
        described = self._class(name, collection)
        shape, layout = replace(wire.read_shape(described), name=collection), wire.read_layout(described)
        if tenant:
            if not layout.multi_tenant or tenant not in self.tenants.states(name, collection):
                raise missing(self.link.place(collection))
            shape = wire.of_one_tenant(shape, collection)
            layout = replace(layout, key=shape.id, multi_tenant=False)
        if any(vector.dim is None for vector in shape.vectors):
            shape = wire.with_dims(shape, self._widths(layout, tenant, collection))
            layout = replace(layout, vectors=shape.vectors)
        opened = Opened(shape, layout, Admission(shape, CAPABILITIES), tenant)
        with self._lock:
            self._opened[collection] = opened
        return opened

    def _class(self, name: str, collection: str) -> Mapping[str, Any]:
        described: Mapping[str, Any] = self.link.rest("GET", _path(name), collection=collection)
        return described

    def _widths(self, layout: Layout, tenant: str, collection: str) -> dict[str, int]:
        """How wide the vectors are that the first objects of a class hold, by name."""
        places = [tenant]
        if layout.multi_tenant:
            places = self.tenants.awake(layout.name, collection)
        widths: dict[str, int] = {}
        for place in places:
            request = pb.SearchRequest(
                collection=layout.name,
                tenant=place,
                limit=_SAMPLE,
                metadata=wanted_metadata(layout),
                uses_127_api=True,
            )
            answer = self.tenants.call("Search", request, collection=collection)
            try:
                found = read_results(answer.results, replace(layout, properties={}, meta=False), tenant=place)
            except ValueError as error:
                raise self.link.place(collection).error(
                    StoreBroken, f"weaviate sent a vector that cannot be read: {error}"
                ) from None
            widths |= {name: width for name, column in found.vectors.items() if (width := _width(column))}
            if len(widths) == len(layout.vectors):
                break
        return widths

    def opened(self, collection: str) -> Opened:
        return self._opened.get(collection) or self.describe(collection)

    def declare(self, opened: Opened, kinds: Mapping[str, str]) -> Opened:
        """Add properties for keys that nobody declared, by name and type, as far as the server lets us: what has no
        property is kept all the same. One that somebody else has added meanwhile stays as it is.
        """
        wanted = {
            key: kind for key, kind in kinds.items() if (opened.layout.name, key) not in self._unwelcome
        }
        for key, kind in wanted.items():
            body = wire.undeclared_property(key, kind)
            try:
                self.link.rest(
                    "POST", _path(opened.layout.name, "properties"), body, collection=opened.shape.name
                )
            except StoreError as error:
                if error.retryable or isinstance(error, CollectionMissing):
                    raise
                self._unwelcome.add((opened.layout.name, key))
        return self.describe(opened.shape.name) if wanted else opened

    def check_there(self, opened: Opened) -> None:
        """Raise CollectionMissing when the class is there no more: to write to it would make another of that name."""
        try:
            self._class(opened.layout.name, opened.shape.name)
        except CollectionMissing:
            self.forget(opened.shape.name)
            raise

    def forget(self, collection: str) -> None:
        """Ask anew about a collection that turned out to be gone or changed."""
        with self._lock:
            self._opened.pop(collection, None)

    def check_create(self, wanted: CollectionShape) -> None:
        """Raise what `create` would raise for this shape."""
        place = self.link.place(wanted.name)
        if not re.fullmatch(CAPABILITIES.collection_pattern, wanted.name):
            raise place.error(
                Unsupported,
                f"weaviate cannot name a class {wanted.name!r}",
                "a capital letter, then at most 254 letters, digits and underscores",
            )
        name, tenant = split_name(wanted.name)
        self._check_references(wire.write_class(replace(wanted, name=name)), place)
        if tenant and self._takes_tenants(name) is False:
            raise place.error(
                Unsupported, f"class {name!r} has no tenants", "make it with multi-tenancy enabled"
            )

    def _check_references(self, described: Mapping[str, Any], place: Place) -> None:
        """Raise Unsupported for a reference to a class that is not there."""
        refers = {
            target: held.name
            for held in wire.read_layout(described).properties.values()
            for target in held.targets
            if target != described["class"]
        }
        for target in sorted(refers.keys() - set(self.collections())) if refers else ():
            raise place.error(
                Unsupported,
                f"property {refers[target]!r} refers to class {target!r}, which is not there",
                f"make that class first, or leave the property behind: --drop {refers[target]}",
            )

    def _takes_tenants(self, name: str) -> bool | None:
        """Whether a class has tenants; None when there is no class."""
        try:
            return bool((self._class(name, name).get("multiTenancyConfig") or {}).get("enabled"))
        except CollectionMissing:
            return None

    def create(self, wanted: CollectionShape) -> CollectionShape:
        self.check_create(wanted)
        name, tenant = split_name(wanted.name)
        if tenant and self._takes_tenants(name) is None:
            body = wire.write_class_of_tenants(replace(wanted, name=name))
            self.link.rest("POST", "/schema", body, collection=name)
        if not tenant:
            self.link.rest("POST", "/schema", wire.write_class(wanted), collection=name)
        elif tenant in self.tenants.states(name, wanted.name):
            raise self.link.place(wanted.name).error(
                CollectionExists, f"class {name!r} has a tenant {tenant!r}"
            )
        else:
            self.link.rest("POST", _path(name, "tenants"), [{"name": tenant}], collection=wanted.name)
        return self.describe(wanted.name).shape

    def finish_load(self, collection: str) -> None:
        """Wait until every vector is in its index: with asynchronous indexing searches trail what is stored."""
        name, _ = split_name(self.resolve(collection))
        deadline = time.monotonic() + self.link.slow_timeout
        while self._queued(name, collection):
            if time.monotonic() > deadline:
                raise self.link.place(collection).error(
                    StoreDown, f"gave up waiting until {collection!r} is indexed"
                )
            time.sleep(_POLL)

    def _queued(self, name: str, collection: str) -> int:
        """Vectors that wait to be indexed, on all nodes; none known of where nodes may not be looked at."""
        try:
            told = self.link.rest(
                "GET", f"/nodes/{quote(name, safe='')}?output=verbose", collection=collection
            )
        except StoreError as error:
            if error.retryable or isinstance(error, CollectionMissing):
                raise
            return 0
        shards = (shard for node in told.get("nodes") or () for shard in node.get("shards") or ())
        return sum(int(shard.get("vectorQueueLength") or 0) for shard in shards)

    def add_alias(self, alias: str, name: str) -> None:
        self.link.rest("POST", "/aliases", {"alias": alias, "class": name}, collection=name)

    def drop(self, collection: str) -> None:
        self.forget(collection)
        name, tenant = split_name(collection)
        if not tenant:
            for alias, held in self.aliases().items():
                if held == name:
                    self.link.rest("DELETE", f"/aliases/{quote(alias, safe='')}", collection=name)
            self.link.rest("DELETE", _path(name), collection=name)
        elif name in self.collections() and tenant in self.tenants.states(name, collection):
            self.link.rest("DELETE", _path(name, "tenants"), [tenant], collection=collection)
            if wire.is_made_for_tenants(self._class(name, name)) and not self.tenants.names(name, name):
                self.drop(name)


def _path(name: str, *rest: str) -> str:
    return "/".join(["/schema", quote(name, safe=""), *rest])


def _width(column: Column) -> int:
    return int(column.values.shape[1]) if column.values.ndim == 2 else 0
