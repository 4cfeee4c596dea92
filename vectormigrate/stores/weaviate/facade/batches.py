"""Many objects in one request by REST, each with a result of its own, on any store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Store
from vectormigrate.stores.weaviate.wire.clauses import read_where

from .asked import Answer, Asked, Handler, Served, given_of, read_id, told
from .classes import Class, class_at
from .finding import condition, ids
from .problems import Problem, invalid
from .writing import Given, Writer

Json = dict[str, Any]

_DELETED = 10_000
"""Objects that one delete by a filter removes at most."""


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
    results = []
    for one, item, what in zip(objects, given, await served.writer(store).batch(given), strict=True):
        answer = {**one, "deprecations": None, "result": _result(what)}
        if isinstance(item, Given):
            answer["id"] = str(item.id)
        results.append(answer)
    return told(results)


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
    return told({"dryRun": dry, "match": body["match"], "output": output, "results": results})


def marked(keys: Sequence[RecordId], only: Collection[RecordId] | None) -> list[RecordId]:
    """The keys that may go: those that are marked, if only some are."""
    return [key for key in keys if only is None or key in only]


async def _batch_references(served: Served, store: Store, asked: Asked) -> Answer:
    results = []
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
        results.append({**one, "result": _result(what)})
    return told(results)


async def add_reference(
    writer: Writer, class_name: str, tenant: str, text: str, name: str, beacon: str
) -> None:
    """One reference of a batch: what it points to is not looked for. Raises Problem."""
    full = await writer.beacon(class_name, tenant, name, beacon)
    given = Given(class_name, tenant, read_id(text, "beacon"))
    try:
        await writer.refer(given, name, lambda held: [*held, full], ())
    except Problem as problem:
        raise invalid(problem.text or f"no object with id {text} found") from None


HANDLERS: dict[str, Handler] = {
    "batch_objects": _batch_objects,
    "batch_delete": _batch_delete,
    "batch_references": _batch_references,
}
