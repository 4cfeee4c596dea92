"""What single predicates say, null and types included."""

from __future__ import annotations

import pytest

from tests.stores.milvus.wire.test_predicates import LAYOUT, predicate
from vectormigrate.model.filter import matches
from vectormigrate.stores.milvus.pb import schema_pb2
from vectormigrate.stores.milvus.wire.expressions import parse
from vectormigrate.stores.milvus.wire.predicates import Predicate
from vectormigrate.stores.milvus.wire.schema import Column, Layout


@pytest.mark.parametrize(
    ("text", "payload", "true", "false"),
    [
        ("n == 1", {"n": None}, False, False),
        ("n != 1", {"n": None}, False, False),
        ("n in [1]", {}, False, False),
        ("n is null", {}, True, False),
        ("array_contains(tags, 1)", {"tags": None}, False, False),
        ("array_length(tags) == 0", {"tags": None}, False, False),
        ("array_length(tags) == 0", {"tags": []}, True, False),
        ('doc["a"] == 1', {"doc": {"a": True}}, False, True),
        ('doc["a"] == 1', {"doc": {"a": 1.0}}, True, False),
        ('doc["a"] == 1', {"doc": {"a": [1]}}, False, True),
        ('doc["a"] > 1', {"doc": {"a": "2"}}, False, False),
        ('doc["a"] > 1', {"doc": {"a": [2]}}, False, False),
        ('doc["a"] == [1, 2]', {"doc": {"a": [1, 2.0]}}, True, False),
        ('doc["a"] == [1]', {"doc": {"a": [True]}}, False, True),
        ('json_contains(doc["a"], 1)', {"doc": {"a": 1}}, False, True),
        ('json_contains(doc["a"], [2])', {"doc": {"a": [1, [2]]}}, True, False),
        ('json_contains_all(doc["a"], [1, 2])', {"doc": {"a": [2, 1]}}, True, False),
        ('doc["a"] like "x%"', {"doc": {"a": 7}}, False, True),
        ('doc["a"]["b"] == 1', {"doc": {"a": 5}}, False, False),
        ("n == 1 and must == 2", {"n": None, "must": 3}, False, True),
        ("n == 1 or must == 2", {"n": None, "must": 3}, False, False),
        ("n == 1 or must == 3", {"n": None, "must": 3}, True, False),
        ("n + 1 == 3", {"n": 2}, True, False),
        ("1 + n == 3", {"n": None}, False, False),
        ("2 * n > 5", {"n": 3}, True, False),
        ("n - 1.5 < 0", {"n": 1}, True, False),
        ("n / 2 == 3", {"n": 7}, True, False),
        ("n / 2 == -3", {"n": -7}, True, False),
        ("n / 2.0 == 3.5", {"n": 7}, True, False),
        ("n % 3 == -1", {"n": -7}, True, False),
        ("n % 3 == 1", {"n": 7}, True, False),
        ("n % 3 == 2", {"n": 7}, False, True),
        ('doc["a"] * 2 == 5', {"doc": {"a": 2.5}}, True, False),
        ('doc["a"] % 2 == 0.5', {"doc": {"a": 2.5}}, True, False),
        ('doc["a"] + 1 == 2', {"doc": {"a": "1"}}, False, False),
        ('doc["a"] + 1 == 2', {"doc": {"a": True}}, False, False),
    ],
)
def test_true_false_and_neither(text, payload, true, false):
    assert predicate(text).holds(1, payload) is true
    assert predicate(f"not ({text})").holds(1, payload) is false


@pytest.mark.parametrize(
    ("pattern", "word", "found"),
    [
        ("a%", "abc", True),
        ("%c", "abc", True),
        ("%b%", "a\nbc", True),
        ("a_c", "abc", True),
        ("a_c", "abbc", False),
        (r"100\%", "100%", True),
        (r"100\%", "1000", False),
        ("a.c", "abc", False),
        ("", "", True),
    ],
)
def test_like(pattern, word, found):
    text = f'label like "{pattern}"'
    assert predicate(text).holds(1, {"label": word}) is found
    assert predicate(f"not ({text})").holds(1, {"label": word}) is not found
    assert not predicate(f"not ({text})").holds(1, {"label": None})


def test_a_float_field_is_compared_in_its_32_bits():
    single = Column("f", schema_pb2.DataType.Float)
    layout = Layout("d", LAYOUT.key, False, LAYOUT.vectors, (single,), False, False)
    held = {"f": 0.10000000149011612}
    for text, found in [("f == 0.1", True), ("f > 0.1", False), ("f in [0.1]", True), ("f != 0.1", False)]:
        read = Predicate(parse(text), layout)
        assert read.holds(1, held) is found
        assert matches(read.superset()[0], 1, held) is found
