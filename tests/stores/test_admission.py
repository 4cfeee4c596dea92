"""What is checked before any store takes a record: each rule by itself, by row, once a record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from tests.conformance.subject import make_sparse
from vectormigrate.model.batch import Batch, DenseColumn, dense_column, multi_column, sparse_column
from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.errors import RecordRefused, Unsupported
from vectormigrate.model.record import RecordId
from vectormigrate.stores.admission import Admission, check_request
from vectormigrate.stores.memory import CAPABILITIES

SHAPE = CollectionShape(
    "things",
    IdField("key", IdKind.INT),
    (VectorField("vec", dim=2, metric=Metric.COSINE),),
    dynamic=True,
)


NAIVE = datetime.fromisoformat("2024-01-01T00:00:00")


def faults(batch: Batch, shape: CollectionShape = SHAPE, **abilities: Any) -> dict[int, str]:
    """Row to the reason alone."""
    found = Admission(shape, replace(CAPABILITIES, **abilities)).refusals(batch)
    assert [refusal.row for refusal in found] == sorted({refusal.row for refusal in found})
    return {refusal.row: refusal.error.message.partition("refused: ")[2] for refusal in found}


def of_ids(*ids: RecordId) -> Batch:
    return Batch([*ids], {}, [{} for _ in ids])


def of_payloads(*payloads: dict[str, Any]) -> Batch:
    return Batch([*range(len(payloads))], {}, [*payloads])


def of_rows(*rows: list[float] | None) -> Batch:
    arrays = [None if row is None else np.array(row, np.float32) for row in rows]
    return Batch([*range(len(rows))], {"vec": dense_column(arrays, width=2)}, [{} for _ in rows])


def with_field(field: Field) -> CollectionShape:
    return replace(SHAPE, fields=(field,), dynamic=False)


def with_vector(vector: VectorField) -> CollectionShape:
    return replace(SHAPE, vectors=(vector,))


class TestRequest:
    def test_a_batch_may_be_full_but_not_more(self):
        able = replace(CAPABILITIES, write_batch=2)
        check_request([1, 2], able, "things")
        with pytest.raises(Unsupported) as caught:
            check_request([1, 2, 3], able, "things")
        assert "3 records" in caught.value.message
        assert caught.value.collection == "things"

    def test_ids_are_distinct(self):
        with pytest.raises(Unsupported) as caught:
            check_request([1, 2, 1, "1", 2, 1], CAPABILITIES, "things")
        assert caught.value.ids == ("i:1", "i:2", "i:1")


class TestIds:
    @pytest.mark.parametrize(
        ("kind", "good", "bad"),
        [
            (IdKind.INT, [0, -(2**63), 2**63 - 1], ["1", True, UUID(int=1), 2**63, -(2**63) - 1, (1,)]),
            (IdKind.TEXT, ["", "a", "é"], [1, UUID(int=1), ("a",), "\ud800"]),
            (IdKind.UUID, [UUID(int=0)], ["0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff", 5]),
        ],
    )
    def test_an_id_is_of_the_kind_of_the_key(self, kind: IdKind, good: list, bad: list):
        shape = replace(SHAPE, id=IdField("key", kind))
        assert faults(of_ids(*good), shape) == {}
        assert faults(of_ids(*bad), shape).keys() == set(range(len(bad)))

    def test_a_compound_id_has_its_parts(self):
        parts = (IdField("a", IdKind.TEXT), IdField("b", IdKind.INT))
        shape = replace(SHAPE, id=IdField("", IdKind.COMPOUND, parts=parts))
        assert faults(of_ids(("a", 1), ("a",), ("a", "b"), "a", ("a", 1, 2)), shape).keys() == {1, 2, 3, 4}

    def test_a_text_id_has_a_longest_length_in_bytes(self):
        shape = replace(SHAPE, id=IdField("key", IdKind.TEXT, max_length=3))
        assert faults(of_ids("abc", "abcd", "aé", "éé"), shape).keys() == {1, 3}
        unlimited = replace(SHAPE, id=IdField("key", IdKind.TEXT))
        assert faults(of_ids("abc", "abcd"), unlimited, max_id_bytes=3).keys() == {1}

    def test_a_nul_byte_is_for_those_who_can(self):
        shape = replace(SHAPE, id=IdField("key", IdKind.TEXT))
        assert faults(of_ids("a\0b"), shape) == {}
        assert faults(of_ids("a\0b"), shape, nul_in_text=False) == {
            0: "it holds a NUL byte, which the store cannot keep"
        }

    def test_the_error_names_the_record_and_can_be_printed(self):
        shape = replace(SHAPE, id=IdField("key", IdKind.TEXT))
        [refusal] = Admission(shape, CAPABILITIES).refusals(of_ids("half \ud800"))
        assert isinstance(refusal.error, RecordRefused)
        assert refusal.error.ids == ("s:half \\ud800",)
        assert refusal.error.message.encode()
        assert (refusal.error.store, refusal.error.collection) == ("memory", "things")


class TestPayload:
    @pytest.mark.parametrize(
        ("type_", "good", "bad"),
        [
            (FieldType.BOOL, [True, None], [1, "true"]),
            (FieldType.INT, [0, 2**63 - 1, None], [True, 1.0, "1", 2**63]),
            (FieldType.FLOAT, [1.0, 1], [True, "1"]),
            (FieldType.TEXT, ["", "a"], [1, b"a"]),
            (FieldType.BYTES, [b""], ["a"]),
            (FieldType.DECIMAL, [Decimal(1)], [1, 1.0]),
            (
                FieldType.DATETIME,
                [datetime(2024, 1, 1, tzinfo=UTC)],
                [NAIVE, date(2024, 1, 1)],
            ),
            (
                FieldType.DATETIME_NAIVE,
                [NAIVE],
                [datetime(2024, 1, 1, tzinfo=UTC), date(2024, 1, 1)],
            ),
            (FieldType.DATE, [date(2024, 1, 1)], [NAIVE, "2024-01-01"]),
            (FieldType.TIME, [time(1)], ["01:00"]),
            (FieldType.UUID, [UUID(int=1)], ["x"]),
            (FieldType.JSON, [1, "a", {}, [None], True], []),
            (FieldType.ARRAY, [[], [1]], [{}, "a"]),
            (FieldType.ANY, [1, "a", b"a"], []),
        ],
    )
    def test_a_value_is_of_the_declared_type(self, type_: FieldType, good: list, bad: list):
        shape = with_field(Field("f", type_))
        assert faults(of_payloads(*({"f": value} for value in good)), shape) == {}
        assert faults(of_payloads(*({"f": value} for value in bad)), shape).keys() == set(range(len(bad)))

    def test_undeclared_keys_need_a_dynamic_collection(self):
        assert faults(of_payloads({"x": 1})) == {}
        shape = with_field(Field("f", FieldType.INT))
        assert faults(of_payloads({"f": 1}, {"x": 1}), shape) == {1: "there is no field 'x'"}

    def test_a_required_field_is_there_and_not_null(self):
        shape = with_field(Field("f", FieldType.JSON, nullable=False))
        assert faults(of_payloads({"f": 1}, {"f": None}, {}), shape).keys() == {1, 2}
        assert Admission(shape, CAPABILITIES).payload_fault({}, whole=False) == ""
        assert Admission(shape, CAPABILITIES).payload_fault({"f": None}, whole=False)

    def test_a_longest_length_counts_bytes_or_elements(self):
        text = with_field(Field("f", FieldType.TEXT, max_length=2))
        assert faults(of_payloads({"f": "ab"}, {"f": "aé"}), text).keys() == {1}
        array = with_field(Field("f", FieldType.ARRAY, max_length=2))
        assert faults(of_payloads({"f": ["long", "long"]}, {"f": [1, 2, 3]}), array).keys() == {1}

    def test_a_store_may_have_a_longest_text_for_declared_fields(self):
        shape = replace(with_field(Field("f", FieldType.TEXT)), dynamic=True)
        batch = of_payloads({"f": "ab"}, {"f": "aé"}, {"other": "longer"})
        assert faults(batch, shape, max_text_bytes=2) == {1: "field 'f': longer than 2 bytes"}

    def test_texts_are_looked_at_all_the_way_down(self):
        batch = of_payloads(
            {"a": "\ud800"}, {"a": [{"b": ["\ud800"]}]}, {"a": {"\udfff": 1}}, {"a": [{"b": "ok"}]}
        )
        assert faults(batch).keys() == {0, 1, 2}


class TestVectors:
    def test_numbers_are_finite_unless_the_store_can_hold_others(self):
        batch = of_rows([1, 2], [np.nan, 0], None, [0, -np.inf])
        assert faults(batch).keys() == {1, 3}
        assert faults(batch, non_finite=True) == {}

    def test_a_zero_vector_is_refused_under_cosine_where_it_must_be(self):
        batch = of_rows([0, 0], [0, 1], None, [-0.0, 0])
        assert faults(batch, zero_vector_under_cosine=False).keys() == {0, 3}
        assert faults(batch) == {}
        dot = with_vector(replace(SHAPE.vectors[0], metric=Metric.DOT))
        assert faults(batch, dot, zero_vector_under_cosine=False) == {}
        assert faults(batch, dot, zero_vectors=False).keys() == {0, 3}

    def test_a_missing_vector_is_refused_where_one_is_needed(self):
        needed = with_vector(replace(SHAPE.vectors[0], nullable=False))
        assert faults(of_rows([1, 2], None), needed) == {1: "vector 'vec' is missing"}
        assert faults(of_ids(1, 2), needed).keys() == {0, 1}

    def test_the_dimension_is_that_of_the_field(self):
        batch = Batch(
            [1, 2], {"vec": DenseColumn(np.ones((2, 3), np.float32), np.array([False, True]))}, [{}, {}]
        )
        assert faults(batch) == {1: "vector 'vec' has 2 dimensions, not 3"}
        assert faults(batch, with_vector(replace(SHAPE.vectors[0], dim=None))) == {}

    def test_bits_are_counted_eight_a_byte(self):
        shape = with_vector(VectorField("vec", element=Element.BINARY, dim=16))
        good, bad = (Batch([1], {"vec": DenseColumn(np.ones((1, n), np.uint8))}, [{}]) for n in (2, 3))
        assert faults(good, shape) == {}
        assert faults(bad, shape) == {0: "vector 'vec' has 16 dimensions, not 24"}

    def test_the_element_type_is_never_converted(self):
        batch = Batch([1], {"vec": DenseColumn(np.ones((1, 2)))}, [{}])
        assert faults(batch) == {0: "vector 'vec' holds float32, not float64"}

    def test_the_kind_is_that_of_the_field(self):
        batch = Batch([1], {"vec": sparse_column([make_sparse({1: 1.0})])}, [{}])
        assert faults(batch) == {0: "vector 'vec' is dense"}

    def test_an_unknown_vector_is_refused_for_those_who_have_it(self):
        column = DenseColumn(np.ones((2, 2), np.float32), np.array([True, False]))
        assert faults(Batch([1, 2], {"other": column}, [{}, {}])) == {0: "there is no vector 'other'"}

    @pytest.mark.parametrize(
        ("abilities", "weights", "reason"),
        [
            ({}, {-1: 1.0}, "has an index below 0"),
            ({"max_sparse_index": 9}, {9: 1.0, 10: 1.0}, "has an index beyond 9"),
            ({"max_weights": 2}, {1: 1.0, 2: 1.0, 3: 1.0}, "has more than 2 weights"),
            ({"positive_weights": True}, {1: 1.0, 2: 0.0}, "has a weight that is not above zero"),
            ({"empty_sparse": False}, {}, "has no weights"),
        ],
    )
    def test_weights_of_a_sparse_vector_are_what_the_store_holds(self, abilities, weights, reason):
        good = make_sparse({0: 0.5, 9: 1.0})
        batch = Batch([1, 2, 3], {"vec": sparse_column([good, make_sparse(weights), None])}, [{}] * 3)
        shape = with_vector(VectorField("vec", VectorKind.SPARSE))
        assert faults(batch, shape, **abilities) == {1: f"sparse vector 'vec' {reason}"}

    def test_sparse_and_multi_vectors_are_finite_too(self):
        sparse = sparse_column(
            [make_sparse({1: 1.0}), make_sparse({}), None, make_sparse({1: 1.0, 2: np.nan})]
        )
        shape = with_vector(VectorField("vec", VectorKind.SPARSE))
        assert faults(Batch([1, 2, 3, 4], {"vec": sparse}, [{}] * 4), shape).keys() == {3}
        rows = [np.ones((2, 2)), np.array([[1, 2], [np.inf, 0], [1, 1]]), None, np.ones((1, 2))]
        multi = multi_column([None if row is None else row.astype(np.float32) for row in rows], width=2)
        shape = with_vector(VectorField("vec", VectorKind.MULTI, dim=2))
        assert faults(Batch([1, 2, 3, 4], {"vec": multi}, [{}] * 4), shape).keys() == {1}


def test_partitions_are_known_ones():
    shape = replace(SHAPE, partitions=("a",))
    batch = replace(of_ids(1, 2, 3), partition=["a", None, "b"])
    assert faults(batch, shape) == {2: "there is no partition 'b'"}


def test_a_partition_is_called_as_the_store_allows():
    shape = replace(SHAPE, partitions=("a", "ä"))
    batch = replace(of_ids(1, 2, 3), partition=["a", "ä", None])
    told = faults(batch, shape, partition_pattern="[a-z]")
    assert told == {1: "no partition can be called 'ä'"}


def test_a_record_is_refused_once_for_its_first_fault():
    batch = replace(of_rows([np.nan, 1]), ids=["text"], payload=[{"x": "\ud800"}])
    assert faults(batch) == {0: "vector 'vec' holds NaN or infinity"}


def test_a_record_that_was_not_read_whole_is_refused():
    assert faults(replace(of_ids(1, 2), faults={1: "vector 'vec' holds 3 bytes"})) == {
        1: "vector 'vec' holds 3 bytes"
    }
