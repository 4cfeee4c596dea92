"""Objects changed in any store as Weaviate would change them.

Stores replace records whole, so what changes a part of one is read, changed and written back, one writer an object at a
time. Where the store is a Weaviate of its own, classes and properties that nobody declared are declared by their first
value; a class under migration stays as it is, and refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model.batch import batch_of_records
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape, VectorKind
from vectormigrate.model.errors import CollectionExists
from vectormigrate.model.record import Array, Payload, Record, RecordId
from vectormigrate.stores.base import Store
from vectormigrate.stores.turns import Turns
from vectormigrate.stores.weaviate.wire.clauses import CREATED, UPDATED
from vectormigrate.stores.weaviate.wire.layout import REFERENCE, Property
from vectormigrate.stores.weaviate.wire.objects import read_payload
from vectormigrate.stores.weaviate.wire.shape import KIND, read_shape
from vectormigrate.stores.weaviate.wire.values import BEACON, from_plain, infer

from .classes import Class, class_at
from .definitions import completed, completed_property
from .emulated import Emulated
from .finding import fetch
from .names import Names
from .problems import Problem, invalid, missing, not_served, problem_of

Json = dict[str, Any]
_UNCLEAR = {"None": "text", "[]": "text[]"}
"""What a first value of nothing declares."""
_COMPLETED = frozenset({"phoneNumber", "blobHash"})
"""Types whose values Weaviate works out by itself."""


@dataclass(slots=True)
class Given:
    """An object as a request has it: plain values, and vectors by name, "" for the one without."""

    class_name: str
    tenant: str
    id: UUID
    properties: Json = field(default_factory=dict)
    vectors: dict[str, Array] = field(default_factory=dict)


class Writer:
    """Writes of one store."""

    def __init__(self, store: Store, names: Names, turns: Turns, clock: Clock) -> None:
        self._store = store
        self._names = names
        self._turns = turns
        self._now = int(clock.now().timestamp() * 1000)

    # Whole objects.

    async def create(self, given: Given) -> tuple[Record, Class]:
        """Add one. Raises Problem when it is there already."""
        found, record = await self._read(given)
        async with self._turns.hold(found.place.collection, [record.id]):
            if await fetch(self._store, found.place, given.id) is not None:
                raise invalid(f"id '{given.id}' already exists")
            record = self._stamped(record, found, None)
            await self._put(found, [record])
        return record, found

    async def replace(self, given: Given) -> tuple[Record, Class]:
        """Replace one whole. Raises Problem when it is not there."""
        found, record = await self._read(given)
        async with self._turns.hold(found.place.collection, [record.id]):
            old = await fetch(self._store, found.place, given.id)
            if old is None:
                raise missing()
            record = self._stamped(record, found, old)
            await self._put(found, [record])
        return record, found

    async def batch(self, objects: Sequence[Given | Problem]) -> list[Problem | Record]:
        """Add or replace each; what became of each, in their order. Of an id that is given twice, the last stays."""
        told: list[Problem | Record] = []
        ready: dict[tuple[str, str], dict[RecordId, tuple[int, Record]]] = {}
        classes: dict[tuple[str, str], Class] = {}
        for row, given in enumerate(objects):
            if isinstance(given, Problem):
                told.append(given)
                continue
            try:
                found, record = await self._read(given)
            except Problem as problem:
                told.append(problem)
                continue
            told.append(record)
            at = (found.place.collection, found.place.tenant)
            classes[at] = found
            ready.setdefault(at, {})[record.id] = (row, record)
        for at, records in ready.items():
            await self._put_all(classes[at], records, told)
        return told

    async def _put_all(
        self, found: Class, records: Mapping[RecordId, tuple[int, Record]], told: list[Problem | Record]
    ) -> None:
        size = self._store.capabilities.write_batch
        keys = list(records)
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            async with self._turns.hold(found.place.collection, part):
                olds = await self._olds(found, part)
                stamped = [self._stamped(records[key][1], found, olds.get(key)) for key in part]
                for index, problem in (await self._upsert(found, stamped)).items():
                    told[records[part[index]][0]] = problem

    async def _olds(self, found: Class, keys: Sequence[RecordId]) -> dict[RecordId, Record]:
        if not found.keeps_times:
            return {}
        batch = await self._store.fetch(found.place.collection, keys)
        return {record.id: record for record in batch.records()}

    # Parts of objects.

    async def merge(self, given: Given) -> None:
        """Set these properties and vectors of one, remove those that are null, add references. Raises Problem."""
        found = await self._class(given)
        removed = [name for name, value in given.properties.items() if value is None]
        news = self._payload(given, found)

        def change(record: Record) -> Record:
            payload = {key: value for key, value in record.payload.items() if key not in removed}
            for name, value in news.items():
                held = found.layout.properties[name]
                payload[name] = [*(payload.get(name) or ()), *value] if held.type == REFERENCE else value
            dense, multi = self._vectors(given, found)
            return replace(
                record,
                payload=payload,
                dense={**record.dense, **dense},
                multi={**record.multi, **multi},
            )

        await self._change(found, given.id, change)

    async def refer(
        self, given: Given, name: str, change: Callable[[list[str]], list[str]], added: Sequence[str]
    ) -> None:
        """Change the beacons of a property; those that are added must lead to objects. Raises Problem."""
        found = await class_at(self._store, self._names.place(given.class_name, given.tenant))
        held = found.layout.properties.get(name)
        if held is None:
            raise invalid(
                f"msg:validate inputs code:400 err:no such prop with name '{name}' found in class "
                f"'{found.place.class_name}' in the schema. Check your schema files for which properties in this class "
                "are available"
            )
        if held.type != REFERENCE:
            raise invalid(f"property '{name}' is a primitive datatype, not a reference-type")
        for beacon in added:
            await self._check_target(beacon, given.tenant)

        def changed(record: Record) -> Record:
            beacons = change(list(record.payload.get(name) or ()))
            return replace(record, payload={**record.payload, name: beacons})

        await self._change(found, given.id, changed)

    async def beacon(self, class_name: str, tenant: str, name: str, beacon: str) -> str:
        """A beacon with the class of what it points to, where the request left it out. Raises Problem."""
        target, _, text = beacon.removeprefix(BEACON).rpartition("/")
        if not beacon.startswith(BEACON) or not _is_uuid(text):
            raise invalid(f"invalid reference: {beacon!r} is no beacon")
        if not target:
            found = await class_at(self._store, self._names.place(class_name, tenant))
            held = found.layout.properties.get(name)
            if held is None or len(held.targets) != 1:
                raise invalid(f"invalid reference: {beacon!r} says no class")
            [target] = held.targets
        return f"{BEACON}{target}/{text}"

    async def _check_target(self, beacon: str, tenant: str) -> None:
        """A class that is elsewhere is taken at its word: it was, before anything moved."""
        target, _, text = beacon.removeprefix(BEACON).rpartition("/")
        if target not in await self._store.collections():
            return
        shape = await self._store.describe(target)
        found = await class_at(self._store, self._names.place(target, tenant if shape.id.parts else ""))
        if await fetch(self._store, found.place, UUID(text)) is None:
            raise invalid(
                f"msg:validate existence code:400 err:validate reference: no object with id {text} found"
            )

    async def _change(self, found: Class, object_id: UUID, change: Callable[[Record], Record]) -> None:
        key = found.place.key(object_id)
        async with self._turns.hold(found.place.collection, [key]):
            old = await fetch(self._store, found.place, object_id)
            if old is None:
                raise missing()
            await self._put(found, [self._stamped(change(old), found, old)])

    # Going.

    async def delete(self, found: Class, keys: Sequence[RecordId]) -> None:
        """Remove these."""
        size = self._store.capabilities.write_batch
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            async with self._turns.hold(found.place.collection, part):
                result = await self._store.delete(found.place.collection, part)
            if result.refused:
                raise problem_of(result.refused[0].error)

    # Into records.

    async def _read(self, given: Given) -> tuple[Class, Record]:
        """The record that an object is. Raises Problem for what does not fit its class."""
        found = await self._class(given)
        dense, multi = self._vectors(given, found)
        return found, Record(found.place.key(given.id), dense, {}, multi, self._payload(given, found))

    def _payload(self, given: Given, found: Class) -> Payload:
        for name, value in given.properties.items():
            held = found.layout.properties.get(name)
            if held is not None and held.element in _COMPLETED and value is not None:
                raise not_served(f"a new value of {name!r}: Weaviate completes values of type {held.type}")
            if held is not None and value is not None:
                _check_value(held, value, found.place.class_name)
        return read_payload(given.properties, found.layout)

    def _vectors(self, given: Given, found: Class) -> tuple[dict[str, Array], dict[str, Array]]:
        fields = {one.name: one for one in found.shape.vectors}
        dense: dict[str, Array] = {}
        multi: dict[str, Array] = {}
        for word, vector in given.vectors.items():
            name = _vector_name(word, fields)
            held = fields.get(name)
            if held is None:
                raise invalid(
                    f"collection {found.place.class_name} does not have configuration for vector {name}"
                )
            many = held.kind is VectorKind.MULTI
            if many is not (vector.ndim == 2):
                raise invalid(f"vector {name!r} is {'a list of vectors' if many else 'one vector'}")
            if held.dim is not None and vector.shape[-1] != held.dim:
                raise Problem(
                    500,
                    2,
                    f"Validate vector index for {given.id}: new node has a vector with length {vector.shape[-1]}. Existing "
                    f"nodes have vectors with length {held.dim}: vector dimensions do not match the index dimensions",
                )
            if not np.isfinite(vector).all():
                raise invalid(f"vector {name!r} holds what is no number")
            (multi if many else dense)[name] = vector
        for name, maker in found.makers.items():
            if name not in dense and name not in multi:
                raise not_served(f"an object without its vector {name!r}, which {maker} would make")
        return dense, multi

    def _stamped(self, record: Record, found: Class, old: Record | None) -> Record:
        if not found.keeps_times:
            return record
        created = self._now if old is None else old.payload.get(CREATED, self._now)
        return replace(record, payload={**record.payload, CREATED: created, UPDATED: self._now})

    async def _put(self, found: Class, records: Sequence[Record]) -> None:
        for problem in (await self._upsert(found, records)).values():
            raise problem

    async def _upsert(self, found: Class, records: Sequence[Record]) -> dict[int, Problem]:
        """Write; what was refused, by row."""
        try:
            batch = batch_of_records(records, _widened(found.shape, records).vectors)
        except ValueError as error:  # of vectors whose length nobody knew
            return dict.fromkeys(range(len(records)), invalid(f"vector lengths don't match: {error}"))
        result = await self._store.upsert(found.place.collection, batch)
        return {one.row: problem_of(one.error) for one in result.refused}

    def check(self, given: Given, found: Class) -> None:
        """Raise Problem for what does not fit its class."""
        self._payload(given, found)
        self._vectors(given, found)

    # Classes.

    async def _class(self, given: Given) -> Class:
        if not given.class_name:
            raise invalid("invalid object: the given class is empty")
        place = self._names.place(given.class_name, given.tenant)
        if isinstance(self._store, Emulated):
            await self._declare(self._store, place.collection, given)
        found = await class_at(self._store, place)
        unknown = sorted(given.properties.keys() - found.layout.properties.keys())
        if unknown and any(given.properties[name] is not None for name in unknown):
            raise not_served(
                f"a new property {unknown[0]!r} of class {place.class_name}, which is under migration"
            )
        if isinstance(self._store, Emulated) and found.layout.multi_tenant:
            await self._know_tenant(self._store, place.collection, given.tenant)
        return found

    async def _declare(self, store: Emulated, class_name: str, given: Given) -> None:
        """Declare the class, and its properties, by their first values: what Weaviate calls auto-schema."""
        known = await store.collections()
        if class_name not in known:
            with_named = any(given.vectors) and "" not in given.vectors
            named: Json = {name: {"vectorizer": {"none": {}}} for name in given.vectors} if with_named else {}
            described = completed({"class": class_name, "vectorConfig": named}, known)
            with suppress(CollectionExists):  # somebody else had the same first object
                await store.create(shape_to_make(described))
        described = dict((await store.describe(class_name)).native[KIND]["class"])
        properties = {one["name"]: one for one in described["properties"]}
        for name, value in given.properties.items():
            told = inferred(name, value)
            if told is None:
                continue
            declared = properties.get(name)
            if declared is None:
                properties[name] = completed_property(
                    told, class_name, await store.collections(), list(properties)
                )
            elif (grown := _grown(declared, told)) != declared:
                others = [one for one in properties if one != name]
                properties[name] = completed_property(grown, class_name, await store.collections(), others)
        if list(properties.values()) != described["properties"]:
            await store.define(class_name, {**described, "properties": list(properties.values())})

    async def _know_tenant(self, store: Emulated, class_name: str, tenant: str) -> None:
        tenants = await store.tenants(class_name)
        if (
            tenant not in tenants
        ):  # of a class that makes tenants by itself, or the look at the class had failed
            await store.set_tenants(class_name, {**tenants, tenant: "HOT"})


def _grown(declared: Json, told: Json) -> Json:
    """A declared object, with those members of another one that it lacks, at any depth."""
    if not (declared.get("nestedProperties") and told.get("nestedProperties")):
        return declared
    members = {one["name"]: one for one in declared["nestedProperties"]}
    for one in told["nestedProperties"]:
        members[one["name"]] = _grown(members.get(one["name"], one), one)
    return {**declared, "nestedProperties": list(members.values())}


def inferred(name: str, value: Any) -> Json | None:
    """The property that a first value declares; None for one that tells nothing."""
    kind = infer(value) or _UNCLEAR.get(str(value), "")
    if not kind:
        return None
    if kind == REFERENCE:
        targets = {one["beacon"].removeprefix(BEACON).rpartition("/")[0] for one in value}
        return {"name": name, "dataType": sorted(filter(None, targets))}
    told: Json = {"name": name, "dataType": [kind]}
    if kind.removesuffix("[]") == "object":
        sample = value[0] if isinstance(value, list) else value
        members = [inferred(key, item) for key, item in sample.items()]
        told["nestedProperties"] = [one for one in members if one is not None]
    return told


def shape_to_make(described: Json) -> CollectionShape:
    """What a store of classes is asked to make."""
    shape = read_shape(described, ours=False)
    return replace(shape, native={KIND: {**shape.native[KIND], "class": described}})


def _widened(shape: CollectionShape, records: Sequence[Record]) -> CollectionShape:
    """The shape with the lengths of vectors that come for the first time."""
    lengths: dict[str, int] = {}
    for record in records:
        for name, vector in {**record.dense, **record.multi}.items():
            lengths.setdefault(name, int(vector.shape[-1]))
    vectors = tuple(replace(one, dim=one.dim or lengths.get(one.name)) for one in shape.vectors)
    return replace(shape, vectors=tuple(one for one in vectors if one.dim is not None))


def _check_value(held: Property, value: Any, class_name: str) -> None:
    """Raise Problem for what a property cannot hold."""
    try:
        from_plain(held, value)
    except ValueError:
        raise invalid(
            f"invalid object: invalid {held.type} property '{held.name}' on class '{class_name}': it cannot be {value!r:.100}"
        ) from None


def _vector_name(given: str, fields: Collection[str]) -> str:
    """Which vector is meant: one without a name is the only one that there is, and `default` the one without a name."""
    if given == "" and given not in fields and len(fields) == 1:
        return next(iter(fields))
    return "" if given == "default" and given not in fields else given


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
