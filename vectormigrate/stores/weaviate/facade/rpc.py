"""gRPC calls answered from a store: a message read, a handler called, its answer written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeAlias
from uuid import UUID

from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Store
from vectormigrate.stores.routing import Route
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.clauses import Unanswerable
from vectormigrate.stores.weaviate.wire.layout import Layout
from vectormigrate.stores.weaviate.wire.messages import plain_properties, read_vectors
from vectormigrate.stores.weaviate.wire.searches import Ask, read_near_object, read_near_vector, read_search

from .asked import Served
from .batches import add_reference, marked
from .classes import Class, class_at, tenants_of
from .finding import condition, count, find, ids
from .problems import INVALID, Problem, invalid, not_served
from .telling import Teller
from .writing import Given

HEALTHY = b"\x08\x01"
"""A health check's answer that all is well: its one field, 1."""

Handler: TypeAlias = Callable[[Served, Store, Any], Awaitable[Any]]


async def _search(served: Served, store: Store, request: Any) -> Any:
    try:
        ask = read_search(request)
    except ValueError as error:
        raise invalid(str(error)) from None
    except Unanswerable as error:
        raise not_served(str(error)) from None
    found = await class_at(store, served.names.place(ask.class_name, ask.tenant))
    teller = Teller(store, served.names, ask.tenant)
    reply = pb.SearchReply()
    for hit in await find(store, found, ask):
        reply.results.append(await teller.result(hit, found, ask.members, ask.metadata))
    return reply


async def _aggregate(served: Served, store: Store, request: Any) -> Any:
    if request.aggregations or request.HasField("group_by"):
        raise not_served("anything but the number of objects")
    search = request.WhichOneof("search")
    found = await class_at(store, served.names.place(request.collection, request.tenant))
    filters = request.filters if request.HasField("filters") else None
    reply = pb.AggregateReply()
    reply.single_result.SetInParent()
    if search is None:
        total = await count(store, found, filters)
    else:
        total = await _count_near(store, found, request, search, filters)
    if request.objects_count:
        reply.single_result.objects_count = total
    return reply


async def _count_near(store: Store, found: Any, request: Any, search: str, filters: Any) -> int:
    readers = {"near_vector": read_near_vector, "near_object": read_near_object}
    if search not in readers or not request.HasField("object_limit"):
        raise not_served(f"a count of what {search} finds")
    try:
        near = readers[search](getattr(request, search))
    except ValueError as error:
        raise invalid(str(error)) from None
    except Unanswerable as error:
        raise not_served(str(error)) from None
    return len(
        await find(
            store, found, Ask(request.collection, limit=request.object_limit, where=filters, near=near)
        )
    )


async def _tenants(served: Served, store: Store, request: Any) -> Any:
    found = await tenants_of(store, served.names.place(request.collection))
    wanted = list(request.names.values) if request.HasField("names") else list(found)
    reply = pb.TenantsGetReply()
    states = pb.TenantActivityStatus
    for name in wanted:
        if name in found:
            reply.tenants.add(
                name=name, activity_status=states.Value(f"TENANT_ACTIVITY_STATUS_{found[name]}")
            )
    return reply


async def _batch_objects(served: Served, store: Store, request: Any) -> Any:
    layouts: dict[str, Layout | None] = {}
    given: list[Given | Problem] = []
    for one in request.objects:
        name = served.names.place(one.collection, one.tenant).collection
        if name not in layouts:
            try:
                layouts[name] = (await class_at(store, served.names.place(one.collection, one.tenant))).layout
            except Problem:
                layouts[name] = None  # what is wrong with it is told by object
        given.append(_given(one, layouts[name]))
    reply = pb.BatchObjectsReply()
    for index, what in enumerate(await served.writer(store).batch(given)):
        if isinstance(what, Problem):
            reply.errors.add(index=index, error=what.text)
    return reply


def _given(message: Any, layout: Layout | None) -> Given | Problem:
    try:
        object_id = UUID(message.uuid)
        dense, multi = read_vectors(message)
    except ValueError as error:
        return Problem(422, INVALID, f"invalid UUID or vector: {error}")
    plain = plain_properties(message.properties, {} if layout is None else layout.properties)
    return Given(message.collection, message.tenant, object_id, plain, {**dense, **multi})


async def _batch_references(served: Served, store: Store, request: Any) -> Any:
    reply = pb.BatchReferencesReply()
    writer = served.writer(store)
    for index, one in enumerate(request.references):
        target = f"{one.to_collection}/" if one.HasField("to_collection") else ""
        beacon = f"weaviate://localhost/{target}{one.to_uuid}"
        try:
            await add_reference(writer, one.from_collection, one.tenant, one.from_uuid, one.name, beacon)
        except Problem as problem:
            reply.errors.add(index=index, error=problem.text)
    return reply


async def selected(served: Served, store: Store, request: Any) -> tuple[Class, list[RecordId]]:
    """The class of a `BatchDeleteRequest`, and the keys of what matches. Raises Problem."""
    if not request.HasField("filters"):
        raise invalid("batch delete params: no filters in batch delete request")
    found = await class_at(store, served.names.place(request.collection, request.tenant))
    return found, await ids(store, found.place, await condition(store, found, request.filters))


async def delete(
    served: Served, store: Store, request: Any, only: Collection[RecordId] | None = None
) -> bytes:
    """Remove what matches, if it is among these keys. Raises Problem, StoreError."""
    found, keys = await selected(served, store, request)
    gone = marked(keys, only)
    if not request.dry_run:
        await served.writer(store).delete(found, gone)
    reply = pb.BatchDeleteReply(failed=0, matches=len(keys), successful=len(gone))
    if request.verbose:
        for key in gone:
            reply.objects.add(uuid=found.place.object_id(key).bytes, successful=True)
    return bytes(reply.SerializeToString())


_HANDLERS: dict[str, Handler] = {
    "search": _search,
    "aggregate": _aggregate,
    "get_tenants": _tenants,
    "batch_objects": _batch_objects,
    "batch_references": _batch_references,
}


async def answer(served: Served, store: Store, route: Route, request: Any) -> bytes:
    """The message that answers a call. Raises Problem, StoreError."""
    if route.operation == "batch_delete":
        return await delete(served, store, request)
    handler = _HANDLERS.get(route.operation)
    if handler is None:
        raise not_served(f"{route.path or 'this method'}: {route.why}")
    message = await handler(served, store, request)
    return bytes(message.SerializeToString())
