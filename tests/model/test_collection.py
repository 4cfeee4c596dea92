"""Shapes are looked up by name; elements know their arrays, metrics their direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
)

SHAPE = CollectionShape(
    "c", IdField("id", IdKind.INT), (VectorField("a"), VectorField("b")), (Field("f", FieldType.INT),)
)


def test_vectors_and_fields_by_name():
    assert SHAPE.vector("b") is SHAPE.vectors[1]
    with pytest.raises(KeyError):
        SHAPE.vector("c")
    assert SHAPE.field_named("f") is SHAPE.fields[0]
    assert SHAPE.field_named("g") is None


def test_elements_and_their_arrays():
    sizes = {Element.FLOAT32: 4, Element.FLOAT16: 2, Element.INT8: 1, Element.UINT8: 1, Element.BINARY: 1}
    assert {element: np.dtype(element.dtype).itemsize for element in Element} == sizes
    assert Element.BINARY.dtype == "uint8"


def test_similarities_grow_and_distances_shrink():
    assert {metric for metric in Metric if metric.higher_is_nearer} == {Metric.COSINE, Metric.DOT}


def test_bits_are_packed_eight_a_value():
    widths = [
        VectorField("v", element=element, dim=12).row_width for element in (Element.FLOAT32, Element.BINARY)
    ]
    assert widths == [12, 2]
    assert VectorField("v").row_width is None


def test_what_a_plan_does_not_know():
    planned = CollectionShape(
        "docs",
        IdField("id", IdKind.INT),
        (VectorField("v", dim=3), VectorField("w")),
        (Field("a", FieldType.TEXT),),
    )
    now = replace(
        planned,
        vectors=(VectorField("v", dim=4), VectorField("w", dim=9), VectorField("new", dim=1)),
        fields=(Field("a", FieldType.INT), Field("b", FieldType.TEXT)),
    )
    assert planned.altered(planned) == now.altered(replace(now, fields=())) == []
    assert planned.altered(now) == ["vector 'new'", "4 dimensions of 'v', not 3", "field 'b'"]
    assert "field 'b'" not in replace(planned, dynamic=True).altered(now)
