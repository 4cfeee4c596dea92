"""What a plan says about itself."""

from __future__ import annotations

import pytest

from vectormigrate.model.collection import CollectionShape, IdField, IdKind
from vectormigrate.model.errors import MappingRefused
from vectormigrate.model.identity import IdRule
from vectormigrate.model.plan import Fate, FieldPlan, MappingPlan, VectorPlan

SHAPE = CollectionShape("copy", IdField("id", IdKind.TEXT))


def test_what_arrives_is_exact_or_converted():
    kept = {fate for fate in Fate if FieldPlan("a", "a", fate).kept and VectorPlan("a", "a", fate).kept}
    assert kept == {Fate.EXACT, Fate.CONVERTED}


def test_losses_name_all_that_does_not_arrive_as_it_left():
    plan = MappingPlan(
        IdRule.UUID_TEXT,
        SHAPE,
        (VectorPlan("v", "v", Fate.EXACT), VectorPlan("w", "w", Fate.CONVERTED, reason="widened")),
        (FieldPlan("f", "f", Fate.EXACT), FieldPlan("g", "", Fate.DROPPED, reason="by request")),
    )
    assert plan.losses() == [
        "id: converted: uuid_text",
        "vector 'w': converted: widened",
        "field 'g': dropped: by request",
    ]
    assert MappingPlan(IdRule.SAME, SHAPE, (), ()).losses() == []
    plan.check()


def test_a_refusal_is_raised_by_name():
    refused = (
        (VectorPlan("v", "", Fate.REFUSED, reason="no sparse"),),
        (FieldPlan("f", "", Fate.REFUSED, reason="no type"),),
    )
    with pytest.raises(MappingRefused) as caught:
        MappingPlan(IdRule.SAME, SHAPE, *refused).check()
    assert caught.value.message == "the target cannot hold 'v' (no sparse); 'f' (no type)"
    loose = FieldPlan("*", "", Fate.REFUSED, reason="no place")
    with pytest.raises(MappingRefused, match=r"cannot hold undeclared keys \(no place\)"):
        MappingPlan(IdRule.SAME, SHAPE, (), (loose,)).check()
    assert caught.value.collection == "copy"
