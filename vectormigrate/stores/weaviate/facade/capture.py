"""What a write may change, read out of its request before it leaves; always enough, and more where that is cheaper.

Until the cutover a filter stays in Weaviate's own words, which Weaviate understands best: `Native` of a `Filters`
message, serialized. Afterwards the store that has the objects could not be asked for those, and is looked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from vectormigrate.model.filter import Native
from vectormigrate.model.record import RecordId
from vectormigrate.model.touch import Ids, Matching, Scope, Touch, Unknown, Unnamed, Whole
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.clauses import read_where
from vectormigrate.stores.weaviate.wire.values import BEACON

from .endpoints import Found
from .names import Names, Place
from .querystring import Query

DIALECT = "weaviate"
_TUNING = frozenset({"update_class", "make_index", "delete_index", "update_shard", "create_tenants"})
"""What changes no object: making what is there already is refused by Weaviate."""
_WHOLE = {
    "delete_class": Scope.DROP,
    "add_property": Scope.SHAPE,
    "delete_vector": Scope.SHAPE,
}
_AWAKE = frozenset({"HOT", "ACTIVE", ""})


class ObjectHead(msgspec.Struct):
    """What of an object's JSON says which it is."""

    class_name: str = msgspec.field(name="class", default="")
    id: str = ""
    tenant: str = ""


class _Objects(msgspec.Struct):
    objects: list[ObjectHead]


class _Match(msgspec.Struct):
    class_name: str = msgspec.field(name="class", default="")
    where: msgspec.Raw = msgspec.Raw(b"null")


class _Delete(msgspec.Struct):
    match: _Match
    dryRun: bool = False  # noqa: N815 Weaviate's name


class _Reference(msgspec.Struct):
    from_beacon: str = msgspec.field(name="from", default="")
    tenant: str = ""


class _Tenant(msgspec.Struct):
    name: str = ""
    activityStatus: str = ""  # noqa: N815 Weaviate's name


class _Named(msgspec.Struct):
    alias: str = ""
    class_name: str = msgspec.field(name="class", default="")


@dataclass(slots=True)
class Touched:
    """Touches by collection, as they are gathered."""

    names: Names
    kept: dict[tuple[str, bool], dict[RecordId, None]] = field(default_factory=dict)
    others: dict[str, list[Touch]] = field(default_factory=dict)

    def object(self, class_name: str, tenant: str, text: str, *, removes: bool = False) -> None:
        """One object by its id; one without an id gets it from Weaviate, and one whose id is none is refused there."""
        place = self.names.place(class_name, tenant)
        if not text:
            self.other(place.collection, Unnamed())
            return
        self.at(place, text, removes=removes)

    def at(self, place: Place, text: str, *, removes: bool = False) -> None:
        """One object by its id, in this place."""
        try:
            object_id = UUID(text)
        except ValueError:
            self.others.setdefault(place.collection, [])
            return
        self.kept.setdefault((place.collection, removes), {})[place.key(object_id)] = None

    def other(self, collection: str, touch: Touch) -> None:
        """Anything else."""
        held = self.others.setdefault(collection, [])
        if touch not in held:
            held.append(touch)

    def told(self) -> Mapping[str, Sequence[Touch]]:
        """All of it."""
        touched: dict[str, list[Touch]] = {name: list(touches) for name, touches in self.others.items()}
        for (name, removes), ids in self.kept.items():
            touched.setdefault(name, []).append(Ids(tuple(ids), removes))
        return touched


def capture(found: Found, query: Query, body: bytes, concerned: Sequence[str], names: Names, what: str) -> Mapping[str, Sequence[Touch]] | None:  # fmt: skip
    """What a REST write may change, by collection: all that is `concerned` if nobody says; None for one that only looks.

    `what` is its method and path. Raises ValueError for a body that cannot be read.
    """
    touched = Touched(names)
    reader = _READERS.get(found.route.operation)
    try:
        if reader is not None:
            return touched.told() if reader(touched, found, query, body) else None
        _of_class(touched, found, concerned, what)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return touched.told()


def _of_class(touched: Touched, found: Found, concerned: Sequence[str], what: str) -> None:
    """What an operation that names no objects may change."""
    route = found.route
    class_name = found.collection
    for name in concerned if class_name is None else touched.names.collections(class_name):
        if route.operation in _TUNING:
            touched.others.setdefault(name, [])
        elif route.operation in _WHOLE:
            touched.other(name, Whole(_WHOLE[route.operation]))
        else:
            touched.other(name, Whole(Scope.RESTORE) if route.decision is Decision.REFUSE else Unknown(what))


def _create_object(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    head = msgspec.json.decode(body, type=ObjectHead)
    touched.object(head.class_name, head.tenant, head.id)
    return True


def _change_object(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    """A replacement or a merge: the tenant stands in the body, and for the older endpoints the class as well."""
    head = msgspec.json.decode(body, type=ObjectHead)
    touched.object(found.values.get("class") or head.class_name, head.tenant, found.values["id"])
    return True


def _at_object(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    """A delete or a change of references: the tenant stands in the query."""
    removes = found.route.operation == "delete_object"
    tenant = query.text("tenant")
    class_name = found.values.get("class")
    places = [touched.names.place(class_name, tenant)] if class_name else touched.names.everywhere(tenant)
    for place in places:
        touched.at(place, found.values["id"], removes=removes)
    return True


def _batch_objects(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    for head in msgspec.json.decode(body, type=_Objects).objects:
        touched.object(head.class_name, head.tenant, head.id)
    return True


def _batch_delete(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    asked = msgspec.json.decode(body, type=_Delete)
    collection = touched.names.place(asked.match.class_name, query.text("tenant")).collection
    given = msgspec.json.decode(asked.match.where)
    if not given:
        touched.others.setdefault(collection, [])
        return True  # which is refused
    where = read_where(given)
    touched.other(
        collection, Matching(Native(DIALECT, where.SerializeToString(deterministic=True)), removes=True)
    )
    return not asked.dryRun


def _batch_references(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    for one in msgspec.json.decode(body, type=list[_Reference]):
        class_name, _, rest = one.from_beacon.removeprefix(BEACON).partition("/")
        touched.object(class_name, one.tenant, rest.partition("/")[0])
    return True


def _update_tenants(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    """A tenant that is put to sleep cannot be read any more."""
    for one in msgspec.json.decode(body, type=list[_Tenant]):
        collection = touched.names.place(found.values["class"], one.name).collection
        if one.activityStatus.upper() in _AWAKE:
            touched.others.setdefault(collection, [])
        else:
            touched.other(collection, Whole(Scope.SHAPE))
    return True


def _delete_tenants(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    for name in msgspec.json.decode(body, type=list[str]):
        place = touched.names.place(found.values["class"], name)
        touched.other(place.collection, Whole(Scope.DROP) if place.alone else Matching(None, removes=True))
    return True


def _create_class(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    given = msgspec.json.decode(body, type=_Named)
    touched.others.setdefault(touched.names.place(given.class_name).collection, [])
    return True


def _change_alias(touched: Touched, found: Found, query: Query, body: bytes) -> bool:
    given = msgspec.json.decode(body or b"{}", type=_Named)
    for name in (given.alias, given.class_name, found.values.get("alias", "")):
        for collection in touched.names.collections(name) if name else ():
            touched.other(collection, Whole(Scope.ALIAS))
    return True


_READERS = {
    "create_class": _create_class,
    "create_object": _create_object,
    "replace_object": _change_object,
    "merge_object": _change_object,
    "delete_object": _at_object,
    "add_reference": _at_object,
    "replace_references": _at_object,
    "delete_reference": _at_object,
    "batch_objects": _batch_objects,
    "batch_delete": _batch_delete,
    "batch_references": _batch_references,
    "update_tenants": _update_tenants,
    "delete_tenants": _delete_tenants,
    "change_alias": _change_alias,
}
"""Of the operations that say which objects they change; False from one that changes none after all."""


# Calls.


def of_objects(names: Names, objects: Iterable[object]) -> Mapping[str, Sequence[Touch]]:
    """What a batch of `BatchObject` messages touches."""
    touched = Touched(names)
    for one in objects:
        place = names.place(one.collection, one.tenant)  # type: ignore[attr-defined] # a message
        touched.at(place, one.uuid)  # type: ignore[attr-defined] # a message
    return touched.told()


def of_references(names: Names, references: Iterable[object]) -> Mapping[str, Sequence[Touch]]:
    """What a batch of `BatchReference` messages touches."""
    touched = Touched(names)
    for one in references:
        place = names.place(one.from_collection, one.tenant)  # type: ignore[attr-defined] # a message
        touched.at(place, one.from_uuid)  # type: ignore[attr-defined] # a message
    return touched.told()


def of_delete(names: Names, asked: pb.BatchDeleteRequest) -> Mapping[str, Sequence[Touch]]:
    """What a `BatchDeleteRequest` touches."""
    where = asked.filters.SerializeToString(deterministic=True)
    collection = names.place(asked.collection, asked.tenant).collection
    return {collection: (Matching(Native(DIALECT, where), removes=True),)}
