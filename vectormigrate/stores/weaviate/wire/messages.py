"""Objects as a batch of the gRPC API has them, both ways; what a search answers is in `answers.py`.

Both carry the plain values of `values.py`, but differently: a batch has dates, UUIDs and blobs as text, numbers as
doubles, which is what Weaviate stores, and an empty list of no type, where an answer says what each value is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model.batch import Batch, DenseColumn, MultiColumn
from vectormigrate.model.record import Array, Record
from vectormigrate.stores.weaviate import pb

from .layout import REFERENCE, Layout, Property
from .objects import key_of, object_id, read_payload, tenant_of, write_properties
from .values import BEACON
from .vectors import read_dense, read_multi, write_dense, write_multi

Json = dict[str, Any]

_OUR_TEXT = Property("", "text")


# A record as an object of a batch.


def write_batch_object(batch: Batch, row: int, layout: Layout) -> Any:
    """A `BatchObject`. Raises ValueError for what the class cannot hold."""
    record_id = batch.ids[row]
    message = pb.BatchObject(
        uuid=str(object_id(record_id)), collection=layout.name, tenant=tenant_of(record_id, layout)
    )
    plain = write_properties(batch.payload[row] if batch.payload else {}, layout)
    _fill(message.properties, plain, layout.properties)
    for name, column in batch.vectors.items():
        if not column.has(row):
            continue
        if isinstance(column, DenseColumn):
            raw, kind = write_dense(column.values[row]), pb.Vectors.VECTOR_TYPE_SINGLE_FP32
        elif isinstance(column, MultiColumn):
            raw, kind = write_multi(column.row(row)), pb.Vectors.VECTOR_TYPE_MULTI_FP32
        else:
            raise ValueError("weaviate holds no sparse vectors")  # noqa: TRY004 the record is wrong
        if name:
            message.vectors.add(name=name, vector_bytes=raw, type=kind)
        else:
            message.vector_bytes = raw
    return message


def _fill(message: Any, plain: Mapping[str, Any], properties: Mapping[str, Property]) -> None:
    """Put plain values into a `BatchObject.Properties` or an `ObjectPropertiesValue`."""
    for name, value in plain.items():
        held = properties.get(name, _OUR_TEXT)
        if held.type == REFERENCE:
            _fill_references(message, name, value, held)
        elif isinstance(value, list):
            _fill_list(message, name, value, held)
        elif held.type == "object":
            _fill(message.object_properties.add(prop_name=name).value, value, held.nested)
        else:
            message.non_ref_properties[name] = value


def _fill_list(message: Any, name: str, values: list[Any], held: Property) -> None:
    if not values:
        message.empty_list_props.append(name)
        return
    match held.element:
        case "int":
            message.int_array_properties.add(prop_name=name, values=values)
        case "number":
            message.number_array_properties.add(
                prop_name=name, values_bytes=np.array(values, "<f8").tobytes()
            )
        case "boolean":
            message.boolean_array_properties.add(prop_name=name, values=values)
        case "object":
            items = message.object_array_properties.add(prop_name=name)
            for value in values:
                _fill(items.values.add(), value, held.nested)
        case _:
            message.text_array_properties.add(prop_name=name, values=values)


def _fill_references(message: Any, name: str, beacons: list[Json], held: Property) -> None:
    by_class: dict[str, list[str]] = {}
    for beacon in beacons:
        target, _, one = beacon["beacon"].removeprefix(BEACON).rpartition("/")
        by_class.setdefault(target or held.targets[0], []).append(one)
    if len(held.targets) == 1:
        for uuids in by_class.values():
            message.single_target_ref_props.add(prop_name=name, uuids=uuids)
        return
    for target, uuids in by_class.items():
        message.multi_target_ref_props.add(prop_name=name, uuids=uuids, target_collection=target)


# An object of a batch as a record: what a facade is sent.


def read_batch_object(message: Any, layout: Layout) -> Record:
    """The record that a `BatchObject` is. Raises ValueError for what does not fit the class."""
    given = UUID(message.uuid)
    plain = plain_properties(message.properties, layout.properties)
    dense, multi = read_vectors(message)
    key = key_of(given, layout, message.tenant)
    return Record(key, dense, {}, multi, read_payload(plain, layout))


def read_vectors(message: Any) -> tuple[dict[str, Array], dict[str, Array]]:
    """The vectors of a `BatchObject`, and its multi-vectors, by name. Raises ValueError for bytes that are none."""
    dense: dict[str, Array] = {}
    multi: dict[str, Array] = {}
    if message.vector_bytes:
        dense[""] = read_dense(message.vector_bytes)
    elif message.vector:
        dense[""] = np.array(message.vector, np.float32)
    for vector in message.vectors:
        if vector.type == pb.Vectors.VECTOR_TYPE_MULTI_FP32:
            multi[vector.name] = read_multi(vector.vector_bytes)
        else:
            dense[vector.name] = read_dense(vector.vector_bytes)
    return dense, multi


def plain_properties(message: Any, properties: Mapping[str, Property]) -> Json:
    """The plain values in a `BatchObject.Properties` or an `ObjectPropertiesValue`; nothing of them is judged."""
    plain: Json = {name: _plain_struct(value) for name, value in message.non_ref_properties.fields.items()}
    for one in message.number_array_properties:
        raw = one.values_bytes
        plain[one.prop_name] = np.frombuffer(raw, "<f8").tolist() if raw else list(one.values)
    for lists in (
        message.int_array_properties,
        message.text_array_properties,
        message.boolean_array_properties,
    ):
        plain |= {one.prop_name: list(one.values) for one in lists}
    for one in message.object_properties:
        plain[one.prop_name] = plain_properties(one.value, _nested(properties, one.prop_name))
    for one in message.object_array_properties:
        nested = _nested(properties, one.prop_name)
        plain[one.prop_name] = [plain_properties(item, nested) for item in one.values]
    plain |= {name: [] for name in message.empty_list_props}
    for one in (*_references(message, "single"), *_references(message, "multi")):
        target = getattr(one, "target_collection", "") or "".join(
            properties[one.prop_name].targets[:1] if one.prop_name in properties else ()
        )
        beacons = [{"beacon": f"{BEACON}{target}/{uuid}"} for uuid in one.uuids]
        plain.setdefault(one.prop_name, []).extend(beacons)
    return plain


def _references(message: Any, kind: str) -> Sequence[Any]:
    return getattr(message, f"{kind}_target_ref_props", ())


def _nested(properties: Mapping[str, Property], name: str) -> Mapping[str, Property]:
    held = properties.get(name)
    return held.nested if held else {}


def _plain_struct(value: Any) -> Any:
    """A `google.protobuf.Value` as a plain one; all its numbers are doubles."""
    match value.WhichOneof("kind"):
        case "number_value":
            return value.number_value
        case "struct_value":
            return {name: _plain_struct(item) for name, item in value.struct_value.fields.items()}
        case "list_value":
            return [_plain_struct(item) for item in value.list_value.values]
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)
