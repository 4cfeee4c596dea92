"""Whether the capabilities allow a shape, and the shape as it is then made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    IdField,
    IdKind,
    KeyOrder,
    VectorField,
    VectorKind,
)
from vectormigrate.model.errors import ShapeMismatch, Unsupported

_NATURAL = {IdKind.INT: KeyOrder.NUMERIC, IdKind.TEXT: KeyOrder.BYTES, IdKind.UUID: KeyOrder.UUID}


def as_made(shape: CollectionShape, capabilities: Capabilities) -> CollectionShape:
    """The shape as this store makes it. Raises Unsupported or ShapeMismatch, naming the first thing that cannot be."""
    for vector in shape.vectors:
        if vector.kind is not VectorKind.SPARSE and not vector.dim:
            raise ShapeMismatch(
                f"vector {vector.name!r} has no dimension", store=capabilities.kind, collection=shape.name
            )
    for lack in _lacks(shape, capabilities):
        raise Unsupported(
            f"{capabilities.kind} cannot make {shape.name!r}: {lack}",
            store=capabilities.kind,
            collection=shape.name,
        )
    vectors, fields = shape.vectors, shape.fields
    if not capabilities.nullable_vectors:
        vectors = tuple(replace(vector, nullable=False) for vector in vectors)
    if not capabilities.nullable_fields:
        fields = tuple(replace(field, nullable=False) for field in fields)
    return replace(shape, id=_key(shape.id, capabilities), vectors=vectors, fields=fields)


def _key(key: IdField, capabilities: Capabilities) -> IdField:
    order = _NATURAL.get(key.kind, KeyOrder.OTHER)
    order = order if order in capabilities.key_order else KeyOrder.OTHER
    return replace(key, order=order, parts=tuple(_key(part, capabilities) for part in key.parts))


def _lacks(shape: CollectionShape, capabilities: Capabilities) -> Iterator[str]:
    if not re.fullmatch(capabilities.collection_pattern, shape.name, re.DOTALL):
        yield f"the name does not match {capabilities.collection_pattern}"
    if shape.id.kind not in capabilities.id_kinds:
        yield f"no {shape.id.kind} ids"
    if shape.dynamic and not capabilities.dynamic:
        yield "no undeclared keys"
    if shape.partitions and not capabilities.partitions:
        yield "no partitions"
    if capabilities.max_vectors is not None and len(shape.vectors) > capabilities.max_vectors:
        yield f"at most {capabilities.max_vectors} vectors"
    for name in _names(shape):
        if (
            not re.fullmatch(capabilities.name_pattern, name, re.DOTALL)
            or name in capabilities.reserved_names
        ):
            yield f"{name!r} cannot be a name"
    for vector in shape.vectors:
        yield from _vector_lacks(vector, capabilities)
    for field in shape.fields:
        yield from _field_lacks(field, capabilities)


def _names(shape: CollectionShape) -> Iterator[str]:
    yield shape.id.name
    yield from (vector.name for vector in shape.vectors)
    yield from (field.name for field in shape.fields)


def _vector_lacks(vector: VectorField, capabilities: Capabilities) -> Iterator[str]:
    if vector.kind is VectorKind.SPARSE and not capabilities.sparse:
        yield "no sparse vectors"
    if vector.kind is VectorKind.MULTI and not capabilities.multi:
        yield "no multi-vectors"
    if vector.kind is not VectorKind.SPARSE and vector.element not in capabilities.elements:
        yield f"no {vector.element} vectors"
    if vector.metric is not None and vector.metric not in capabilities.metrics:
        yield f"no metric {vector.metric}"
    if vector.dim and capabilities.max_dim is not None and vector.dim > capabilities.max_dim:
        yield f"at most {capabilities.max_dim} dimensions"


def _field_lacks(field: Field, capabilities: Capabilities) -> Iterator[str]:
    if field.type not in capabilities.field_types:
        yield f"no {field.type} fields"
