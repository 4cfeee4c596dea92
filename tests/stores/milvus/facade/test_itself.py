"""What is passed on to another Milvus: Milvus Lite is the one behind the facade, and asked itself beside it."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

import pytest
from pymilvus import DataType, MilvusException

from tests.stores.milvus.facade.answering import Served, T, search
from tests.stores.milvus.facade.answering import schema as schema_of
from vectormigrate.model.errors import StoreDown, StoreError, Unsupported
from vectormigrate.model.filter import Native
from vectormigrate.stores.front import Standing
from vectormigrate.stores.milvus.facade.itself import answering, passed
from vectormigrate.stores.milvus.facade.problems import INVALID, UNIMPLEMENTED, Problem
from vectormigrate.stores.milvus.wire.fields import write_template
from vectormigrate.stores.milvus.wire.schema import read_layout

MILVUS, OTHER = (SimpleNamespace(capabilities=SimpleNamespace(kind=kind)) for kind in ("milvus", "memory"))
COLUMNS = schema_of(
    more=[
        ("n", T.Int64, {}),
        ("f", T.Float, {}),
        ("fs", T.Array, {"element_type": T.Float, "params": {"max_capacity": 3}}),
        ("place", T.Geometry, {}),
        ("at", T.Timestamptz, {}),
    ]
)
LAYOUT = read_layout(COLUMNS)


@pytest.fixture
def synsets(vendor):
    """Thirty records in a collection that a vendor's client made."""
    name = "passed_on"
    made = vendor.create_schema(enable_dynamic_field=True)
    made.add_field("id", DataType.INT64, is_primary=True)
    made.add_field("v", DataType.FLOAT_VECTOR, dim=2)
    made.add_field("a", DataType.INT64)
    made.add_field("b", DataType.INT64, nullable=True)
    made.add_field("t", DataType.VARCHAR, max_length=50, enable_analyzer=True, enable_match=True)
    indexes = vendor.prepare_index_params()
    indexes.add_index("v", index_type="FLAT", metric_type="L2")
    vendor.drop_collection(name)
    vendor.create_collection(name, schema=made, index_params=indexes, consistency_level="Strong")
    texts = ["red blue fish", "green fish", "blue"]
    rows = [
        {"id": n, "v": [n, 1.0], "a": n % 5, "b": n % 3 if n % 4 else None, "t": texts[n % 3], "own": n % 7}
        for n in range(30)
    ]
    vendor.insert(name, rows)
    yield name
    with suppress(MilvusException):
        vendor.drop_collection(name)


@pytest.fixture
def served(subject):
    return Served(front=Standing(subject.store))


@pytest.mark.parametrize(
    "expression",
    [
        "a == b",
        "not (a == b)",
        "a != b and own > a",
        "(a + 1) * 2 - b > 4",
        "a + own == 5",
        "text_match(t, 'fish')",
        "text_match(t, 'green blue') and a < b",
    ],
)
async def test_another_milvus_is_asked_as_the_client_asks(served, vendor, synsets, expression):
    theirs = [row["id"] for row in vendor.query(synsets, expression, output_fields=["id"])]
    assert theirs
    found = await served.ok("Query", collection_name=synsets, expr=expression)
    assert sorted(found.fields_data[0].scalars.long_data.data) == sorted(theirs)
    counted = await served.ok("Query", collection_name=synsets, expr=expression, output_fields=["count(*)"])
    assert list(counted.fields_data[0].scalars.long_data.data) == [len(theirs)]
    [hits] = vendor.search(synsets, [[3.0, 1.0]], filter=expression, limit=4, anns_field="v")
    asked = search((3, 1), limit=4, dsl=expression)
    asked.collection_name = synsets
    results = (await served.ok("Search", asked)).results
    assert list(results.ids.int_id.data) == [hit["id"] for hit in hits]


async def test_what_matches_such_words_can_be_deleted(served, vendor, synsets):
    theirs = [row["id"] for row in vendor.query(synsets, "a == b", output_fields=["id"])]
    assert (await served.ok("Delete", collection_name=synsets, expr="a == b")).delete_cnt == len(theirs)
    assert vendor.query(synsets, "a == b", output_fields=["id"]) == []


@pytest.mark.parametrize("rpc", ["Query", "Search"])
@pytest.mark.parametrize(
    ("expression", "code", "said"),
    [
        ("phrase_match(t, 'red blue')", INVALID, "unknown function 'phrase_match'"),
        ("a == t", INVALID, "incompatible types"),
        ("random_sample(0.5)", UNIMPLEMENTED, "random_sample in a filter is not answered here"),
    ],
)
async def test_what_the_other_refuses_is_refused_in_its_words(served, synsets, rpc, expression, code, said):
    message = search((3, 1), dsl=expression)
    message.collection_name = synsets
    words = {} if rpc == "Search" else {"collection_name": synsets, "expr": expression}
    given, reason = await served.refused(rpc, message if rpc == "Search" else None, **words)
    assert (given, said in reason) == (code, True), reason


def test_the_words_go_as_they_came():
    found = passed(MILVUS, LAYOUT, "n == own and n > {k}", {"k": 5}, "this")
    words = Native("milvus", ("n == own and n > {k}", {"k": write_template(5)}), alike=True)
    for text in ("n == own and f > 0.1", "n == fs[0]"):
        assert passed(MILVUS, LAYOUT, text, {}, "this").superset()[0].value == (text, {})
    assert found.superset() == (words, True)
    assert (found.ids, found.bounds.lower, found.bounds.upper) == (None, None, None)
    with pytest.raises(AssertionError, match="this"):
        found.holds(1, {})


@pytest.mark.parametrize(
    ("store", "text", "said"),
    [
        (OTHER, "n == own", "this is not answered here"),
        (MILVUS, "n == own and RANDOM_SAMPLE(0.5)", "this is not answered here"),
        (MILVUS, "st_within(place, 'POINT (1 1)')", "field 'place' is kept by the target in another type"),
        (MILVUS, "at > ISO '2025-01-01T00:00:00Z'", "field 'at'"),
    ],
)
def test_what_would_mean_something_else_is_not_passed_on(store, text, said):
    with pytest.raises(Problem, match=said) as caught:
        passed(store, LAYOUT, text, {}, "this")
    assert caught.value.code == UNIMPLEMENTED


def test_errors_of_the_other():
    for error, code, said in (
        (Unsupported("only milvus"), UNIMPLEMENTED, "this is not answered here: the target has other names"),
        (StoreError("milvus: so not"), INVALID, "so not"),
    ):
        with pytest.raises(Problem, match=f"^{said}") as caught, answering("this"):
            raise error
        assert caught.value.code == code
    with pytest.raises(StoreDown), answering("this"):
        raise StoreDown("down")


async def test_where_the_target_has_other_names_the_client_is_told(served, synsets, subject, monkeypatch):
    async def refused(*args, **words):
        raise Unsupported("only milvus knows what this means")
        yield

    monkeypatch.setattr(type(subject.store), "select", refused)
    code, reason = await served.refused("Query", collection_name=synsets, expr="a == b")
    assert code == UNIMPLEMENTED
    assert "comparing two fields in a filter is not answered here: the target has other names" in reason
