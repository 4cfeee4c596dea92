"""Batches translated: ids, vectors, payload; what cannot be is refused by itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest

from tests.conformance.compare import same_value
from tests.conformance.subject import make_sparse
from vectormigrate.model.batch import Batch, dense_column, sparse_column
from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    VectorField,
    VectorKind,
)
from vectormigrate.model.layout import LayoutPlan
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.stores.memory import CAPABILITIES

SOURCE = CollectionShape("src", IdField("key", IdKind.INT), (VectorField("vec", dim=2),), dynamic=True)
FIXED = replace(SOURCE, dynamic=False)


def translate(payloads, source=SOURCE, existing=None, ids=None, capabilities=CAPABILITIES, **options):
    batch = Batch(
        ids or [*range(len(payloads))],
        {"vec": dense_column([np.full(2, row, np.float32) for row in range(len(payloads))], width=2)},
        payloads,
        ["p"] * len(payloads),
    )
    plan = make_plan(source, capabilities, "copy", existing, MappingOptions(**options))
    plan.check()
    return Translator(plan, capabilities)(batch)


def refused(translation) -> list[tuple[int, str]]:
    return [(row, error.message) for row, error in translation.refused]


def with_fields(shape, *fields: Field):
    return replace(shape, fields=fields)


def test_what_is_exact_is_handed_on_untouched():
    payload = {"a": 1, "b": [1]}
    done = translate([payload])
    assert done.batch.payload[0] is payload
    assert done.batch.partition is None
    assert done.refused == []


def test_partitions_go_where_there_are_some():
    assert translate([{}], replace(SOURCE, partitions=("p",))).batch.partition == ["p"]
    assert translate([{}], existing=SOURCE).batch.partition is None


def test_ids_are_translated_and_those_that_do_not_fit_refused():
    texts = replace(CAPABILITIES, id_kinds=frozenset({IdKind.TEXT}), max_id_bytes=3)
    done = translate([{}] * 3, ids=[1, -1000, 2], capabilities=texts)
    assert done.batch.ids == ["1", "2"]
    assert done.batch.vectors["vec"].values.tolist() == [[0, 0], [2, 2]]
    assert [row for row, _ in done.refused] == [1]
    assert done.refused[0][1].ids == ("i:-1000",)
    assert "mend the record at the source" in done.refused[0][1].hint


def test_a_record_that_was_not_read_whole_is_refused_by_itself():
    plan = make_plan(SOURCE, CAPABILITIES, "copy")
    vector = dense_column([np.zeros(2), None, np.ones(2)], width=2)
    batch = Batch([5, 6, 7], {"vec": vector}, [{}] * 3, faults={1: "vector 'vec' holds 3 bytes"})
    done = Translator(plan, CAPABILITIES)(batch)
    assert (done.batch.ids, done.batch.faults) == ([5, 7], {})
    assert refused(done) == [(1, "vector 'vec' holds 3 bytes")]


def test_values_are_converted_and_come_back():
    texts = replace(CAPABILITIES, field_types=frozenset({FieldType.TEXT}))
    source = with_fields(
        FIXED, Field("n", FieldType.DECIMAL), Field("u", FieldType.UUID), Field("j", FieldType.JSON)
    )
    done = translate(
        [{"n": Decimal("1.10"), "u": UUID(int=1), "j": [1]}, {"n": None}], source, capabilities=texts
    )
    assert done.batch.payload == [
        {"n": "1.10", "u": "00000000-0000-0000-0000-000000000001", "j": "[1]"},
        {"n": None},
    ]


def test_a_value_that_cannot_be_converted_is_refused_for_its_record():
    texts = replace(CAPABILITIES, field_types=frozenset({FieldType.TEXT}))
    source = with_fields(FIXED, Field("j", FieldType.JSON))
    done = translate([{"j": object()}, {"j": 1}], source, capabilities=texts)
    assert done.batch.ids == [1]
    assert refused(done)[0][1].startswith("field 'j' cannot be converted")


def test_what_is_dropped_is_left_out_and_what_is_renamed_arrives_there():
    source = with_fields(SOURCE, Field("a", FieldType.INT), Field("b", FieldType.INT))
    done = translate([{"a": 1, "b": 2, "c": 3, "d": 4}], source, drop=("a", "c"), rename={"b": "x", "d": "y"})
    assert done.batch.payload == [{"x": 2, "y": 4}]


def test_two_keys_never_become_one():
    source = with_fields(SOURCE, Field("a", FieldType.INT))
    done = translate([{"a": 1, "x": 2}, {"x": 2}, {"a": 1}], source, rename={"a": "x"})
    assert [row for row, _ in done.refused] == [0, 1]
    assert done.batch.payload == [{"x": 1}]
    twice = translate([{"a": 1, "b": 2}], rename={"a": "x", "b": "x"})
    assert refused(twice) == [(0, "two keys of the record become 'x'")]


class TestUndeclaredKeys:
    EXISTING = with_fields(FIXED, Field("n", FieldType.INT))

    def test_they_go_into_a_field_of_their_name_if_they_are_of_its_type(self):
        open_target = replace(self.EXISTING, dynamic=True)
        done = translate([{"n": 1, "m": "x"}, {"n": "text"}, {"n": None}], existing=open_target)
        assert done.batch.payload == [{"n": 1, "m": "x"}, {"n": None}]
        assert refused(done) == [(1, "field 'n' of the target: str is not int")]

    def test_they_are_left_behind_only_by_request(self):
        done = translate([{"n": 1, "m": "x"}], existing=self.EXISTING, drop=("*",))
        assert done.batch.payload == [{"n": 1}]

    def test_one_that_the_source_should_not_have_is_refused_not_lost(self):
        strict = with_fields(FIXED, Field("n", FieldType.INT))
        done = translate([{"n": 1, "m": 2}, {"n": 1}], strict, self.EXISTING, rename={"n": "n"})
        assert done.batch.ids == [0, 1]
        done = translate(
            [{"a": 1, "m": 2}],
            with_fields(FIXED, Field("a", FieldType.INT)),
            self.EXISTING,
            rename={"a": "n"},
        )
        assert refused(done) == [(0, "the target has no field 'm'")]

    def test_a_renamed_one_is_checked_too(self):
        done = translate(
            [{"m": 1}, {"m": "x"}], existing=replace(self.EXISTING, dynamic=True), rename={"m": "n"}
        )
        assert done.batch.payload == [{"n": 1}]


class TestSpreading:
    SOURCE = with_fields(FIXED, Field("meta", FieldType.JSON), Field("a", FieldType.INT))

    def spread(self, *metas, **more):
        return translate([{"meta": meta, "a": 1} for meta in metas], self.SOURCE, spread=("meta",), **more)

    def test_keys_come_out(self):
        done = self.spread({"x": 1, "y": {"z": 2}}, {}, None)
        assert done.batch.payload == [{"x": 1, "y": {"z": 2}, "a": 1}, {"a": 1}, {"a": 1}]

    def test_what_has_no_keys_or_takes_a_name_is_refused(self):
        done = self.spread([1], {"a": 2}, {"b": 1})
        assert refused(done) == [
            (0, "field 'meta' is to be spread but holds list"),
            (1, "key 'a' is where field 'a' goes"),
        ]

    def test_keys_go_into_fields_that_are_there(self):
        existing = with_fields(FIXED, Field("x", FieldType.INT), Field("a", FieldType.INT))
        done = self.spread({"x": 1}, {"x": "text"}, {"y": 1}, existing=existing, drop=("*",))
        assert done.batch.payload == [{"x": 1, "a": 1}, {"a": 1}]


def test_vectors_are_widened_and_others_untouched():
    halves = np.array([[0.1, -0.0]], np.float16)
    source = replace(
        FIXED,
        vectors=(VectorField("vec", dim=2, element=Element.FLOAT16), VectorField("s", VectorKind.SPARSE)),
    )
    capabilities = replace(CAPABILITIES, elements=frozenset({Element.FLOAT32}))
    sparse = sparse_column([make_sparse({1: 1.0})])
    batch = Batch([1], {"vec": dense_column([halves[0]], width=2, dtype=np.float16), "s": sparse}, [{}])
    done = Translator(make_plan(source, capabilities, "copy"), capabilities)(batch).batch
    assert done.vectors["vec"].values.dtype == np.float32
    assert np.array_equal(done.vectors["vec"].values, halves.astype(np.float32))
    assert done.vectors["s"] is sparse


def test_an_ids_only_batch_stays_one():
    translator = Translator(make_plan(SOURCE, CAPABILITIES, "copy"), CAPABILITIES)
    done = translator(Batch([1, 2]))
    assert (done.batch.ids, done.batch.vectors) == ([1, 2], {})


@pytest.mark.parametrize("value", [1, "x", None, [1, {"a": None}], Decimal("1.5")])
def test_undeclared_values_pass_as_they_are(value):
    source = with_fields(SOURCE, Field("a", FieldType.INT))
    done = translate([{"b": value}], source, rename={"a": "x"})
    assert same_value(done.batch.payload[0]["b"], value)


def test_a_number_too_large_for_a_narrower_vector_refuses_its_record():
    existing = replace(SOURCE, name="copy", vectors=(VectorField("vec", element=Element.FLOAT16, dim=2),))
    plan = make_plan(SOURCE, CAPABILITIES, "copy", existing, MappingOptions(narrow=("vec",)))
    rows = [np.array([1, 2], np.float32), np.array([1, 70_000], np.float32)]
    batch = Batch([1, 2], {"vec": dense_column(rows, width=2)}, [{}, {}])
    translation = Translator(plan, CAPABILITIES)(batch)
    assert translation.batch.ids == [1]
    assert [(row, "too large" in error.message) for row, error in translation.refused] == [(1, True)]


def test_records_are_laid_out_anew_and_a_wrong_one_is_refused_by_itself():
    source = CollectionShape("docs", IdField("id", IdKind.TEXT), dynamic=True)
    plan = make_plan(
        source, CAPABILITIES, "copy", layout=LayoutPlan("langchain:qdrant", "langchain:pinecone")
    )
    payloads = [{"page_content": "a", "metadata": {"k": 1}}, {"page_content": "b", "metadata": {"text": 1}}]
    translation = Translator(plan, CAPABILITIES)(Batch(["1", "2"], payload=payloads))
    assert translation.batch.payload == [{"text": "a", "k": 1}]
    assert [(row, error.ids) for row, error in translation.refused] == [(1, ("s:2",))]
