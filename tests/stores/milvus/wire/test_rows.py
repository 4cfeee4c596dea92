"""Objects of REST to columns and back."""

from __future__ import annotations

import base64

import pytest

from tests.stores.milvus.facade.answering import T, schema
from vectormigrate.stores.milvus.pb import common_pb2
from vectormigrate.stores.milvus.wire.rows import read_rows, write_key_list, write_rows, write_targets
from vectormigrate.stores.milvus.wire.schema import Column, read_layout
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

MORE = [
    ("n", T.Int64, {"nullable": True}),
    ("t", T.VarChar, {"params": {"max_length": 9}}),
    ("s", T.SparseFloatVector, {}),
    ("h", T.Float16Vector, {"params": {"dim": 2}}),
    ("b", T.BinaryVector, {"params": {"dim": 16}}),
    ("i", T.Int8Vector, {"params": {"dim": 2}}),
    ("f", T.BFloat16Vector, {"params": {"dim": 2}}),
]
ALL = read_layout(schema(more=MORE))


def test_rows_come_back():
    bits = base64.b64encode(b"\x01\xff").decode()
    rows = [
        {"id": 1, "v": [1, 2], "n": None, "t": "é", "s": {"1": 0.5}, "h": [0.5, 1], "b": bits, "i": [1, -2], "f": [1, 2], "x": [1]},
        {"id": 2, "v": [3, 4], "n": 2**62, "t": "", "s": {"7": 1.0}, "h": [2, 3], "b": bits, "i": [3, 4], "f": [0.5, 2]},
    ]  # fmt: skip
    assert read_rows(write_rows(rows, ALL), 2, ALL) == rows


def test_numbers_as_texts_and_sparse_vectors_as_lists():
    rows = [{"id": "9007199254740993", "s": {"indices": [7, 1], "values": [1.0, 0.5]}}]
    assert read_rows(write_rows(rows, ALL), 1, ALL) == [{"id": 9007199254740993, "s": {"1": 0.5, "7": 1.0}}]


@pytest.mark.parametrize(
    "row",
    [{"id": "x"}, {"v": [1]}, {"v": "?"}, {"t": 7}, {"s": [1]}, {"s": {"a": 1}}, {"n": 1.5}, {"b": "AA=="}],
)
def test_what_cannot_be_read(row):
    with pytest.raises(ExpressionInvalid):
        write_rows([{**row}], ALL)


def test_a_row_without_a_key_among_others():
    with pytest.raises(ExpressionInvalid, match="key"):
        write_rows([{"id": 1}, {}], ALL)


def test_a_fixed_collection_takes_no_other_keys():
    with pytest.raises(ExpressionInvalid, match="more"):
        write_rows([{"id": 1, "more": 1}], read_layout(schema(dynamic=False)))


@pytest.mark.parametrize(
    ("column", "vector", "size"),
    [
        (Column("v", T.FloatVector, dim=2), [1, 2], 8),
        (Column("v", T.Float16Vector, dim=2), [1, 2], 4),
        (Column("v", T.BFloat16Vector, dim=2), [1, 2], 4),
        (Column("v", T.BinaryVector, dim=16), base64.b64encode(b"ab").decode(), 2),
        (Column("v", T.SparseFloatVector), {"4": 1.5, "1": 1}, 16),
    ],
)
def test_targets(column, vector, size):
    group = common_pb2.PlaceholderGroup.FromString(write_targets([vector], column))
    [placeholder] = group.placeholders
    assert placeholder.type == column.type
    assert [len(value) for value in placeholder.values] == [size]
    for wrong in (None, [1, 2, 3]):
        with pytest.raises(ExpressionInvalid):
            write_targets([wrong], column)


def test_keys():
    assert list(write_key_list(["5", 6], ALL).int_id.data) == [5, 6]
    with pytest.raises(ExpressionInvalid):
        write_key_list(["x"], ALL)
