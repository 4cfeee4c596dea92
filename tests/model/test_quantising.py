"""Which quantised indexes a plan says are left behind, and which go along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.model.plan import MappingOptions
from vectormigrate.model.planning import make_plan
from vectormigrate.model.quantising import left_behind
from vectormigrate.stores.memory import CAPABILITIES

WORD = "some:scalar"
VECTORS = (
    VectorField("a", dim=4, metric=Metric.COSINE, quantised=WORD),
    VectorField("b", dim=4, metric=Metric.COSINE),
)
SOURCE = CollectionShape("src", IdField("key", IdKind.INT), VECTORS)
ALIKE = replace(CAPABILITIES, kind="some", quantises=frozenset({WORD}))


def told(source=SOURCE, target=CAPABILITIES, existing=None, **options):
    plan = make_plan(source, target, "copy", existing, MappingOptions(**options))
    return left_behind(source, plan, target, existing)


def test_another_kind_of_store_is_told_to_index_it_whole():
    [line] = told()
    assert line.startswith("quantisation of vector 'a' (some:scalar) is not carried")
    assert told(drop=("a",)) == [], "nothing of it arrives"
    [line] = told(replace(SOURCE, vectors=(replace(VECTORS[0], name=""),)))
    assert "the source's vector" in line


def test_a_like_store_takes_it_along_unless_it_has_no_such_way():
    assert told(target=ALIKE) == []
    assert len(told(target=replace(ALIKE, quantises=frozenset({"some:other"})))) == 1


def test_what_is_kept_under_a_vectors_name_follows_it():
    own = replace(SOURCE, native={"some": {"vectors": {"a": {"quantization_config": {}}}}})
    assert told(own, ALIKE) == told(own, ALIKE, rename={"a": "c"}) == []
    plan = make_plan(own, ALIKE, "copy", None, MappingOptions(rename={"a": "c"}))
    assert plan.target.native == {"some": {"vectors": {"c": {"quantization_config": {}}}}}


@pytest.mark.parametrize(
    ("held", "said"), [(WORD, ""), ("", "is not quantised"), ("some:other", "in another way (some:other)")]
)
def test_a_target_that_is_there_is_looked_at(held, said):
    existing = replace(SOURCE, name="copy", vectors=(replace(VECTORS[0], quantised=held), VECTORS[1]))
    lines = told(existing=existing, target=ALIKE)
    assert [said in line for line in lines] == ([True] if said else [])
