"""REST requests answered from a store: a body read, a handler called, its answer written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import msgspec
import numpy as np

from vectormigrate.model.clock import Clock
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Store
from vectormigrate.stores.turns import Turns
from vectormigrate.stores.weaviate.wire.clauses import read_where
from vectormigrate.stores.weaviate.wire.searches import DEFAULT_LIMIT, Ask, Sort

from . import schema
from .classes import Class, class_at
from .endpoints import Found
from .finding import condition, fetch, find, ids
from .graphql import answer_query
from .names import Names, Place
from .problems import UNIMPLEMENTED, Problem, bad_body, invalid, missing, not_served
from .querystring import Query
from .telling import object_json
from .writing import Given, Writer

Json = dict[str, Any]

VERSION = "1.38.11"
"""Of Weaviate: what clients look at to know what they can ask for."""
_DELETED = 10_000
"""Objects that one delete by a filter removes at most."""


@dataclass(frozen=True, slots=True)
class Served:
    """What answers share."""

    names: Names
    turns: Turns
    clock: Clock

    def writer(self, store: Store) -> Writer:
        """A writer for one request."""
        return Writer(store, self.names, self.turns, self.clock)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    found: Found
    query: Query
    body: bytes
    only: Collection[RecordId] | None = None
    """Of a delete by a filter: the keys that are marked, so that nothing else goes."""

    def json(self) -> Any:
        """The body. Raises Problem."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise bad_body(str(error)) from None

    def mapping(self) -> Json:
        """The body, an object. Raises Problem."""
        given = self.json()
        if not isinstance(given, dict):
            raise bad_body("it is no object")
        return given

    def items(self) -> list[Any]:
        """The body, a list. Raises Problem."""
        given = self.json()
        if not isinstance(given, list):
            raise bad_body("it is no list")
        return given


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes = b""


def _told(value: Any, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(value))


Handler: TypeAlias = Callable[[Served, Store, Asked], Awaitable[Answer]]


# Objects.


def _uuid(text: str, where: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Problem(422, 3, f'id in {where} must be of type uuid: "{text}"') from None


def given_of(told: Any, *, object_id: str = "", class_name: str = "") -> Given:
    """An object of a request. One without an id gets one. Raises Problem."""
    if not isinstance(told, dict):
        raise invalid("invalid object: it is no object")
    text = object_id or told.get("id") or ""
    properties = told.get("properties") or {}
    if not isinstance(properties, dict):
        raise invalid(f"invalid object: properties are {type(properties).__name__}, and not an object")
    vectors: Json = dict(told.get("vectors") or {})
    if told.get("vector"):
        vectors[""] = told["vector"]
    try:
        arrays = {name: np.asarray(one, np.float32) for name, one in vectors.items()}
    except (ValueError, TypeError) as error:
        raise invalid(f"invalid object: a vector cannot be read: {error}") from None
    return Given(
        class_name or str(told.get("class") or ""),
        str(told.get("tenant") or ""),
        _uuid(text, "body") if text else uuid4(),
        properties,
        arrays,
    )


def _place(served: Served, asked: Asked) -> Place:
    return served.names.place(asked.found.values["class"], asked.query.text("tenant"))


async def _placed(served: Served, store: Store, asked: Asked) -> Place:
    """Where the object of a path is; of one that names no class, the first class that has it. Raises Problem."""
    if "class" in asked.found.values:
        return _place(served, asked)
    object_id = _uuid(asked.found.values["id"], "path")
    for name in await store.collections():
        place = served.names.place(name, asked.query.text("tenant"))
        shape = await store.describe(name)
        if bool(shape.id.parts) is bool(place.tenant) and await fetch(store, place, object_id) is not None:
            return place
    raise missing()


async def _get(served: Served, store: Store, asked: Asked) -> Answer:
    object_id = _uuid(asked.found.values["id"], "path")
    try:
        found = await class_at(store, await _placed(served, store, asked))
    except Problem as problem:
        raise missing() if "could not find class" in problem.text else problem from None
    include = asked.query.words("include")
    unknown = [word for word in include if word not in ("vector", "classification", "vectors")]
    if unknown:
        raise Problem(400, 3, f"unrecognized property '{unknown[0]}' in ?include list")
    record = await fetch(store, found.place, object_id)
    if record is None:
        raise missing()
    return _told(object_json(record, found, vector="vector" in include) | {"vectorWeights": None})


async def _head(served: Served, store: Store, asked: Asked) -> Answer:
    object_id = _uuid(asked.found.values["id"], "path")
    found = await class_at(store, await _placed(served, store, asked))
    return Answer(404 if await fetch(store, found.place, object_id) is None else 204)


async def _list(served: Served, store: Store, asked: Asked) -> Answer:
    query = asked.query
    names = [query.text("class")] if query.text("class") else await store.collections()
    limit, offset = query.number("limit", DEFAULT_LIMIT), query.number("offset", 0)
    after = query.text("after") if "after" in query else None
    orders = query.words("order")
    sort = tuple(
        Sort(name, (orders[row] if row < len(orders) else "asc") != "desc")
        for row, name in enumerate(query.words("sort"))
    )
    objects: list[Json] = []
    for name in names:
        try:
            found = await class_at(store, served.names.place(name, query.text("tenant")))
        except Problem as problem:
            if not query.text("class"):
                continue  # a class with tenants, where none was named
            raise missing() if "could not find class" in problem.text else problem from None
        ask = Ask(name, query.text("tenant"), limit - len(objects), offset, after, sort)
        for hit in await find(store, found, ask) if ask.limit > 0 else ():
            told = object_json(hit.record, found, vector="vector" in query.words("include"))
            objects.append(told | {"vectorWeights": None})
    return _told({"deprecations": [], "objects": objects, "totalResults": len(objects)})


async def _create(served: Served, store: Store, asked: Asked) -> Answer:
    record, found = await served.writer(store).create(given_of(asked.mapping()))
    return _told(object_json(record, found, vector=True))


async def _validate(served: Served, store: Store, asked: Asked) -> Answer:
    given = given_of(asked.mapping())
    found = await class_at(store, served.names.place(given.class_name, given.tenant))
    served.writer(store).check(given, found)
    return Answer(200)


async def _replace(served: Served, store: Store, asked: Asked) -> Answer:
    values = asked.found.values
    _uuid(values["id"], "path")
    given = given_of(asked.mapping(), object_id=values["id"], class_name=values.get("class", ""))
    record, found = await served.writer(store).replace(given)
    return _told(object_json(record, found, vector=True))


async def _merge(served: Served, store: Store, asked: Asked) -> Answer:
    values = asked.found.values
    _uuid(values["id"], "path")
    given = given_of(asked.mapping(), object_id=values["id"], class_name=values.get("class", ""))
    await served.writer(store).merge(given)
    return Answer(204)


async def _delete(served: Served, store: Store, asked: Asked) -> Answer:
    object_id = _uuid(asked.found.values["id"], "path")
    found = await class_at(store, await _placed(served, store, asked))
    await served.writer(store).delete(found, [found.place.key(object_id)])
    return Answer(204)


# References.


async def _refer(served: Served, store: Store, asked: Asked) -> Answer:
    operation, name = asked.found.route.operation, asked.found.values["property"]
    place = await _placed(served, store, asked)
    writer = served.writer(store)
    items = asked.items() if operation == "replace_references" else [asked.mapping()]
    beacons = [
        await writer.beacon(place.class_name, place.tenant, name, str(one.get("beacon") or ""))
        for one in items
    ]
    given = Given(place.class_name, place.tenant, _uuid(asked.found.values["id"], "path"))
    changes: Mapping[str, Callable[[list[str]], list[str]]] = {
        "add_reference": lambda held: [*held, *beacons],
        "replace_references": lambda held: beacons,
        "delete_reference": lambda held: [one for one in held if one not in beacons],
    }
    added = [] if operation == "delete_reference" else beacons
    await writer.refer(given, name, changes[operation], added)
    return Answer(204 if operation == "delete_reference" else 200)


# Batches.


async def _batch_objects(served: Served, store: Store, asked: Asked) -> Answer:
    objects = asked.mapping().get("objects")
    if not objects:
        raise invalid("invalid param 'objects': cannot be empty, need at least one object for batching")
    given: list[Given | Problem] = []
    for one in objects:
        try:
            given.append(given_of(one))
        except Problem as problem:
            given.append(problem)
    told = []
    for one, item, what in zip(objects, given, await served.writer(store).batch(given), strict=True):
        answer = {**one, "deprecations": None, "result": _result(what)}
        if isinstance(item, Given):
            answer["id"] = str(item.id)
        told.append(answer)
    return _told(told)


def _result(what: object) -> Json:
    if not isinstance(what, Problem):
        return {"status": "SUCCESS"}
    return {"errors": {"error": [{"message": what.text}]}, "status": "FAILED"}


async def selected(served: Served, store: Store, asked: Asked) -> tuple[Class, list[RecordId]]:
    """The class of a delete by a filter, and the keys of what matches. Raises Problem."""
    match = asked.mapping().get("match") or {}
    if not match.get("where"):
        raise Problem(500, 2, "validate: empty match.where clause")
    try:
        filters = read_where(match["where"])
    except ValueError as error:
        raise invalid(f"validate: {error}") from None
    place = served.names.place(str(match.get("class") or ""), asked.query.text("tenant"))
    found = await class_at(store, place)
    return found, await ids(store, found.place, await condition(store, found, filters))


async def _batch_delete(served: Served, store: Store, asked: Asked) -> Answer:
    found, keys = await selected(served, store, asked)
    body = asked.mapping()
    dry = bool(body.get("dryRun"))
    gone = marked(keys, asked.only)[:_DELETED]
    if not dry:
        await served.writer(store).delete(found, gone)
    objects = [
        {"id": str(found.place.object_id(key)), "status": "DRYRUN" if dry else "SUCCESS"} for key in gone
    ]
    results = {
        "failed": 0,
        "limit": _DELETED,
        "matches": len(keys),
        "objects": objects if body.get("output") == "verbose" else None,
        "successful": 0 if dry else len(gone),
    }
    output = body.get("output") or "minimal"
    return _told({"dryRun": dry, "match": body["match"], "output": output, "results": results})


def marked(keys: Sequence[RecordId], only: Collection[RecordId] | None) -> list[RecordId]:
    """The keys that may go: those that are marked, if only some are."""
    return [key for key in keys if only is None or key in only]


async def _batch_references(served: Served, store: Store, asked: Asked) -> Answer:
    told = []
    for one in asked.items():
        source, name = str(one.get("from") or "").rsplit("/", 1) if one.get("from") else ("", "")
        class_name, _, text = source.rpartition("localhost/")[2].partition("/")
        what: Problem | None = None
        try:
            await add_reference(
                served.writer(store), class_name, str(one.get("tenant") or ""), text, name, str(one.get("to"))
            )
        except Problem as problem:
            what = problem
        told.append({**one, "result": _result(what)})
    return _told(told)


async def add_reference(
    writer: Writer, class_name: str, tenant: str, text: str, name: str, beacon: str
) -> None:
    """One reference of a batch: what it points to is not looked for. Raises Problem."""
    full = await writer.beacon(class_name, tenant, name, beacon)
    given = Given(class_name, tenant, _uuid(text, "beacon"))
    try:
        await writer.refer(given, name, lambda held: [*held, full], ())
    except Problem as problem:
        raise invalid(problem.text or f"no object with id {text} found") from None


# The server.


async def _meta(served: Served, store: Store, asked: Asked) -> Answer:
    return _told(
        {"grpcMaxMessageSize": 104_858_000, "hostname": "http://[::]:8080", "modules": {}, "version": VERSION}
    )


async def _nodes(served: Served, store: Store, asked: Asked) -> Answer:
    node = {
        "batchStats": {"queueLength": 0, "ratePerSecond": 0},
        "name": "vectormigrate",
        "operationalMode": "ReadWrite",
        "shards": None,
        "status": "HEALTHY",
        "version": VERSION,
    }
    if asked.query.text("output") == "verbose":
        raise not_served("the shards of a node")
    return _told({"nodes": [node]})


async def _root(served: Served, store: Store, asked: Asked) -> Answer:
    return _told({"links": [{"href": "/v1/meta", "name": "Meta information about this instance/cluster"}]})


async def _alive(served: Served, store: Store, asked: Asked) -> Answer:
    return Answer(200)


async def _openid(served: Served, store: Store, asked: Asked) -> Answer:
    return Answer(404)


async def _graphql(served: Served, store: Store, asked: Asked) -> Answer:
    return _told(await answer_query(store, served.names, asked.mapping()))


async def _graphql_batch(served: Served, store: Store, asked: Asked) -> Answer:
    return _told([await answer_query(store, served.names, one) for one in asked.items()])


def _of_schema(handler: Callable[[Store, Place, Any, str], Awaitable[schema.Told]]) -> Handler:
    async def handle(served: Served, store: Store, asked: Asked) -> Answer:
        values = asked.found.values
        place = served.names.place(values.get("class", ""))
        body = asked.json() if asked.body else None
        told = await handler(store, place, body, values.get("tenant", ""))
        return Answer(told.status) if told.value is None else _told(told.value, told.status)

    return handle


_HANDLERS: dict[str, Handler] = {
    "root": _root,
    "alive": _alive,
    "openid": _openid,
    "meta": _meta,
    "nodes": _nodes,
    "list_objects": _list,
    "create_object": _create,
    "validate_object": _validate,
    "get_object": _get,
    "head_object": _head,
    "replace_object": _replace,
    "merge_object": _merge,
    "delete_object": _delete,
    "add_reference": _refer,
    "replace_references": _refer,
    "delete_reference": _refer,
    "batch_objects": _batch_objects,
    "batch_delete": _batch_delete,
    "batch_references": _batch_references,
    "graphql": _graphql,
    "graphql_batch": _graphql_batch,
    **{operation: _of_schema(handler) for operation, handler in schema.HANDLERS.items()},
}


async def answer(served: Served, store: Store, asked: Asked) -> Answer:
    """The answer to one request. Raises Problem, StoreError."""
    route = asked.found.route
    handler = _HANDLERS.get(route.operation)
    if not route.known:
        raise Problem(404, UNIMPLEMENTED, f"there is no {route.method} of this path")
    if handler is None:
        raise not_served(f"{route.method} {route.path}: {route.why}")
    return await handler(served, store, asked)
