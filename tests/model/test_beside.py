"""What a target has no place for, beside the record, there and back: sparse vectors as JSON, partitions by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vectormigrate.model import jsonvalue
from vectormigrate.model.batch import Batch, DenseColumn, SparseColumn
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
from vectormigrate.model.errors import MappingRefused, StoreBroken, Unsupported
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.inverse import Inverse, as_named, obstacles
from vectormigrate.model.layout import LayoutPlan
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.model.plan import PARTITION, PLACE, SPARSE, Fate, FieldPlan, VectorPlan, fates
from vectormigrate.model.query import Query
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.memory import CAPABILITIES

F32 = np.float32
WITHOUT = replace(CAPABILITIES, sparse=False)
DENSE = VectorField("d", dim=2, metric=Metric.EUCLID)
WORDS = VectorField("words", VectorKind.SPARSE, metric=Metric.DOT)
SHAPE = CollectionShape("docs", IdField("id", IdKind.INT), (DENSE, WORDS), dynamic=True)
WEIGHTS = np.array([0.1, -2, 1e-45, -0.0, np.inf], F32)
BATCH = Batch(
    [1, 2, 3],
    {
        "d": DenseColumn(np.ones((3, 2), F32)),
        "words": SparseColumn(
            np.array([0, 5, 5, 5]), np.array([0, 7, 8, 9, 2**32 - 2]), WEIGHTS, np.array([True, True, False])
        ),
    },
    [{"a": 1}, {}, {"b": None}],
)


def plan_of(source=SHAPE, target=WITHOUT, **more):
    return make_plan(source, target, "there", **more)


def there_and_back(batch=BATCH, source=SHAPE, **more):
    plan = plan_of(source, **more)
    plan.check()
    translation = Translator(plan, WITHOUT)(batch)
    assert translation.refused == []
    return translation.batch, Inverse(plan, source).batch(translation.batch)


def test_they_are_kept_under_one_key_by_their_shortest_numbers():
    sent, _ = there_and_back()
    assert sent.vectors.keys() == {"d"}
    assert jsonvalue.dumps(sent.payload[0]).startswith(
        b'{"a":1,"_vm_sparse":{"words":{"indices":[0,7,8,9,4294967294],"values":[0.1,-2.0,1e-45,-0.0,'
    )
    assert sent.payload[1:] == [{SPARSE: {"words": {"indices": [], "values": []}}}, {"b": None}]


def test_they_come_home_to_the_bit():
    _, found = there_and_back()
    back = found.vectors["words"]
    assert [back.has(row) for row in range(3)] == [True, True, False]
    assert back.row(0).values.tobytes() == WEIGHTS.tobytes()
    assert back.row(0).indices.tolist() == [0, 7, 8, 9, 2**32 - 2]
    assert found.payload == BATCH.payload


def test_the_plan_says_so_and_a_search_by_them_is_refused():
    plan = plan_of()
    [told] = plan.spelled
    assert (told.source, told.fate) == ("words", Fate.CONVERTED)
    assert [one.source for one in plan.vectors] == ["d"]
    assert [one["source"] for one in fates(plan, VectorPlan)] == ["d", "words"]
    assert fates(plan, FieldPlan) == ()
    assert any("kept as JSON" in line and "words" in line for line in plan.losses())
    assert obstacles(plan, SHAPE) == []
    assert not as_named(plan)
    inverse = Inverse(plan, SHAPE)
    asked = SparseVector(np.array([1]), np.array([1], F32))
    with pytest.raises(Unsupported, match="kept as JSON by the target"):
        inverse.query(Query(asked, "words"))
    with pytest.raises(Unsupported, match="is ours"):
        inverse.filter(Compare((SPARSE, "words"), Comparison.EQ, 1))


def test_a_key_of_the_same_name_is_refused_for_its_record():
    batch = replace(BATCH, payload=[{SPARSE: 1}, {}, {}])
    [(row, error)] = Translator(plan_of(), WITHOUT)(batch).refused
    assert (row, error.message) == (0, "the payload key '_vm_sparse' is ours")


@pytest.mark.parametrize(
    "note",
    [5, {"words": 5}, {"other": {"indices": [], "values": []}}, {"words": {"indices": [1], "values": []}}],
)
def test_what_is_none_of_ours_is_told(note):
    sent, _ = there_and_back()
    changed = replace(sent, payload=[{SPARSE: note}, *sent.payload[1:]])
    with pytest.raises(StoreBroken, match="cannot be read back"):
        Inverse(plan_of(), SHAPE).batch(changed)


def test_a_part_of_a_payload_leaves_them_alone():
    [patch] = Translator(plan_of(), WITHOUT)(Batch([1], payload=[{"a": 2}])).batch.payload
    assert patch == {"a": 2}


def test_a_target_that_has_only_texts_has_them_as_text():
    texts = replace(WITHOUT, field_types=frozenset({FieldType.TEXT}), dynamic=False)
    source = replace(SHAPE, dynamic=False)
    plan = plan_of(source, texts)
    assert plan.target.field_named(SPARSE).type is FieldType.TEXT
    translation = Translator(plan, texts)(replace(BATCH, payload=[{}, {}, {}]))
    assert translation.batch.payload[1] == {SPARSE: '{"words":{"indices":[],"values":[]}}'}
    back = Inverse(plan, source).batch(translation.batch)
    assert back.vectors["words"].row(0).values.tobytes() == WEIGHTS.tobytes()
    assert back.payload == [{}, {}, {}]


def test_an_existing_collection_needs_room_for_them():
    closed = CollectionShape("there", SHAPE.id, (DENSE,))
    source = replace(SHAPE, dynamic=False)
    with pytest.raises(MappingRefused, match="no sparse vectors"):
        plan_of(source, existing=closed).check()
    for room in (replace(closed, dynamic=True), replace(closed, fields=(Field(SPARSE, FieldType.TEXT),))):
        sent, found = there_and_back(replace(BATCH, payload=[{}, {}, {}]), source, existing=room)
        assert SPARSE in sent.payload[0]
        assert found.vectors["words"].row(0).values.tobytes() == WEIGHTS.tobytes()


def test_one_is_dropped_or_renamed_by_its_name():
    plan = plan_of(options=MappingOptions(drop=("words",)))
    assert plan.spelled == ()
    assert next(one for one in plan.vectors if one.source == "words").fate is Fate.DROPPED
    sent, found = there_and_back(options=MappingOptions(rename={"words": "terms"}))
    assert sent.payload[0][SPARSE].keys() == {"terms"}
    assert found.vectors.keys() == {"d", "words"}


def test_a_framework_s_payload_is_laid_out_without_them():
    layout = LayoutPlan("langchain:qdrant", "langchain:weaviate")
    batch = Batch(
        [1], {"words": BATCH.vectors["words"].slice(0, 1)}, [{"page_content": "t", "metadata": {"a": 1}}]
    )
    source = replace(SHAPE, vectors=(WORDS,))
    sent, found = there_and_back(batch, source, layout=layout)
    assert sent.payload[0].keys() == {"text", "a", SPARSE}
    assert found.payload == batch.payload
    assert found.vectors["words"].row(0).values.tobytes() == WEIGHTS.tobytes()


def test_where_there_are_sparse_vectors_they_go_as_such():
    assert plan_of(target=CAPABILITIES).spelled == ()


PARTED = CollectionShape(
    "docs", IdField("id", IdKind.INT), (DENSE,), partitions=("red", "dark/blue"), dynamic=True
)
PLACED = Batch([1, 2, 3], {"d": BATCH.vectors["d"]}, [{}, {"a": 1}, {}], ["red", None, "dark/blue"])
UNPARTED = replace(CAPABILITIES, partitions=False)


def test_partitions_go_as_a_field_that_can_be_filtered_by_and_come_back():
    plan = plan_of(PARTED, UNPARTED)
    plan.check()
    assert plan.target.partitions == ()
    held = plan.target.field_named(PLACE)
    assert (held.type, held.indexed) == (FieldType.TEXT, True)
    assert fates(plan, FieldPlan)[0] | {"reason": ""} == {
        "source": PARTITION,
        "target": PLACE,
        "fate": Fate.CONVERTED,
        "reason": "",
    }
    sent = Translator(plan, UNPARTED)(PLACED).batch
    assert sent.partition is None
    assert sent.payload == [{PLACE: "red"}, {"a": 1}, {PLACE: "dark/blue"}]
    found = Inverse(plan, PARTED).batch(sent)
    assert (found.partition, found.payload) == (PLACED.partition, PLACED.payload)
    assert obstacles(plan, PARTED) == []


def test_partitions_may_have_another_name_or_stay_behind():
    plan = plan_of(PARTED, UNPARTED, options=MappingOptions(rename={PARTITION: "tenant"}))
    assert Translator(plan, UNPARTED)(PLACED).batch.payload[0] == {"tenant": "red"}
    left = plan_of(PARTED, UNPARTED, options=MappingOptions(drop=(PARTITION,)))
    assert Translator(left, UNPARTED)(PLACED).batch.payload[0] == {}
    assert obstacles(left, PARTED) == [f"{PARTITION!r} is left behind"]


def test_a_key_that_is_called_as_ours_is_refused_where_a_partition_goes():
    batch = replace(PLACED, payload=[{PARTITION: "x"}, {PLACE: "y"}, {}])
    refused = Translator(plan_of(PARTED, UNPARTED), UNPARTED)(batch).refused
    assert [row for row, _ in refused] == [0, 1]


def test_partitions_without_room_for_their_name_are_refused():
    closed = CollectionShape("there", PARTED.id, (DENSE,))
    with pytest.raises(MappingRefused, match="no partitions"):
        plan_of(replace(PARTED, dynamic=False), existing=closed).check()
    assert plan_of(PARTED, existing=replace(closed, dynamic=True)).spelled == ()


def test_where_no_partition_goes_a_key_may_be_called_as_it_likes():
    batch = replace(BATCH, payload=[{PARTITION: "x", PLACE: "y"}, {}, {}])
    _, found = there_and_back(batch)
    assert found.payload == batch.payload
