"""Collections as a whole: looked at and remembered, made, indexed, waited for, dropped; and their aliases."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    FieldType,
    IdKind,
    KeyOrder,
    Metric,
)
from vectormigrate.model.errors import StoreDown, Unsupported
from vectormigrate.stores.admission import Admission
from vectormigrate.stores.qdrant.wire import shape as wire

from .link import Link, path_of

CAPABILITIES = Capabilities(
    kind="qdrant",
    id_kinds=frozenset({IdKind.MIXED}),
    key_order=frozenset({KeyOrder.OTHER}),
    elements=frozenset({Element.FLOAT32, Element.FLOAT16, Element.UINT8}),
    metrics=frozenset({Metric.COSINE, Metric.DOT, Metric.EUCLID, Metric.MANHATTAN}),
    field_types=frozenset(
        {FieldType.BOOL, FieldType.INT, FieldType.FLOAT, FieldType.TEXT, FieldType.JSON, FieldType.ARRAY}
    ),
    dynamic=True,
    quantises=frozenset(f"qdrant:{way}" for way in ("scalar", "product", "binary", "turbo")),
    aliases=True,
    sparse=True,
    max_sparse_index=2**32 - 1,
    multi=True,
    nullable_vectors=True,
    # Since 1.17 a write can leave alone what is there, but its answer does not say which records it added.
    insert_only=False,
    normalises_cosine=True,
    # Payloads are stored as JSON text, which the server's parser reads back fast instead of exactly.
    inexact_doubles=True,
    scan_page=1000,
    write_batch=2000,
    write_bytes=30 * 2**20,
    max_dim=65_536,
    name_pattern=r"(?s).*",
    collection_pattern=r'[^<>:"/\\|?*\x00\x1f]{1,255}',
)
_METADATA_SINCE = (1, 16)
_UNLIMITED = 2**31
_POLL = 0.1


@dataclass(slots=True)
class Opened:
    """What is known of a collection; told anew by `describe`."""

    shape: CollectionShape
    admission: Admission
    page_limit: int = _UNLIMITED
    """Most records that one read may ask for: strict mode's word."""
    batch_limit: int = _UNLIMITED
    """Most records of one write."""


class Catalog:
    """The collections of one Qdrant, over one link. Blocking; safe to share between threads."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._opened: dict[str, Opened] = {}
        self._lock = threading.Lock()

    def collections(self) -> list[str]:
        answer = self.link.result("GET", "/collections")
        return sorted(one["name"] for one in answer["collections"])

    def resolve(self, name: str) -> str:
        """The collection that a name stands for: itself, or what the alias of that name points to."""
        return self.aliases().get(name, name)

    def aliases(self) -> dict[str, str]:
        """Every alias, to the collection that it points to."""
        told = self.link.result("GET", "/aliases")["aliases"]
        return {str(one["alias_name"]): str(one["collection_name"]) for one in told}

    def describe(self, name: str) -> Opened:
        """Ask for everything about a collection, by its name or an alias, and remember it."""
        self.forget(name)
        shape = wire.read_shape(name, self._info(name))
        limits = wire.strict_limits(shape)
        opened = Opened(
            shape,
            Admission(shape, CAPABILITIES),
            limits.get("max_query_limit") or _UNLIMITED,
            limits.get("upsert_max_batchsize") or _UNLIMITED,
        )
        with self._lock:
            self._opened[name] = opened
        return opened

    def _info(self, name: str) -> dict[str, object]:
        info: dict[str, object] = self.link.result("GET", path_of(name), collection=name)
        return info

    def opened(self, name: str) -> Opened:
        return self._opened.get(name) or self.describe(name)

    def forget(self, name: str) -> None:
        """Ask anew about a collection that turned out to be gone or changed."""
        with self._lock:
            self._opened.pop(name, None)

    def check_create(self, wanted: CollectionShape) -> None:
        """Raise what `create` would raise for this shape."""
        place = self.link.place(wanted.name)
        if not re.fullmatch(CAPABILITIES.collection_pattern, wanted.name):
            raise place.error(
                Unsupported,
                f"qdrant cannot name a collection {wanted.name!r}",
                'at most 255 characters, and none of < > : " / \\ | ? *',
            )
        wire.write_create(wire.settle(wanted))
        if wire.needs_metadata(wanted) and self.link.version < _METADATA_SINCE:
            raise place.error(
                Unsupported,
                f"declared fields need qdrant 1.16 or later, and this is {self.link.version_text()}",
                "update the server, or make the collection yourself",
            )

    def create(self, wanted: CollectionShape) -> CollectionShape:
        self.check_create(wanted)
        shape = wire.settle(wanted)
        name = shape.name
        self.link.result(
            "PUT", path_of(name), wire.write_create(shape), collection=name, timeout=self.link.timeout
        )
        for index in wire.write_indexes(
            shape
        ):  # before the load: an index is cheapest while there is nothing
            self.link.result(
                "PUT",
                path_of(name, "index?wait=true"),
                index,
                collection=name,
                timeout=self.link.slow_timeout,
            )
        return self.describe(name).shape

    def finish_load(self, name: str) -> None:
        """Wait until the optimisers have nothing left to do."""
        deadline = time.monotonic() + self.link.slow_timeout
        while (info := self._info(name))["status"] != "green":
            if info["status"] == "red":
                raise self.link.place(name).error(
                    StoreDown, f"the optimisers of {name!r} failed: {info.get('optimizer_status')}"
                )
            if info["status"] == "grey":  # after a restart they wait for an update: this one changes nothing
                self.link.result("PATCH", path_of(name), {"optimizers_config": {}}, collection=name)
            if time.monotonic() > deadline:
                raise self.link.place(name).error(StoreDown, f"gave up waiting until {name!r} is indexed")
            time.sleep(_POLL)

    def add_alias(self, alias: str, name: str) -> None:
        action = {"create_alias": {"collection_name": name, "alias_name": alias}}
        self.link.result("POST", "/collections/aliases", {"actions": [action]}, collection=name)

    def drop(self, name: str) -> None:
        self.forget(name)
        self.link.result("DELETE", path_of(name), collection=name, timeout=self.link.slow_timeout)
