"""One class as answers need it: how the schema describes it, what its objects are made of, and which tenant is meant.

The description is the source's own, out of the shape that was read from it; for a class that was made here it is the one
that it was made with. Nothing changes a class that is under migration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vectormigrate.model.collection import CollectionShape, VectorField
from vectormigrate.model.errors import CollectionMissing
from vectormigrate.stores.base import EVERYWHERE, Content, Store
from vectormigrate.stores.weaviate.wire.layout import Layout
from vectormigrate.stores.weaviate.wire.meaning import Index, read_index
from vectormigrate.stores.weaviate.wire.shape import KIND, read_layout

from .definitions import with_defaults
from .emulated import Emulated
from .names import Place
from .problems import Problem, invalid, no_class

Json = dict[str, Any]
_APART = frozenset({"properties", "vectors", "makers", "marked"})
"""What of the native part of a shape stands elsewhere in a description."""


@dataclass(frozen=True, slots=True)
class Class:
    """A class, or one tenant of it, in a store."""

    place: Place
    described: Json
    layout: Layout
    index: Index
    shape: CollectionShape

    @property
    def keeps_times(self) -> bool:
        """Whether objects come with the times of their making and their last change."""
        return bool(self.shape.native[KIND].get("times"))

    @property
    def makers(self) -> Mapping[str, str]:
        """The modules of Weaviate that make a vector where none is given, by its name."""
        makers: Mapping[str, str] = self.shape.native[KIND].get("makers", {})
        return makers

    def vector(self, using: str | None) -> VectorField:
        """The vector that a search means. Raises Problem for one that there is not."""
        fields = {one.name: one for one in self.shape.vectors}
        if using is None or (using == "" and "" not in fields):
            if "" in fields:
                return fields[""]
            if len(fields) != 1:
                raise invalid(
                    f"class {self.place.class_name} has multiple vectors, but no target vectors were provided"
                )
            return next(iter(fields.values()))
        if using not in fields:
            raise invalid(
                f"class {self.place.class_name} does not have named vector {using} configured. Available named vectors "
                f"{sorted(name for name in fields if name)}"
            )
        return fields[using]


async def class_at(store: Store, place: Place) -> Class:
    """The class of a place. Raises Problem when there is none, or the tenant is not one of it."""
    try:
        shape = await store.describe(place.collection)
    except CollectionMissing:
        raise no_class(place.class_name) from None
    described = described_by(shape, place)
    layout = _layout(described, shape)
    found = Class(place, described, layout, read_index(described), shape)
    if not place.alone:
        await _check_tenant(store, found)
    return found


def _layout(described: Json, shape: CollectionShape) -> Layout:
    """The layout of a class, its vectors as the shape has them and its key as the place has it."""
    layout = read_layout(described, ours=False)
    return Layout(
        layout.name,
        layout.properties,
        shape.vectors,
        shape.id,
        layout.meta,
        bool(shape.id.parts),
    )


def described_by(shape: CollectionShape, place: Place) -> Json:
    """What the schema says of a class. Raises Problem for the shape of another store."""
    native: Json = shape.native.get(KIND) or {}
    if "class" in native:
        return dict(native["class"])
    if "properties" not in native:
        raise Problem(500, 13, f"{shape.name} was not read from Weaviate")
    described: Json = {"class": place.class_name}
    described |= {key: value for key, value in native.items() if key not in _APART}
    described["properties"] = native["properties"]
    makers = native.get("makers", {})
    for name, config in native.get("vectors", {}).items():
        maker = makers.get(name, "none")
        if name:
            described.setdefault("vectorConfig", {})[name] = {"vectorizer": {maker: {}}, **config}
        else:
            described |= {"vectorizer": maker, **config}
    if place.alone:
        described["multiTenancyConfig"] = {"enabled": True}
    return with_defaults(described)


async def _check_tenant(store: Store, found: Class) -> None:
    name, tenant = found.place.class_name, found.place.tenant
    if not found.layout.multi_tenant:
        if tenant:
            raise invalid(f"class {name} has multi-tenancy disabled, but request was with tenant")
        return
    if not tenant:
        raise invalid(f"class {name} has multi-tenancy enabled, but request was without tenant")
    if isinstance(store, Emulated):
        status = (await store.tenants(found.place.collection)).get(tenant)
        if status is None and not _makes_tenants(found.described):
            raise invalid(f'tenant not found: "{tenant}"')
        if status not in (None, "HOT", "ACTIVE"):
            raise invalid(f"tenant not active: '{tenant}'")


def _makes_tenants(described: Mapping[str, Any]) -> bool:
    return bool((described.get("multiTenancyConfig") or {}).get("autoTenantCreation"))


async def tenants_of(store: Store, place: Place) -> dict[str, str]:
    """The tenants of a class and what state they are in. A store that keeps no list has those that have objects."""
    shape = await store.describe(place.collection)
    if not shape.id.parts:
        raise invalid(f'multi-tenancy is not enabled for class "{place.class_name}"')
    if isinstance(store, Emulated):
        return dict(await store.tenants(place.collection))
    found: dict[str, str] = {}
    async for page in store.scan(place.collection, EVERYWHERE, content=Content.IDS):
        found |= {str(key[0]): "HOT" for key in page.batch.ids if isinstance(key, tuple)}
    return dict(sorted(found.items()))
