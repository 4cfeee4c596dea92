"""FieldData both ways, on the side of a server: columns that a client writes, and columns that it is answered with.

Answers send every value of a nullable column, with a stand-in where there is none, as servers do in results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import numpy as np

from vectormigrate.model.batch import Batch, DenseColumn, SparseColumn
from vectormigrate.model.batch import Column as Vectors
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores import decimals
from vectormigrate.stores.milvus.pb import schema_pb2

from .native import LIKE
from .records import SLOTS, delimited, write_sparse
from .results import read_keys, read_values, read_vector
from .schema import DYNAMIC, Column, DataType, Layout
from .tokens import ExpressionInvalid

_STAND_INS: dict[int, Any] = {DataType.Bool: False, DataType.JSON: b"null"}
_TEXTS = frozenset(
    {DataType.VarChar, DataType.String, DataType.Text, DataType.Geometry, DataType.Timestamptz}
)


@dataclass(frozen=True, slots=True)
class Output:
    """What of a record is answered."""

    fields: tuple[Column, ...] = ()
    vectors: tuple[Column, ...] = ()
    key: bool = False
    dynamic: tuple[str, ...] = ()
    """Undeclared keys by name."""
    everything: bool = False
    """All undeclared keys."""

    @property
    def names(self) -> list[str]:
        """As results list them."""
        declared = [column.name for column in (*self.fields, *self.vectors)]
        return [*declared, *((DYNAMIC,) if self.everything else self.dynamic)]

    @property
    def bare(self) -> bool:
        """Whether the key alone is enough."""
        return not (self.fields or self.vectors or self.dynamic or self.everything)


def read_output(names: Sequence[str], layout: Layout) -> Output:
    """What `output_fields` ask for. Raises ExpressionInvalid for a field that is not there."""
    star = "*" in names
    known = {layout.key.name, "*", DYNAMIC, *(column.name for column in (*layout.fields, *layout.vectors))}
    extra = tuple(dict.fromkeys(name for name in names if name not in known))
    if extra and not layout.dynamic:
        raise ExpressionInvalid(f"field {extra[0]} not exist")
    return Output(
        tuple(column for column in layout.fields if star or column.name in names),
        tuple(column for column in layout.vectors if star or column.name in names),
        star or layout.key.name in names,
        extra,
        layout.dynamic and (star or DYNAMIC in names),
    )


# Out.


def write_fields(batch: Batch, output: Output, layout: Layout, *, key: bool) -> list[Any]:
    """A FieldData for each column of an answer, `key` perhaps among them."""
    found = [write_column(layout.key, batch.ids)] if key else []
    found += [
        write_column(column, [payload.get(column.name) for payload in batch.payload])
        for column in output.fields
    ]
    found += [write_vectors(column, batch.vectors.get(column.name), len(batch)) for column in output.vectors]
    if output.everything or output.dynamic:
        declared = {column.name for column in (layout.key, *layout.fields, *layout.vectors)}
        meta = schema_pb2.FieldData(type=DataType.JSON, field_name=DYNAMIC, is_dynamic=True)
        meta.scalars.json_data.data.extend(
            decimals.dumps(undeclared(payload, declared, output)) for payload in batch.payload
        )
        if not len(batch):
            meta.scalars.json_data.SetInParent()
        found.append(meta)
    return found


def undeclared(payload: Payload, declared: set[str], output: Output) -> Payload:
    """The undeclared keys of a record that are asked for."""
    return {
        name: value
        for name, value in payload.items()
        if name not in declared and (output.everything or name in output.dynamic)
    }


def write_ids(ids: Sequence[RecordId], layout: Layout) -> Any:
    """Keys as an IDs message."""
    if layout.key.type == DataType.Int64:
        return schema_pb2.IDs(int_id=schema_pb2.LongArray(data=ids))
    return schema_pb2.IDs(str_id=schema_pb2.StringArray(data=ids))


def read_ids(message: Any) -> list[RecordId]:
    """Invert `write_ids`."""
    kind = message.WhichOneof("id_field")
    return list(getattr(message, kind).data) if kind else []


def write_column(column: Column, values: Sequence[Any]) -> Any:
    """One column of payload, None where there is nothing. Raises TypeError, ValueError for what its type cannot hold."""
    message = schema_pb2.FieldData(type=column.type, field_name=column.name)
    if any(value is None for value in values):
        message.valid_data.extend(value is not None for value in values)
    if column.type == DataType.Array:
        arrays = message.scalars.array_data
        arrays.element_type = column.element
        for value in values:
            _fill(arrays.data.add(), column.element, value or ())
        return message
    stand_in = _STAND_INS.get(column.type, "" if column.type in _TEXTS else 0)
    write = _WRITERS.get(column.type, _as_it_is)
    _fill(message.scalars, column.type, [stand_in if value is None else write(value) for value in values])
    return message


def _as_it_is(value: Any) -> Any:
    return value


def _moment(value: Any) -> str:
    """A time stamp as servers give it; REST brings it as the text that it is."""
    if isinstance(value, str):
        return value
    text: str = value.astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z")


_WRITERS: dict[int, Callable[[Any], Any]] = {DataType.JSON: decimals.dumps, DataType.Timestamptz: _moment}


def _fill(scalars: Any, kind: int, values: Sequence[Any]) -> None:
    slot = getattr(scalars, SLOTS[kind])
    slot.SetInParent()
    slot.data.extend(values)


def write_vectors(column: Column, given: Vectors | None, rows: int) -> Any:
    """One column of vectors."""
    message = schema_pb2.FieldData(type=column.type, field_name=column.name)
    present = None if given is None else given.present
    if given is None or present is not None:
        message.valid_data.extend(np.zeros(rows, bool) if given is None or present is None else present)
    if column.type == DataType.SparseFloatVector:
        message.vectors.sparse_float_vector.SetInParent()
        if isinstance(given, SparseColumn):
            write_sparse(message, column, given)
        else:
            message.vectors.sparse_float_vector.contents.extend([b""] * rows)
    else:
        message.vectors.dim = column.dim
        values = given.values if isinstance(given, DenseColumn) else np.zeros((rows, _width(column)), "<f4")
        _dense(message.vectors, column.type, values)
    return message


def _width(column: Column) -> int:
    return column.dim // 8 if column.type == DataType.BinaryVector else column.dim


def _dense(vectors: Any, kind: int, values: Any) -> None:
    match kind:
        case DataType.FloatVector:
            raw = np.ascontiguousarray(values, "<f4").tobytes()
            vectors.float_vector.ParseFromString(b"".join(delimited(schema_pb2.FloatArray, "data", [raw])))
        case DataType.Float16Vector:
            vectors.float16_vector = np.ascontiguousarray(values, "<f2").tobytes()
        case DataType.BFloat16Vector:
            bits = np.ascontiguousarray(values, "<f4").view("<u4") >> 16
            vectors.bfloat16_vector = bits.astype("<u2").tobytes()
        case DataType.BinaryVector:
            vectors.binary_vector = np.ascontiguousarray(values, "u1").tobytes()
        case _:
            vectors.int8_vector = np.ascontiguousarray(values, "i1").tobytes()


# In.


@dataclass(slots=True)
class Given:
    """The columns of an insert: only those that it has."""

    rows: int
    ids: list[RecordId] | None = None
    payload: list[Payload] = field(default_factory=list)
    vectors: dict[str, Vectors] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """Of the declared fields that are given."""


def read_given(messages: Sequence[Any], rows: int, layout: Layout) -> Given:
    """The FieldData of an insert or upsert. Raises ExpressionInvalid for what does not fit the collection, StoreBroken for
    columns that are cut off.
    """
    given = Given(rows, payload=[{} for _ in range(rows)])
    columns = {column.name: column for column in layout.fields}
    vectors = {column.name: column for column in layout.vectors}
    for message in messages:
        name = message.field_name
        if message.is_dynamic or name == DYNAMIC:
            _read_meta(message, given, layout)
        elif name == layout.key.name:
            if not all(message.valid_data):
                raise ExpressionInvalid("the primary key cannot be null")
            given.ids = read_keys(message.scalars)
        elif name in columns:
            _check_kind(message, columns[name])
            for payload, value in zip(
                given.payload, read_values(message, columns[name], rows, LIKE), strict=True
            ):
                payload[name] = value
        elif name in vectors:
            _check_kind(message, vectors[name])
            given.vectors[name] = read_vector(message, vectors[name], rows)
        else:
            raise ExpressionInvalid(f"field {name} not exist")
        given.names.add(name)
    if given.ids is not None and len(given.ids) != rows:
        raise ExpressionInvalid(f"{len(given.ids)} primary keys for {rows} rows")
    return given


def _check_kind(message: Any, column: Column) -> None:
    if message.type != column.type:
        told = DataType.Name(message.type) if message.type in DataType.values() else message.type
        raise ExpressionInvalid(
            f"field {column.name!r} is {DataType.Name(column.type)}, and the data is {told}"
        )
    kind = "vectors" if message.WhichOneof("field") == "vectors" else ""
    if kind and column.type != DataType.SparseFloatVector and message.vectors.dim != column.dim:
        raise ExpressionInvalid(
            f"the dim ({message.vectors.dim}) of field data({column.name}) is not equal to schema dim ({column.dim})"
        )


def _read_meta(message: Any, given: Given, layout: Layout) -> None:
    if not layout.dynamic:
        raise ExpressionInvalid("without dynamic schema enabled, the field name $meta cannot be set")
    declared = {column.name for column in (layout.key, *layout.fields, *layout.vectors)}
    texts = message.scalars.json_data.data
    if len(texts) != given.rows:
        raise ExpressionInvalid(f"{len(texts)} values of $meta for {given.rows} rows")
    for payload, text in zip(given.payload, texts, strict=True):
        value = decimals.loads(text) if text else {}
        if not isinstance(value, dict):
            raise ExpressionInvalid("the dynamic field holds JSON objects")
        if clash := declared & value.keys():
            raise ExpressionInvalid(f"dynamic field cannot include fixed field: {min(clash)}")
        payload.update(value)


def template_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an expression's `{names}`. Raises ExpressionInvalid for one of a kind that has no literal."""
    return {name: _template(value) for name, value in given.items()}


def write_template(value: Any) -> bytes:
    """A value of an expression's `{name}` as a serialized TemplateValue."""
    made = schema_pb2.TemplateValue()
    if isinstance(value, list):
        made.array_val.SetInParent()
        _write_array(made.array_val, value)
    else:
        setattr(made, _ONE[type(value)], value)
    return bytes(made.SerializeToString())


def _write_array(array: Any, values: Sequence[Any]) -> None:
    kinds = {type(one) for one in values}
    if kinds == {list}:
        for one in values:
            _write_array(array.array_data.data.add(), one)
    elif len(kinds) == 1:
        getattr(array, _SEVERAL[kinds.pop()]).data.extend(values)
    else:
        array.json_data.data.extend(decimals.dumps(one) for one in values)


_ONE = {bool: "bool_val", int: "int64_val", float: "float_val", str: "string_val"}
_SEVERAL = {bool: "bool_data", int: "long_data", float: "double_data", str: "string_data"}


def _template(value: Any) -> Any:
    which = value.WhichOneof("val")
    if which in ("bool_val", "int64_val", "float_val", "string_val"):
        return getattr(value, which)
    if which == "array_val":
        return _template_array(value.array_val)
    raise ExpressionInvalid("a value of the filter is of a kind that is not known")


def _template_array(array: Any) -> list[Any]:
    which = array.WhichOneof("data")
    if which is None:
        return []
    items = getattr(array, which).data
    if which == "json_data":
        return [decimals.loads(item) for item in items]
    return [_template_array(item) for item in items] if which == "array_data" else list(items)
