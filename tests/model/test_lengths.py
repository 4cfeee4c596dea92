"""Lengths there and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vectormigrate.model.batch import Batch, DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.model.inverse import Inverse
from vectormigrate.model.lengths import LENGTHS, noted, restored
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.stores.memory import CAPABILITIES

ROWS = np.array([[3, 4], [0.6, 0.8], [0, 0], [np.inf, 0], [1e-20, 0]], np.float32)
SPARSE = SparseColumn(np.array([0, 1]), np.array([1]), np.array([1], np.float32))


def test_only_what_will_be_changed_is_noted():
    notes = noted({"v": DenseColumn(ROWS), "s": SPARSE}, ["v", "s", "none"], 5)
    assert notes[:4] == [{"v": 5.0}, {}, {}, {}]
    assert abs(notes[4]["v"] / 1e-20 - 1) < 1e-6


def test_what_is_noted_is_restored_and_the_given_columns_are_left_alone():
    columns = {"v": DenseColumn(np.array([[0.6, 0.8], [0.6, 0.8]], np.float32)), "s": SPARSE}
    payloads = [{LENGTHS: {"v": 5.0, "s": 2.0, "gone": 1.0}}, {LENGTHS: "not ours"}]
    found = restored(columns, payloads)
    np.testing.assert_allclose(found["v"].values, [[3, 4], [0.6, 0.8]], rtol=1e-6)
    assert columns["v"].values[0, 0] == np.float32(0.6)
    assert found["s"] is SPARSE


def test_each_token_of_a_multi_vector_keeps_its_length():
    tokens = MultiColumn(np.array([0, 2, 2, 3]), np.array([[3, 4], [0.6, 0.8], [0, 1]], np.float32))
    notes = noted({"v": tokens}, ["v"], 3)
    assert notes == [{"v": [5.0, 1.0]}, {}, {}]
    stored = MultiColumn(tokens.offsets, np.array([[0.6, 0.8], [0.6, 0.8], [0, 1]], np.float32))
    found = restored({"v": stored}, [{LENGTHS: note} for note in notes])
    np.testing.assert_allclose(found["v"].values, tokens.values, rtol=1e-6)
    assert stored.values[0, 0] == np.float32(0.6)


def test_a_plan_keeps_lengths_on_request():
    shape = CollectionShape(
        "docs", IdField("id", IdKind.INT), (VectorField("v", dim=2, metric=Metric.COSINE),), dynamic=True
    )
    able = replace(CAPABILITIES, normalises_cosine=True)
    batch = Batch([1, 2], {"v": DenseColumn(ROWS[:2])}, [{"a": 1}, {}])
    assert make_plan(shape, able, "copy").lengths == ()
    assert make_plan(shape, CAPABILITIES, "copy", options=MappingOptions(lengths=True)).lengths == ()
    plan = make_plan(shape, able, "copy", options=MappingOptions(lengths=True, rename={"v": "w"}))
    assert plan.lengths == ("w",)
    there = Translator(plan, able)(batch).batch
    assert there.payload == [{"a": 1, LENGTHS: {"w": 5.0}}, {}]
    stored = replace(there, vectors={"w": DenseColumn(np.array([[0.6, 0.8], [0.6, 0.8]], np.float32))})
    back = Inverse(plan, shape).batch(stored)
    assert back.payload == [{"a": 1}, {}]
    np.testing.assert_allclose(back.vectors["v"].values, ROWS[:2], rtol=1e-6)
