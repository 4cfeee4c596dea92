"""Filters in both forms, read as clauses."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.clauses import (
    Every,
    Geo,
    Negated,
    Operator,
    Some,
    Test,
    Unanswerable,
    read_clause,
    read_where,
)
from vectormigrate.stores.weaviate.wire.shape import read_layout

TYPES = {
    "n": "int",
    "x": "number",
    "b": "boolean",
    "s": "text",
    "d": "date",
    "u": "uuid",
    "g": "geoCoordinates",
    "o": "object",
    "ns": "int[]",
    "r": "Other",
}
LAYOUT = read_layout(
    {
        "class": "C",
        "vectorIndexType": "hnsw",
        "properties": [{"name": name, "dataType": [kind]} for name, kind in TYPES.items()],
    }
)


def where(operator, path, **value):
    return read_clause(read_where({"operator": operator, "path": path, **value}), LAYOUT)


@pytest.mark.parametrize(
    ("path", "given", "value"),
    [
        ("n", {"valueInt": 5}, 5),
        ("n", {"valueNumber": 5.0}, 5),
        ("n", {"valueText": "5"}, 5),
        ("x", {"valueInt": 5}, 5.0),
        ("x", {"valueText": "2.5"}, 2.5),
        ("b", {"valueBoolean": False}, False),
        ("s", {"valueString": "a"}, "a"),
        ("d", {"valueDate": "2024-01-01T00:00:00Z"}, datetime(2024, 1, 1, tzinfo=UTC)),
        ("u", {"valueText": "00000000-0000-0000-0000-000000000001"}, UUID(int=1)),
        ("ns", {"valueInt": 2}, 2),
    ],
)
def test_a_value_is_of_the_type_of_its_property(path, given, value):
    test = where("Equal", [path], **given)
    assert isinstance(test, Test)
    assert (test.operator, test.held.name, test.value, test.length) == (Operator.EQUAL, path, value, False)
    assert type(test.value) is type(value)


def test_joins_and_lists():
    inner = {"operator": "Equal", "path": ["n"], "valueInt": 1}
    both = read_clause(read_where({"operator": "And", "operands": [inner, inner]}), LAYOUT)
    either = read_clause(read_where({"operator": "Or", "operands": [inner]}), LAYOUT)
    neither = read_clause(read_where({"operator": "Not", "operands": [inner]}), LAYOUT)
    assert isinstance(both, Every)
    assert len(both.items) == 2
    assert isinstance(either, Some)
    assert isinstance(neither, Negated)
    assert where("ContainsAny", ["ns"], valueInt=[1, 2]).value == (1, 2)
    assert where("ContainsAll", ["s"], valueTextArray=["a"]).value == ("a",)
    assert where("ContainsNone", ["s"], valueText="a").value == ("a",)


def test_what_is_tested_of_a_property():
    assert where("IsNull", ["s"], valueBoolean=True).value is True
    assert where("GreaterThan", ["len(s)"], valueInt=3).length
    assert where("Equal", ["r"], valueInt=3).length
    assert where("Equal", ["id"], valueText="x").held.name == "_id"
    around = {"geoCoordinates": {"latitude": 1.5, "longitude": 2}, "distance": {"max": 100}}
    assert where("WithinGeoRange", ["g"], valueGeoRange=around).value == Geo(1.5, 2.0, 100.0)
    counted = pb.Filters(operator=pb.Filters.OPERATOR_EQUAL, value_int=2)
    counted.target.count.on = "r"
    assert read_clause(counted, LAYOUT).length
    old = pb.Filters(operator=pb.Filters.OPERATOR_EQUAL, value_int=2, on=["n"])
    assert read_clause(old, LAYOUT).value == 2


@pytest.mark.parametrize(
    "given",
    [
        "no object",
        {"operator": "Near", "path": ["n"], "valueInt": 1},
        {"operator": "Equal", "valueInt": 1},
        {"operator": "Equal", "path": ["n"]},
        {"operator": "Equal", "path": ["n"], "valueInt": 1, "valueText": "a"},
        {"operator": "Equal", "path": ["n"], "valueInt": "a"},
        {"operator": "Equal", "path": ["n"], "valueNumber": 1.5},
        {"operator": "Equal", "path": ["n"], "valueBoolean": True},
        {"operator": "Equal", "path": ["x"], "valueBoolean": True},
        {"operator": "Equal", "path": ["b"], "valueInt": 1},
        {"operator": "Equal", "path": ["s"], "valueInt": 1},
        {"operator": "Equal", "path": ["s"], "valueTextArray": ["a"]},
        {"operator": "Equal", "path": ["d"], "valueText": "yesterday"},
        {"operator": "Equal", "path": ["nothing"], "valueInt": 1},
        {"operator": "Equal", "path": ["o.a"], "valueInt": 1},
        {"operator": "Equal", "path": ["g"], "valueInt": 1},
        {"operator": "IsNull", "path": ["s"], "valueInt": 1},
        {"operator": "And", "operands": []},
        {"operator": "Equal", "path": ["a", "B"], "valueInt": 1},
        {"operator": "WithinGeoRange", "path": ["g"], "valueGeoRange": {}},
    ],
)
def test_what_is_no_filter_is_told(given):
    with pytest.raises(ValueError, match=r"\w"):
        read_clause(read_where(given), LAYOUT)


def test_a_way_through_references_is_beyond_us():
    with pytest.raises(Unanswerable):
        where("Equal", ["r", "Other", "n"], valueInt=1)
    with pytest.raises(Unanswerable):
        read_clause(
            pb.Filters(operator=pb.Filters.OPERATOR_EQUAL, value_int=2, on=["r", "Other", "n"]), LAYOUT
        )
