"""Recommendations: the old form, computed from the rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vectormigrate.model.collection import Element, FieldType, IdKind
from vectormigrate.model.errors import UsageError
from vectormigrate.model.recommendation import FieldMapping, recommend
from vectormigrate.stores.memory import CAPABILITIES

_UNIT = (
    "stored with length one under cosine; its length is kept beside it, under '_vm_norm', and it comes back to the rounding of"
    " float32"
)


def able(**lacks):
    return replace(CAPABILITIES, **lacks)


def by_name(found):
    return {one.source_field: one for one in found.field_mappings}


def test_without_a_schema_the_known_names_are_answered_with_their_confidence():
    found = recommend(CAPABILITIES, CAPABILITIES)
    assert [(one.source_field, one.target_field, one.confidence) for one in found.field_mappings] == [
        ("id", "id", 1.0),
        ("title", "title", 0.95),
        ("url", "url", 0.95),
        ("content", "content", 0.9),
    ]
    assert not any(one.conversion_needed for one in found.field_mappings)
    assert (found.source_type, found.target_type, found.overall_confidence) == ("memory", "memory", 0.95)
    assert found.warnings == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"price": "numeric", "e": "vector(3)"},
        {"fields": [{"name": "price", "type": "DECIMAL"}, {"name": "e", "type": "vector(3)"}]},
        [{"name": "price", "type": "decimal"}, {"name": "e", "type": "float_vector(3)"}],
        {"price": {"type": "decimal"}, "e": "vector(3)"},
    ],
)
def test_a_schema_in_any_form_is_planned(schema):
    plain = able(field_types=frozenset({FieldType.TEXT}), normalises_cosine=True)
    found = recommend(CAPABILITIES, plain, schema)
    assert by_name(found) == {
        "price": FieldMapping("price", "price", 0.9, True, "decimal as text, all digits kept"),
        "e": FieldMapping("e", "e", 0.9, True, _UNIT),
    }
    assert found.warnings == (f"'e': {_UNIT}",)


@pytest.mark.parametrize(
    "word",
    [
        "varchar(200)",
        "character varying(20)",
        "NUMERIC(10, 2)",
        "double precision",
        "timestamp with time zone",
        "text[]",
        "INT64",
        "geoCoordinates",
        "halfvec(768)",
        "SPARSE_FLOAT_VECTOR",
        "BINARY_VECTOR(64)",
    ],
)
def test_types_are_known_as_their_stores_call_them(word):
    (told,) = recommend(CAPABILITIES, CAPABILITIES, {"f": word}).field_mappings
    assert (told.source_field, told.conversion_needed, told.confidence) == ("f", False, 1.0)
    dense_alone = able(kind="dense", sparse=False, elements=frozenset({Element.FLOAT32}))
    (told,) = recommend(CAPABILITIES, dense_alone, {"f": word}).field_mappings
    assert (told.confidence < 1.0) == (
        word.lower() in ("sparse_float_vector", "binary_vector(64)", "halfvec(768)")
    )


@pytest.mark.parametrize("word", ["varchar(", "text(1,2,3)", "vector(3)[]", "nonsense[]", "", "(3)"])
def test_types_that_nobody_has(word):
    with pytest.raises(UsageError, match="is not known"):
        recommend(CAPABILITIES, CAPABILITIES, {"f": word})


def test_a_bare_name_is_known_by_its_name_alone():
    found = by_name(recommend(CAPABILITIES, CAPABILITIES, ["mystery", "title", "id"]))
    assert [found[name].confidence for name in ("mystery", "title", "id")] == [0.7, 0.95, 1.0]
    plain = able(field_types=frozenset({FieldType.INT}))
    assert by_name(recommend(CAPABILITIES, plain, ["mystery"]))["mystery"].conversion_needed


def test_what_does_not_fit_is_said():
    nothing = able(field_types=frozenset({FieldType.INT}), sparse=False, max_payload_bytes=40_960)
    found = recommend(CAPABILITIES, nothing, {"t": "text"})
    assert by_name(found)["t"].confidence == 0.0
    assert found.warnings == (
        "'t': the target has no type for text",
        "memory holds at most 40,960 bytes of payload a record",
        "memory has no sparse vectors",
    )


def test_ids_are_converted_or_cannot_be():
    text = able(id_kinds=frozenset({IdKind.TEXT}), max_id_bytes=512)
    found = recommend(CAPABILITIES, text, {"id": "int"})
    assert by_name(found)["id"] == FieldMapping("id", "id", 0.9, True, "int_text")
    assert found.warnings == ("ids are converted: int_text", "memory holds ids of at most 512 bytes")
    integers = able(id_kinds=frozenset({IdKind.INT}))
    assert "do not fit" in recommend(text, integers, {"id": "text"}).warnings[0]
    assert by_name(recommend(integers, CAPABILITIES, {"id": "text"}))["id"].confidence == 1.0


def test_an_empty_schema_has_no_confidence():
    assert recommend(CAPABILITIES, CAPABILITIES, {}).overall_confidence == 0.0


@pytest.mark.parametrize("schema", ["text", [1], {"a": "colour"}, [{"type": "text"}]])
def test_a_schema_that_is_none_is_told(schema):
    with pytest.raises(UsageError, match="source_schema"):
        recommend(CAPABILITIES, CAPABILITIES, schema)


def test_a_type_that_was_made_up_to_be_long_is_refused_at_once():
    """It took minutes in which a daemon answered nobody."""
    spaces = " " * 100_000
    for word in (f"a{spaces}!", f"text{spaces}!", "a b " * 100_000, "a" * 100_000 + "("):
        with pytest.raises(UsageError, match="is not known") as refused:
            recommend(able(), able(), {"a": word})
        assert len(refused.value.message) < 300
    assert recommend(able(), able(), {"a": f"double {spaces} precision"}).field_mappings[0].confidence
