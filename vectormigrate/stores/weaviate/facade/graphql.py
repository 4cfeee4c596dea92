"""GraphQL answered from a store: `Get` of classes, by id, by a filter, in order, or nearest to a vector or an object.

Everything else is refused in GraphQL's own way: an answer with `errors`, and no data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.record import Record
from vectormigrate.stores.base import Store
from vectormigrate.stores.weaviate.wire.clauses import CREATED, UPDATED, read_where
from vectormigrate.stores.weaviate.wire.graphql import NoQuery, Selected, parse
from vectormigrate.stores.weaviate.wire.layout import REFERENCE
from vectormigrate.stores.weaviate.wire.scores import certainty_of
from vectormigrate.stores.weaviate.wire.searches import DEFAULT_LIMIT, Ask, Near, Sort
from vectormigrate.stores.weaviate.wire.values import BEACON

from .classes import Class, class_at
from .finding import Hit, fetch, find
from .names import Names
from .problems import Problem, invalid, not_served, problem_of
from .telling import as_go, plain_of, referred, vectors_json

Json = dict[str, Any]
_ARGUMENTS = frozenset(
    {"limit", "offset", "after", "tenant", "where", "nearVector", "nearObject", "sort", "consistencyLevel"}
)
_NEAR = frozenset({"vector", "id", "beacon", "distance", "certainty", "targetVectors"})


async def answer_query(store: Store, names: Names, body: Mapping[str, Any]) -> Json:
    """The answer to one query: data, or errors."""
    try:
        if body.get("variables"):
            raise not_served("a query with variables")
        data: Json = {}
        for top in parse(str(body.get("query") or "")):
            if top.name != "Get":
                raise not_served(f"a query for {top.name}")
            data[top.key] = {one.key: await _get(store, names, one) for one in top.fields}
        return {"data": data}
    except NoQuery as error:
        return _errors(str(error))
    except Problem as problem:
        return _errors(problem.text)
    except VectormigrateError as error:
        return _errors(problem_of(error).text)


def _errors(text: str) -> Json:
    return {"errors": [{"locations": [], "message": text, "path": None}]}


async def _get(store: Store, names: Names, asked: Selected) -> list[Json]:
    strange = sorted(asked.arguments.keys() - _ARGUMENTS)
    if strange:
        raise not_served(f"a query with {', '.join(strange)}")
    tenant = str(asked.arguments.get("tenant") or "")
    if asked.name not in await store.collections():
        raise invalid(f'Cannot query field "{asked.name}" on type "GetObjectsObj".')
    found = await class_at(store, names.place(asked.name, tenant))
    hits = await find(store, found, _ask(asked, tenant))
    return [await _object(store, names, hit, found, asked.fields, tenant) for hit in hits]


def _ask(asked: Selected, tenant: str) -> Ask:
    given = asked.arguments
    try:
        where = read_where(given["where"]) if given.get("where") is not None else None
        sort = given.get("sort") or []
        return Ask(
            asked.name,
            tenant,
            int(given.get("limit") or DEFAULT_LIMIT),
            int(given.get("offset") or 0),
            given.get("after"),
            tuple(_sort(one) for one in (sort if isinstance(sort, list) else [sort])),
            where,
            _near(given),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise invalid(str(error)) from None


def _sort(given: Mapping[str, Any]) -> Sort:
    path = given["path"]
    [name] = path if isinstance(path, list) else [path]
    return Sort(name, given.get("order", "asc") != "desc")


def _near(given: Mapping[str, Any]) -> Near | None:
    near = given.get("nearVector") or given.get("nearObject")
    if near is None:
        return None
    if near.keys() - _NEAR or (given.get("nearVector") and given.get("nearObject")):
        raise not_served(f"a search with {', '.join(sorted(near))}")
    targets = near.get("targetVectors") or []
    if len(targets) > 1:
        raise not_served("a search by several vectors at once")
    using = targets[0] if targets else None
    distance, certainty = near.get("distance"), near.get("certainty")
    if "vector" in near:
        vector = np.asarray(near["vector"], np.float32)
        return Near(vector, "", using, distance, certainty)
    text = str(near.get("id") or str(near["beacon"]).rpartition("/")[2])
    return Near(None, text, using, distance, certainty)


async def _object(
    store: Store, names: Names, hit: Hit, found: Class, fields: tuple[Selected, ...], tenant: str
) -> Json:
    plain = plain_of(hit.record, found.layout)
    told: Json = {}
    for one in fields:
        held = found.layout.properties.get(one.name)
        if one.name == "_additional":
            told[one.key] = _additional(hit, found, one)
        elif held is None:
            raise invalid(f'Cannot query field "{one.name}" on type "{found.place.class_name}".')
        elif held.type == REFERENCE:
            beacons = [beacon["beacon"] for beacon in plain.get(one.name) or ()]
            told[one.key] = await _referred(store, names, beacons, one, tenant) or None
        else:
            told[one.key] = _narrowed(as_go(plain.get(one.name)), one.fields)
    return told


def _narrowed(value: Any, fields: tuple[Selected, ...]) -> Any:
    if not fields or value is None:
        return value
    if isinstance(value, list):
        return [_narrowed(one, fields) for one in value]
    return {one.key: _narrowed(value.get(one.name), one.fields) for one in fields}


async def _referred(
    store: Store, names: Names, beacons: list[str], asked: Selected, tenant: str
) -> list[Json]:
    told = []
    for beacon in beacons:
        target, _, text = beacon.removeprefix(BEACON).rpartition("/")
        if target not in asked.on:
            continue
        other = await referred(store, names, target, tenant)
        record = await fetch(store, other.place, UUID(text))
        if record is not None:
            told.append(await _object(store, names, Hit(record), other, asked.on[target], tenant))
    return told


def _additional(hit: Hit, found: Class, asked: Selected) -> Json:
    told: Json = {}
    for one in asked.fields:
        told[one.key] = _of_additional(hit, found, one)
    return told


def _of_additional(hit: Hit, found: Class, one: Selected) -> Any:
    record: Record = hit.record
    match one.name:
        case "id":
            return str(found.place.object_id(record.id))
        case "vector":
            return vectors_json(record).get("vector")
        case "vectors":
            vectors = vectors_json(record).get("vectors") or {}
            return {name.key: vectors.get(name.name) for name in one.fields}
        case "distance":
            return None if hit.distance is None else as_go(float(str(np.float32(hit.distance))))
        case "certainty":
            return None if hit.distance is None else certainty_of(float(np.float32(hit.distance)))
        case "creationTimeUnix" | "lastUpdateTimeUnix":
            moment = record.payload.get(CREATED if one.name == "creationTimeUnix" else UPDATED)
            return None if moment is None else str(moment)
        case other:
            raise not_served(f"{other!r} of an object")
