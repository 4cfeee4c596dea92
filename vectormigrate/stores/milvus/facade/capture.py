"""What a request is about, and what a write may change, read out of its message before it leaves.

Until the cutover a filter stays in Milvus' own words, which Milvus understands best; afterwards it becomes the model's,
as one that every matching record meets: a mark too many costs a read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape, FieldType
from vectormigrate.model.errors import StoreBroken
from vectormigrate.model.filter import And, Filter, Native
from vectormigrate.model.touch import Ids, Matching, Scope, Touch, Unknown, Unnamed, Whole
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.milvus.wire.expressions import Beyond, parse
from vectormigrate.stores.milvus.wire.fields import read_given, template_values
from vectormigrate.stores.milvus.wire.native import DIALECT, layout_of
from vectormigrate.stores.milvus.wire.predicates import Predicate
from vectormigrate.stores.milvus.wire.results import read_keys
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

from .endpoints import Route

_TUNING = frozenset({"CreateCollection", "CreateIndex", "AlterIndex"})
"""What changes no record: making a collection that is there is refused by Milvus."""
_WHOLE = {"DropCollection": Scope.DROP, "RenameCollection": Scope.DROP, "TruncateCollection": Scope.CLEAR}
_ALIASES = frozenset({"CreateAlias", "DropAlias", "AlterAlias"})
_LISTING = frozenset({"ShowCollectionsRequest"})
"""What names collections and is about the server all the same."""
DATABASE = "default"
"""The one whose collections can be migrated behind a facade: a request names others beside the collection."""


def collection_of(message: Any) -> str | None:
    """The collection, or the alias of one, that a request is about; None for the whole server, or for several."""
    fields = message.DESCRIPTOR.fields_by_name
    for name in ("collection_name", "collection_names", "oldName", "alias"):
        if name in fields and (held := getattr(message, name)):
            names = [held] if isinstance(held, str) else held
            return str(names[0]) if len(names) == 1 and message.DESCRIPTOR.name not in _LISTING else None
    return None


def touches(
    route: Route, message: Any, shape: CollectionShape | None, concerned: Sequence[str], *, native: bool
) -> dict[str, tuple[Touch, ...]]:
    """What a write may change, by collection: all that is `concerned` if it is about none. `native` says that the
    primary is Milvus, and `shape` what the collection is like, if it is known.
    """
    if message is None:
        return dict.fromkeys(concerned, (Unknown(route.path or "an unknown request"),))
    if route.rpc in _ALIASES:
        names = [message.alias, getattr(message, "collection_name", "")]
        return {name: (Whole(Scope.ALIAS),) for name in names if name}
    collection = collection_of(message)
    if collection is None:
        return dict.fromkeys(concerned, _whole(route))
    match route.rpc:
        case "Insert" | "Upsert":
            return {collection: _written(route.rpc, message, shape)}
        case "Delete":
            return {collection: (_deleted(message, shape, native=native),)}
        case _:
            return {collection: _whole(route)}


def _whole(route: Route) -> tuple[Touch, ...]:
    if route.rpc in _TUNING:
        return ()
    if route.decision is Decision.REFUSE:
        return (Whole(Scope.RESTORE),)
    return (Whole(_WHOLE.get(route.rpc, Scope.SHAPE)),)


def _written(rpc: str, message: Any, shape: CollectionShape | None) -> tuple[Touch, ...]:
    key = None if shape is None else _column(message, shape.id.name)
    if shape is None or key is None:
        return (Unnamed(),)  # its answer names all of them
    named = Ids(tuple(dict.fromkeys(read_keys(key.scalars))))
    return (named, Unnamed()) if rpc == "Upsert" and layout_of(shape).auto_id else (named,)


def _column(message: Any, name: str) -> Any:
    return next((column for column in message.fields_data if column.field_name == name), None)


def _deleted(message: Any, shape: CollectionShape | None, *, native: bool) -> Ids | Matching:
    predicate = None
    if shape is not None:
        try:
            given = template_values(message.expr_template_values)
            predicate = Predicate(parse(message.expr, given), layout_of(shape))
        except (ExpressionInvalid, Beyond):
            pass  # whoever answers will say so
    if predicate is not None and predicate.ids is not None:
        return Ids(predicate.ids, removes=True)
    if native:
        values = {name: value.SerializeToString() for name, value in message.expr_template_values.items()}
        return Matching(Native(DIALECT, (message.expr, values)), removes=True)
    condition: Filter | None = None if predicate is None else predicate.superset()[0]
    return Matching(None if condition == And(()) else condition, removes=True)


def hinted(rpc: str, message: Any, shape: CollectionShape) -> Callable[[], Batch] | None:
    """What a write that Milvus took put there, as it reads back; None unless the request says all of it to the bit.

    It does not for JSON, which Milvus Lite keeps as text; for undeclared keys, which it merges with what was there; for
    partitions, in which one key may stand twice; and for defaults.
    """
    layout = layout_of(shape)
    given = {column.field_name for column in message.fields_data}
    wanted = {layout.key.name, *(column.name for column in (*layout.fields, *layout.vectors))}
    kinds = {field.type for field in shape.fields}
    unsure = layout.dynamic or layout.auto_id or shape.partitions or message.partition_name
    if rpc != "Upsert" or unsure or given != wanted or message.partial_update:
        return None
    if kinds - {FieldType.BOOL, FieldType.INT, FieldType.FLOAT, FieldType.TEXT}:
        return None
    if any(column.has_default for column in layout.fields):
        return None

    def records() -> Batch:
        try:
            read = read_given(message.fields_data, message.num_rows, layout)
        except (ExpressionInvalid, StoreBroken):
            return Batch([])
        batch = Batch(read.ids or [], read.vectors, read.payload)
        last = {record_id: row for row, record_id in enumerate(batch.ids)}
        return batch if len(last) == len(batch) else batch.take(sorted(last.values()))

    return records
