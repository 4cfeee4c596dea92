"""Objects out of a store as answers tell them: as JSON for REST, as a message for gRPC, by selection for both.

What a reference points to is told from the same store: a class that is not there with it can be told by its id alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from vectormigrate.model.collection import Metric
from vectormigrate.model.record import Record
from vectormigrate.stores.base import Store
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.answers import write_value
from vectormigrate.stores.weaviate.wire.clauses import CREATED, UPDATED
from vectormigrate.stores.weaviate.wire.layout import REFERENCE, Layout, Property
from vectormigrate.stores.weaviate.wire.objects import write_properties
from vectormigrate.stores.weaviate.wire.scores import certainty_of
from vectormigrate.stores.weaviate.wire.searches import Members, Metadata, Reference
from vectormigrate.stores.weaviate.wire.values import BEACON
from vectormigrate.stores.weaviate.wire.vectors import write_dense, write_multi

from .classes import Class, class_at
from .finding import Hit, fetch
from .names import Names
from .problems import Problem, invalid, not_served

Json = dict[str, Any]
_TIMES = (CREATED, UPDATED)
_UNKNOWN_TIME = 0
"""Told over gRPC for a time that was not kept: the official client ends in an assertion if an object has none."""
_LARGEST_PLAIN = 1e21
"""From here on Go writes an exponent."""


def plain_of(record: Record, layout: Layout) -> Json:
    """The plain values of an object's properties. Raises Problem for what only another store could hold."""
    try:
        return write_properties(
            {key: value for key, value in record.payload.items() if key not in _TIMES}, layout
        )
    except ValueError as error:
        raise not_served(f"what was found cannot be told: {error}") from None


# REST.


def object_json(record: Record, found: Class, *, vector: bool) -> Json:
    """An object as REST tells it."""
    plain = plain_of(record, found.layout)
    for name, value in plain.items():
        held = found.layout.properties.get(name)
        if held is not None and held.type == REFERENCE:
            plain[name] = [{**one, "href": f"/v1/objects/{_after(one['beacon'])}"} for one in value]
    told: Json = {"class": found.place.class_name}
    if CREATED in record.payload:
        told["creationTimeUnix"] = record.payload[CREATED]
    told["id"] = str(found.place.object_id(record.id))
    if UPDATED in record.payload:
        told["lastUpdateTimeUnix"] = record.payload[UPDATED]
    told["properties"] = as_go(plain)
    if found.place.tenant:
        told["tenant"] = found.place.tenant
    if vector:
        told |= vectors_json(record)
    return told


def vectors_json(record: Record) -> Json:
    """The vectors of an object: numbers as 32-bit floats are written."""
    told: Json = {}
    if "" in record.dense:
        told["vector"] = _numbers(record.dense[""])
    named = {name: _numbers(one) for name, one in {**record.dense, **record.multi}.items() if name}
    return {**told, "vectors": named} if named else told


def _numbers(vector: Any) -> Any:
    if vector.ndim == 2:
        return [_numbers(row) for row in vector]
    return [as_go(float(str(number))) for number in vector]  # the shortest decimal of the 32-bit float


def as_go(value: Any) -> Any:
    """Numbers as Weaviate's language writes them: a whole one without a point."""
    match value:
        case float() if value.is_integer() and abs(value) < _LARGEST_PLAIN:
            return int(value)
        case dict():
            return {key: as_go(item) for key, item in value.items()}
        case list():
            return [as_go(item) for item in value]
        case _:
            return value


def _after(beacon: str) -> str:
    return beacon.removeprefix(BEACON)


# gRPC.


class Teller:
    """Writes the results of one search."""

    def __init__(self, store: Store, names: Names, tenant: str) -> None:
        self._store = store
        self._names = names
        self._tenant = tenant

    async def result(self, hit: Hit, found: Class, members: Members, metadata: Metadata) -> Any:
        """A `SearchResult`."""
        message = pb.SearchResult()
        object_id = found.place.object_id(hit.record.id)
        write_metadata(message.metadata, hit, object_id, metadata)
        await self._fill(message.properties, hit.record, found, members)
        return message

    async def _fill(self, message: Any, record: Record, found: Class, members: Members) -> None:
        plain = plain_of(record, found.layout)
        message.target_collection = found.place.class_name
        message.non_ref_props.SetInParent()
        for name, selected in selection(members, found.layout, found.place.class_name).items():
            value = plain.get(name)
            if value is not None and selected is not None:
                value = _narrowed(value, selected)
            message.non_ref_props.fields[name].CopyFrom(write_value(value, found.layout.properties[name]))
        message.ref_props_requested = bool(members.references)
        for reference in members.references:
            told = message.ref_props.add(prop_name=reference.name)
            for beacon in plain.get(reference.name) or ():
                await self._refer(told.properties, beacon["beacon"], reference, found)

    async def _refer(self, told: Any, beacon: str, reference: Reference, found: Class) -> None:
        target, _, text = _after(beacon).rpartition("/")
        held = found.layout.properties.get(reference.name)
        target = target or (held.targets[0] if held is not None and held.targets else "")
        if reference.target and target != reference.target:
            return
        result = told.add(target_collection=target)
        if (
            not reference.members.everything
            and not reference.members.named
            and not reference.members.references
        ):
            write_metadata(result.metadata, Hit(Record(UUID(text))), UUID(text), reference.metadata)
            return
        other = await referred(self._store, self._names, target, self._tenant)
        record = await fetch(self._store, other.place, UUID(text))
        if record is None:
            del told[-1]  # it points to nothing, which Weaviate leaves out
            return
        write_metadata(result.metadata, Hit(record), UUID(text), reference.metadata)
        await self._fill(result, record, other, reference.members)


async def referred(store: Store, names: Names, class_name: str, tenant: str) -> Class:
    """The class that a reference points to. Raises Problem when it is not in the same store."""
    try:
        found = await class_at(store, names.place(class_name))
    except Problem as problem:
        if "without tenant" not in problem.text or not tenant:
            raise not_served(f"properties of objects of class {class_name}, which are elsewhere") from None
        found = await class_at(store, names.place(class_name, tenant))
    return found


def selection(members: Members, layout: Layout, class_name: str) -> Mapping[str, Members | None]:
    """The properties that are told, references aside. Raises Problem for one that there is not."""
    selected: dict[str, Members | None] = {}
    if members.everything:
        selected = {
            name: _without_blobs(held)
            for name, held in layout.properties.items()
            if held.element not in (REFERENCE, "blob", "blobHash")
        }
    for name, inner in members.named.items():
        if name not in layout.properties:
            raise invalid(
                f"no such prop with name '{name}' found in class '{class_name}' in the schema. Check your schema files "
                "for which properties in this class are available"
            )
        selected[name] = inner
    return selected


def _without_blobs(held: Property) -> Members | None:
    if held.element != "object" or all(one.element != "blob" for one in held.nested.values()):
        return None
    return Members(
        everything=False,
        named={name: _without_blobs(one) for name, one in held.nested.items() if one.element != "blob"},
    )


def _narrowed(value: Any, members: Members) -> Any:
    if isinstance(value, list):
        return [_narrowed(one, members) for one in value]
    return {
        name: value[name] if inner is None else _narrowed(value[name], inner)
        for name, inner in members.named.items()
        if name in value
    }


def write_metadata(message: Any, hit: Hit, object_id: UUID, wanted: Metadata) -> None:
    """Fill a `MetadataResult`: what was asked for and is there."""
    record = hit.record
    if wanted.uuid:
        message.id = str(object_id)
        message.id_as_bytes = object_id.bytes
    if wanted.created:
        message.creation_time_unix = record.payload.get(CREATED, _UNKNOWN_TIME)
        message.creation_time_unix_present = True
    if wanted.updated:
        message.last_update_time_unix = record.payload.get(UPDATED, _UNKNOWN_TIME)
        message.last_update_time_unix_present = True
    if wanted.distance and hit.distance is not None:
        message.distance = hit.distance
        message.distance_present = True
    if wanted.certainty and hit.distance is not None and hit.metric is Metric.COSINE:
        message.certainty = certainty_of(hit.distance)
        message.certainty_present = True
    if wanted.score and hit.score is not None:
        message.score = hit.score
        message.score_present = True
    if wanted.consistent:
        message.is_consistent = True
        message.is_consistent_present = True
    _write_vectors(message, record, wanted)


def _write_vectors(message: Any, record: Record, wanted: Metadata) -> None:
    if wanted.vector and "" in record.dense:
        message.vector_bytes = write_dense(record.dense[""])
    for name, vector in {**record.dense, **record.multi}.items():
        if not name or not (wanted.vector or name in wanted.vectors):
            continue
        if vector.ndim == 2:
            message.vectors.add(
                name=name, vector_bytes=write_multi(vector), type=pb.Vectors.VECTOR_TYPE_MULTI_FP32
            )
        else:
            message.vectors.add(
                name=name, vector_bytes=write_dense(vector), type=pb.Vectors.VECTOR_TYPE_SINGLE_FP32
            )
