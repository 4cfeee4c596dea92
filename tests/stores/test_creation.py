"""Every capability that a shape can exceed is checked, by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.errors import ShapeMismatch, Unsupported
from vectormigrate.stores.creation import as_made
from vectormigrate.stores.memory.database import CAPABILITIES

SHAPE = CollectionShape(
    "things",
    IdField("key", IdKind.INT),
    (VectorField("vec", dim=8, metric=Metric.DOT),),
    (Field("label", FieldType.TEXT),),
)


def test_the_order_is_that_of_the_kind():
    orders = {
        IdKind.INT: KeyOrder.NUMERIC,
        IdKind.TEXT: KeyOrder.BYTES,
        IdKind.UUID: KeyOrder.UUID,
        IdKind.COMPOUND: KeyOrder.OTHER,
    }
    for kind, order in orders.items():
        parts = (IdField("a", IdKind.TEXT), IdField("b", IdKind.INT))
        made = as_made(replace(SHAPE, id=IdField("key", kind, parts=parts)), CAPABILITIES)
        assert made.id.order is order
        assert [part.order for part in made.id.parts] == [KeyOrder.BYTES, KeyOrder.NUMERIC]


def test_an_order_that_the_store_has_not_becomes_another():
    only_other = replace(CAPABILITIES, key_order=frozenset({KeyOrder.OTHER}))
    assert as_made(SHAPE, only_other).id.order is KeyOrder.OTHER


@pytest.mark.parametrize(
    ("lack", "change", "words"),
    [
        ({"collection_pattern": "[A-Z]+"}, {}, "the name does not match"),
        ({"id_kinds": frozenset({IdKind.TEXT})}, {}, "no int ids"),
        ({"dynamic": False}, {"dynamic": True}, "no undeclared keys"),
        ({"partitions": False}, {"partitions": ("a",)}, "no partitions"),
        ({"max_vectors": 0}, {}, "at most 0 vectors"),
        ({"name_pattern": "[kv].*"}, {}, "'label' cannot be a name"),
        ({"reserved_names": frozenset({"key"})}, {}, "'key' cannot be a name"),
        ({"reserved_names": frozenset({"vec"})}, {}, "'vec' cannot be a name"),
        ({"sparse": False}, {"vectors": (VectorField("v", VectorKind.SPARSE),)}, "no sparse vectors"),
        ({"multi": False}, {"vectors": (VectorField("v", VectorKind.MULTI, dim=2),)}, "no multi-vectors"),
        ({"elements": frozenset({Element.INT8})}, {}, "no float32 vectors"),
        ({"metrics": frozenset({Metric.EUCLID})}, {}, "no metric dot"),
        ({"max_dim": 7}, {}, "at most 7 dimensions"),
        ({"field_types": frozenset({FieldType.INT})}, {}, "no text fields"),
    ],
)
def test_what_the_store_lacks_is_named(lack: dict, change: dict, words: str):
    as_made(replace(SHAPE, **change), CAPABILITIES)
    with pytest.raises(Unsupported) as caught:
        as_made(replace(SHAPE, **change), replace(CAPABILITIES, **lack))
    assert words in caught.value.message
    assert caught.value.collection == "things"


def test_a_dense_vector_needs_a_dimension():
    with pytest.raises(ShapeMismatch):
        as_made(replace(SHAPE, vectors=(VectorField("vec"),)), CAPABILITIES)


def test_where_nothing_may_be_missing_nothing_is_made_nullable():
    made = as_made(SHAPE, replace(CAPABILITIES, nullable_vectors=False, nullable_fields=False))
    assert not made.vectors[0].nullable
    assert not made.fields[0].nullable
    assert as_made(SHAPE, CAPABILITIES).vectors[0].nullable
