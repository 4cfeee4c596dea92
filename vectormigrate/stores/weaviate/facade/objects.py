"""Objects and references by REST, one at a time and listed, from any store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vectormigrate.stores.base import Store
from vectormigrate.stores.weaviate.wire.searches import DEFAULT_LIMIT, Ask, Sort

from .asked import Answer, Asked, Handler, Served, given_of, read_id, told
from .classes import class_at
from .finding import fetch, find
from .names import Place
from .problems import Problem, missing
from .telling import object_json
from .writing import Given

Json = dict[str, Any]


def _place(served: Served, asked: Asked) -> Place:
    return served.names.place(asked.found.values["class"], asked.query.text("tenant"))


async def _placed(served: Served, store: Store, asked: Asked) -> Place:
    """Where the object of a path is; of one that names no class, the first class that has it. Raises Problem."""
    if "class" in asked.found.values:
        return _place(served, asked)
    object_id = read_id(asked.found.values["id"], "path")
    for name in await store.collections():
        place = served.names.place(name, asked.query.text("tenant"))
        shape = await store.describe(name)
        if bool(shape.id.parts) is bool(place.tenant) and await fetch(store, place, object_id) is not None:
            return place
    raise missing()


async def _get(served: Served, store: Store, asked: Asked) -> Answer:
    object_id = read_id(asked.found.values["id"], "path")
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
    return told(object_json(record, found, vector="vector" in include) | {"vectorWeights": None})


async def _head(served: Served, store: Store, asked: Asked) -> Answer:
    object_id = read_id(asked.found.values["id"], "path")
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
            one = object_json(hit.record, found, vector="vector" in query.words("include"))
            objects.append(one | {"vectorWeights": None})
    return told({"deprecations": [], "objects": objects, "totalResults": len(objects)})


async def _create(served: Served, store: Store, asked: Asked) -> Answer:
    record, found = await served.writer(store).create(given_of(asked.mapping()))
    return told(object_json(record, found, vector=True))


async def _validate(served: Served, store: Store, asked: Asked) -> Answer:
    given = given_of(asked.mapping())
    found = await class_at(store, served.names.place(given.class_name, given.tenant))
    served.writer(store).check(given, found)
    return Answer(200)


async def _replace(served: Served, store: Store, asked: Asked) -> Answer:
    values = asked.found.values
    read_id(values["id"], "path")
    given = given_of(asked.mapping(), object_id=values["id"], class_name=values.get("class", ""))
    record, found = await served.writer(store).replace(given)
    return told(object_json(record, found, vector=True))


async def _merge(served: Served, store: Store, asked: Asked) -> Answer:
    values = asked.found.values
    read_id(values["id"], "path")
    given = given_of(asked.mapping(), object_id=values["id"], class_name=values.get("class", ""))
    await served.writer(store).merge(given)
    return Answer(204)


async def _delete(served: Served, store: Store, asked: Asked) -> Answer:
    object_id = read_id(asked.found.values["id"], "path")
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
    given = Given(place.class_name, place.tenant, read_id(asked.found.values["id"], "path"))
    changes: Mapping[str, Callable[[list[str]], list[str]]] = {
        "add_reference": lambda held: [*held, *beacons],
        "replace_references": lambda held: beacons,
        "delete_reference": lambda held: [one for one in held if one not in beacons],
    }
    added = [] if operation == "delete_reference" else beacons
    await writer.refer(given, name, changes[operation], added)
    return Answer(204 if operation == "delete_reference" else 200)


HANDLERS: dict[str, Handler] = {
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
}
