"""The schema answered from a store: classes, properties, tenants, shards and aliases.

Classes are made and changed where the store is a Weaviate of its own. A class under migration is told as it was, and
stays so: what its objects would be on the other side was settled before they moved.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from vectormigrate.model.errors import CollectionMissing
from vectormigrate.stores.base import Store

from .classes import described_by, tenants_of
from .definitions import completed, completed_property, tenant_of, updated
from .emulated import Emulated
from .finding import ids
from .names import Place
from .problems import invalid, missing, not_served
from .writing import shape_to_make

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What is answered; without a value there is no body."""

    value: Any = None
    status: int = 200


Handler: TypeAlias = Callable[[Store, Place, Any, str], Awaitable[Told]]


def _own(store: Store, what: str) -> Emulated:
    if not isinstance(store, Emulated):
        raise not_served(f"{what} of a class under migration")
    return store


async def _described(store: Store, place: Place) -> Json:
    try:
        return described_by(await store.describe(place.collection), place)
    except CollectionMissing:
        raise missing() from None


def _mapping(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise invalid("the body is no object")
    return body


def _items(body: Any) -> list[Any]:
    if not isinstance(body, list):
        raise invalid("the body is no list")
    return body


# Classes.


async def _list(store: Store, place: Place, body: Any, tenant: str) -> Told:
    places = [Place(name, name.partition("/")[0], alone="/" in name) for name in await store.collections()]
    return Told({"classes": [await _described(store, one) for one in places]})


async def _get(store: Store, place: Place, body: Any, tenant: str) -> Told:
    return Told(await _described(store, place))


async def _create(store: Store, place: Place, body: Any, tenant: str) -> Told:
    described = completed(_mapping(body), await store.collections())
    await _own(store, "another").create(shape_to_make(described))
    return Told(described)


async def _update(store: Store, place: Place, body: Any, tenant: str) -> Told:
    described = updated(await _described(store, place), _mapping(body))
    await _own(store, "a change").define(place.collection, described)
    return Told(described)


async def _delete(store: Store, place: Place, body: Any, tenant: str) -> Told:
    await store.drop(place.collection)
    return Told()


async def _add_property(store: Store, place: Place, body: Any, tenant: str) -> Told:
    described = await _described(store, place)
    names = [one["name"] for one in described["properties"]]
    added = completed_property(_mapping(body), place.class_name, await store.collections(), names)
    properties = [*described["properties"], added]
    await _own(store, "a new property").define(place.collection, {**described, "properties": properties})
    return Told(added)


async def _shards(store: Store, place: Place, body: Any, tenant: str) -> Told:
    await _described(store, place)
    return Told([{"name": "vectormigrate", "status": "READY", "vectorQueueSize": 0}])


# Tenants.


async def _tenants(store: Store, place: Place) -> dict[str, str]:
    try:
        return await tenants_of(store, place)
    except CollectionMissing:
        raise invalid(f'class "{place.class_name}" not found') from None


async def _list_tenants(store: Store, place: Place, body: Any, tenant: str) -> Told:
    found = await _tenants(store, place)
    return Told([{"activityStatus": state, "name": name} for name, state in found.items()])


async def _get_tenant(store: Store, place: Place, body: Any, tenant: str) -> Told:
    found = await _tenants(store, place)
    if tenant not in found:
        raise missing()
    return Told({"activityStatus": found[tenant], "name": tenant})


async def _head_tenant(store: Store, place: Place, body: Any, tenant: str) -> Told:
    return Told(None, 200 if tenant in await _tenants(store, place) else 404)


async def _create_tenants(store: Store, place: Place, body: Any, tenant: str) -> Told:
    known = await _tenants(store, place)
    given = [tenant_of(_mapping(one), index) for index, one in enumerate(_items(body))]
    if isinstance(store, Emulated):
        await store.set_tenants(place.collection, {**dict(given), **known})
    return Told(
        [{"name": name, **({"activityStatus": state} if state != "HOT" else {})} for name, state in given]
    )


async def _update_tenants(store: Store, place: Place, body: Any, tenant: str) -> Told:
    known = await _tenants(store, place)
    given = dict(tenant_of(_mapping(one), index) for index, one in enumerate(_items(body)))
    for name in given:
        if name not in known:
            raise invalid(f'tenant not found: "{name}"')
    await _own(store, "the state of tenants").set_tenants(place.collection, {**known, **given})
    return Told([{"activityStatus": state, "name": name} for name, state in given.items()])


async def _delete_tenants(store: Store, place: Place, body: Any, tenant: str) -> Told:
    known = await _tenants(store, place)
    for name in map(str, _items(body)):
        if name not in known:
            continue
        keys = await ids(store, Place(place.collection, place.class_name, name), None)
        size = store.capabilities.write_batch
        for start in range(0, len(keys), size):
            await store.delete(place.collection, keys[start : start + size])
        del known[name]
    if isinstance(store, Emulated):
        await store.set_tenants(place.collection, known)
    return Told()


# Aliases.


async def _list_aliases(store: Store, place: Place, body: Any, tenant: str) -> Told:
    found = await store.aliases()
    return Told({"aliases": [{"alias": alias, "class": name} for alias, name in found.items()]})


async def _get_alias(store: Store, place: Place, body: Any, tenant: str) -> Told:
    raise missing()


HANDLERS: dict[str, Handler] = {
    "list_classes": _list,
    "get_class": _get,
    "create_class": _create,
    "update_class": _update,
    "delete_class": _delete,
    "add_property": _add_property,
    "list_shards": _shards,
    "list_tenants": _list_tenants,
    "get_tenant": _get_tenant,
    "head_tenant": _head_tenant,
    "create_tenants": _create_tenants,
    "update_tenants": _update_tenants,
    "delete_tenants": _delete_tenants,
    "list_aliases": _list_aliases,
    "get_alias": _get_alias,
}
"""Each is given the store, the class that the path names, the body as JSON, and the tenant that the path names."""
