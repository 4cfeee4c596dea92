"""Lengths there and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vectormigrate.model.batch import Batch, DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import CollectionShape, Element, IdField, IdKind, Metric, VectorField
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.inverse import Inverse
from vectormigrate.model.layout import LayoutPlan
from vectormigrate.model.lengths import LENGTHS, agreed, noted, restored, taken, with_notes
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.model.payload_columns import PayloadColumns
from vectormigrate.stores.memory import CAPABILITIES

F32 = np.float32
ROWS = np.array([[3, 4], [0.6, 0.8], [0, 0], [np.inf, 0], [1e-20, 0], [3e30, 4e30]], F32)
SPARSE = SparseColumn(np.array([0, 1]), np.array([1]), np.array([1], F32))
ABLE = replace(CAPABILITIES, normalises_cosine=True)
SHAPE = CollectionShape(
    "docs", IdField("id", IdKind.INT), (VectorField("v", dim=2, metric=Metric.COSINE),), dynamic=True
)


def as_qdrant_stores(values):
    """Length one by sums in float32, but for what Qdrant leaves as it is."""
    floats = values.astype(F32)
    squares = np.array([sum(row * row) for row in floats], F32)
    kept = (squares < np.finfo(F32).eps) | (np.abs(squares - 1) <= 1e-6)
    return (floats / np.sqrt(np.where(kept, F32(1), squares))[:, None]).astype(values.dtype)


def units(count, dim, dtype=F32):
    values = np.random.default_rng(count).standard_normal((count, dim))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(dtype)


def test_only_what_may_be_changed_is_noted():
    notes = noted({"v": DenseColumn(ROWS), "s": SPARSE}, ["v", "s", "none"])
    assert notes.keys() == {0, 4, 5}
    assert notes[0] == {"v": 5.0}
    assert notes[4]["v"] == pytest.approx(1e-20)
    assert notes[5]["v"] == pytest.approx(5e30)


@pytest.mark.parametrize("dim", [3, 384, 1536, 4096])
def test_vectors_of_length_one_have_no_note(dim):
    assert noted({"v": DenseColumn(units(200, dim))}, ["v"]) == {}


def test_a_note_is_made_long_before_the_target_would_change_the_vector():
    near = np.array([[np.sqrt(1 + 0.9e-6), 0], [np.sqrt(1 + 0.4e-6), 0]], F32)
    assert noted({"v": DenseColumn(near)}, ["v"]).keys() == {0}


@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1 - 4e-7, 1, 1 + 4e-7, 3.7, 1e15])
def test_what_is_restored_is_within_two_units_in_the_last_place(scale):
    values = (units(300, 96, np.float64) * scale).astype(F32)
    notes = noted({"v": DenseColumn(values)}, ["v"])
    found = restored({"v": DenseColumn(as_qdrant_stores(values))}, with_notes([{}] * 300, notes))["v"].values
    assert np.abs(found - values).max() <= 2 * np.spacing(np.abs(values).max())
    np.testing.assert_array_max_ulp(found, values, 2)


def test_what_the_target_did_not_change_comes_back_to_the_bit():
    short = (units(50, 8) * F32(1e-5)).astype(F32)
    stored = as_qdrant_stores(short)
    assert stored.tobytes() == short.tobytes()
    notes = noted({"v": DenseColumn(short)}, ["v"])
    assert len(notes) == 50
    found = restored({"v": DenseColumn(stored)}, with_notes([{}] * 50, notes))["v"]
    assert found.values.tobytes() == short.tobytes()


def test_the_given_columns_and_payloads_are_left_alone():
    columns = {"v": DenseColumn(np.array([[0.6, 0.8], [0.6, 0.8]], F32)), "s": SPARSE}
    payloads = [{}, {"a": 1}]
    made = with_notes(payloads, {0: {"v": 5.0, "s": 2.0, "gone": 1.0}})
    assert payloads == [{}, {"a": 1}]
    found = restored(columns, made)
    np.testing.assert_allclose(found["v"].values, [[3, 4], [0.6, 0.8]], rtol=1e-6)
    assert columns["v"].values[0, 0] == F32(0.6)
    assert found["s"] is SPARSE
    assert with_notes(payloads, {}) is payloads


@pytest.mark.parametrize(
    "note", ["ours?", 5.0, {"v": "long"}, {"v": None}, {"v": -1.0}, {"v": [5.0]}, {"v": float("nan")}]
)
def test_a_note_of_somebody_else_says_nothing(note):
    columns = {"v": DenseColumn(np.array([[0.6, 0.8]], F32))}
    assert restored(columns, [{LENGTHS: note}])["v"].values.tolist() == columns["v"].values.tolist()


def test_each_token_of_a_multi_vector_keeps_its_length():
    tokens = MultiColumn(np.array([0, 2, 2, 3]), np.array([[3, 4], [0.6, 0.8], [0, 1]], F32))
    notes = noted({"v": tokens}, ["v"])
    assert notes == {0: {"v": [5.0, 1.0]}}
    stored = MultiColumn(tokens.offsets, np.array([[0.6, 0.8], [0.6, 0.8], [0, 1]], F32))
    found = restored({"v": stored}, with_notes([{}, {}, {}], notes))
    np.testing.assert_allclose(found["v"].values, tokens.values, rtol=1e-6)
    assert stored.values[0, 0] == F32(0.6)
    fewer = restored({"v": stored}, [{LENGTHS: {"v": [5.0]}}, {}, {}])
    assert fewer["v"].values.tolist() == stored.values.tolist()


def test_a_token_of_length_one_beside_others_comes_back_to_the_bit():
    values = units(40, 96)
    values[::2] *= F32(7)
    tokens = MultiColumn(np.array([0, 20, 40]), values)
    stored = MultiColumn(tokens.offsets, as_qdrant_stores(values))
    found = restored({"v": stored}, with_notes([{}, {}], noted({"v": tokens}, ["v"])))["v"].values
    assert found[1::2].tobytes() == values[1::2].tobytes()
    np.testing.assert_array_max_ulp(found, values, 2)


def test_whether_the_key_is_taken():
    assert taken([{"a": 1}, {LENGTHS: 1}])
    assert taken(PayloadColumns({LENGTHS: [None]}, 1))
    assert not taken([{"a": LENGTHS}, {}])
    assert not taken([])


NEAR = {"v": 2e-5, "m": 2e-5}


@pytest.mark.parametrize(
    ("sent", "found", "alike"),
    [
        ({"v": 5.0}, {"v": 5.000001}, True),
        ({"v": 5.0}, {"v": 5.001}, False),
        ({"v": 1.0000003}, None, True),
        (None, {"v": 1.0000003}, True),
        ({"v": 5.0}, None, False),
        ({"v": 5.0}, "theirs", False),
        ({"v": 5.0}, {"v": "long"}, False),
        ({"m": [5.0, 1.0]}, {"m": [5.00001, 1.0]}, True),
        ({"m": [5.0, 1.0]}, {"m": [5.0, 1.0, 1.0]}, False),
        ({"m": [1.0000003, 1.0]}, None, True),
        ({"other": 5.0}, {"other": 5.000001}, False),
    ],
)
def test_notes_agree_within_the_rounding_of_what_they_are_about(sent, found, alike):
    ours = {"a": 1} | ({} if sent is None else {LENGTHS: sent})
    theirs = {"a": 2} | ({} if found is None else {LENGTHS: found})
    assert agreed(ours, theirs, NEAR) == ({**theirs, "a": 1} if alike else ours)


class TestAPlan:
    batch = Batch([1, 2], {"v": DenseColumn(ROWS[:2])}, [{"a": 1}, {}])

    def plan(self, target=ABLE, shape=SHAPE, **options):
        return make_plan(shape, target, "copy", options=MappingOptions(**options))

    def test_keeps_lengths_wherever_the_target_forgets_them(self):
        plan = self.plan(rename={"v": "w"})
        assert plan.lengths == ("w",)
        there = Translator(plan, ABLE)(self.batch).batch
        assert there.payload == [{"a": 1, LENGTHS: {"w": 5.0}}, {}]
        assert self.batch.payload == [{"a": 1}, {}]
        stored = replace(there, vectors={"w": DenseColumn(np.array([[0.6, 0.8], [0.6, 0.8]], F32))})
        back = Inverse(plan, SHAPE).batch(stored)
        assert back.payload == [{"a": 1}, {}]
        np.testing.assert_allclose(back.vectors["v"].values, ROWS[:2], rtol=1e-6)

    def test_makes_room_for_them_in_a_new_target_and_needs_it_in_one_that_is_there(self):
        shape = replace(SHAPE, dynamic=False)
        plan = self.plan(shape=shape)
        assert (plan.lengths, plan.target.dynamic) == (("v",), True)
        assert not self.plan(shape=shape, lengths=False).target.dynamic
        assert make_plan(shape, ABLE, "copy", existing=replace(shape, name="copy")).lengths == ()
        assert make_plan(shape, ABLE, "copy", existing=replace(SHAPE, name="copy")).lengths == ("v",)

    def test_says_so(self):
        (vector,) = self.plan().vectors
        assert vector.reason == (
            "stored with length one under cosine; its length is kept beside it, under '_vm_norm',"
            " and it comes back to the rounding of float32"
        )

    @pytest.mark.parametrize(
        ("target", "lengths", "kept"),
        [
            (ABLE, None, ("v",)),
            (ABLE, True, ("v",)),
            (ABLE, False, ()),
            (CAPABILITIES, True, ()),
            (replace(ABLE, dynamic=False), None, ()),
            (replace(ABLE, dynamic=False), True, ("v",)),
        ],
    )
    def test_unless_nothing_is_forgotten_or_there_is_no_room_or_it_was_declined(self, target, lengths, kept):
        assert self.plan(target, lengths=lengths).lengths == kept

    @pytest.mark.parametrize(("lengths", "kept"), [(None, ()), (True, ("vector",))])
    def test_unless_the_framework_of_the_target_would_fail_on_the_note(self, lengths, kept):
        layout = LayoutPlan("haystack:weaviate", "haystack:qdrant")
        options = MappingOptions(lengths=lengths)
        assert make_plan(SHAPE, ABLE, "copy", options=options, layout=layout).lengths == kept

    def test_narrow_vectors_come_back_to_their_own_rounding(self):
        shape = replace(SHAPE, vectors=(replace(SHAPE.vectors[0], element=Element.FLOAT16),))
        plan = self.plan(shape=shape)
        assert plan.vectors[0].reason.endswith("rounding of float16")
        values = (units(100, 64) * 9).astype(np.float16)
        batch = Batch(list(range(100)), {"v": DenseColumn(values)}, [{}] * 100)
        there = Translator(plan, ABLE)(batch).batch
        stored = replace(there, vectors={"v": DenseColumn(as_qdrant_stores(values))})
        back = Inverse(plan, shape).batch(stored).vectors["v"].values
        assert back.dtype == np.float16
        np.testing.assert_allclose(back, values, rtol=2**-9, atol=80 * 2**-24)

    def test_vectors_that_need_no_note_leave_payloads_as_they_are(self):
        columns = PayloadColumns({"a": [1, 2]}, 2)
        batch = Batch([1, 2], {"v": DenseColumn(units(2, 2))}, columns)
        assert Translator(self.plan(), ABLE)(batch).batch.payload is columns

    @pytest.mark.parametrize("vector", [[3, 4], [0.6, 0.8]])
    def test_a_record_with_such_a_key_of_its_own_is_refused(self, vector):
        batch = Batch([1, 2], {"v": DenseColumn(np.array([vector, vector], F32))}, [{LENGTHS: 1}, {}])
        translation = Translator(self.plan(), ABLE)(batch)
        assert [(row, error.message) for row, error in translation.refused] == [
            (0, "the payload key '_vm_norm' is ours")
        ]
        assert translation.batch.ids == [2]
        allowed = Translator(self.plan(lengths=False), ABLE)(batch)
        assert allowed.batch.payload == [{LENGTHS: 1}, {}]

    def test_nobody_asks_for_the_note_by_a_filter(self):
        with pytest.raises(Unsupported, match="is ours"):
            Inverse(self.plan(), SHAPE).filter(Compare((LENGTHS, "v"), Comparison.GT, 1))
