"""What of a sample would not come back as it was."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from vectormigrate.engine.returning import unrestored
from vectormigrate.model.batch import Batch, DenseColumn, MultiColumn
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.layout import LayoutPlan
from vectormigrate.model.mapping import MappingOptions, make_plan
from vectormigrate.stores.memory import CAPABILITIES

SHAPE = CollectionShape(
    "docs",
    IdField("id", IdKind.TEXT),
    (VectorField("v", dim=2, metric=Metric.COSINE),),
    (Field("price", FieldType.DECIMAL),),
    dynamic=True,
)
QDRANT = replace(CAPABILITIES, normalises_cosine=True, inexact_doubles=True)


def sample(vector=(3, 4), **payload):
    return Batch(["a"], {"v": DenseColumn(np.array([vector], np.float32))}, [payload])


def told(batch, target=CAPABILITIES, shape=SHAPE, layout=None, origin=CAPABILITIES, **options):
    plan = make_plan(shape, target, "copy", options=MappingOptions(**options), layout=layout)
    return unrestored(batch, shape, plan, origin, target)


def test_nothing_where_all_comes_back():
    texts = replace(CAPABILITIES, field_types=CAPABILITIES.field_types - {FieldType.DECIMAL})
    assert told(sample(price=Decimal("1.50"), more=[1, None]), texts) == ()


@pytest.mark.parametrize(
    ("vector", "lengths", "words"),
    [
        ((3, 4), False, "vector 'v' comes back with length one"),
        ((3, 4), None, "vector 'v' comes back to the rounding of float32"),
        ((0.6, 0.8), False, ""),
        ((0, 0), False, ""),
    ],
)
def test_a_vector_that_is_cut_to_length_one(vector, lengths, words):
    found = told(sample(vector), QDRANT, lengths=lengths)
    assert [line.partition(":")[0] for line in found] == [words] * bool(words)


def test_a_source_that_cuts_them_itself_has_none_that_would_be_cut():
    assert told(sample((3, 4)), QDRANT, origin=QDRANT) == ()


def test_the_vectors_of_a_multi_vector_are_cut_one_by_one():
    shape = replace(SHAPE, vectors=(replace(SHAPE.vectors[0], kind=VectorKind.MULTI),))
    values = np.array([[0.6, 0.8], [3, 4]], np.float32)
    batch = Batch(["a"], {"v": MultiColumn(np.array([0, 2]), values)}, [{}])
    assert len(told(batch, QDRANT, shape)) == 1


@pytest.mark.parametrize(
    ("number", "bent"), [(0.1, False), (0.1 + 0.2, True), (12.0, False), (-1e-7 / 3, True)]
)
def test_doubles_of_many_digits_in_a_store_that_bends_them(number, bent):
    found = told(sample((0.6, 0.8), a={"b": [1, number]}), QDRANT)
    assert len(found) == bent
    assert told(sample((0.6, 0.8), a=number)) == ()


def test_what_a_layout_makes_one():
    layout = LayoutPlan("langchain:qdrant", "langchain:pinecone")
    found = told(sample(page_content="a", metadata=None), layout=layout)
    assert [line.partition(":")[0] for line in found] == ["metadata"]


def test_nothing_is_said_of_what_does_not_come_back_at_all():
    assert told(sample(price=Decimal("1.50")), QDRANT, drop=("price",)) == ()
