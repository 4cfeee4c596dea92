"""Edits of single fields: there, back where that can be, and what is compared."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest

from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind
from vectormigrate.model.edits import Edit, Editor, Redaction, edited_shape, obstacles
from vectormigrate.model.errors import RecordRefused, Unsupported

SHAPE = CollectionShape(
    "docs",
    IdField("id", IdKind.INT),
    (),
    (Field("n", FieldType.INT, nullable=False, indexed=True), Field("t", FieldType.TEXT)),
    dynamic=True,
)
UUID_ = UUID("0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff")


def forward(edit, payload, key=""):
    return Editor([edit], None, key).forward(payload)


@pytest.mark.parametrize(
    ("to", "value", "cast"),
    [
        (FieldType.TEXT, 5, "5"),
        (FieldType.TEXT, 0.1, "0.1"),
        (FieldType.TEXT, True, "true"),
        (FieldType.TEXT, b"\0", "AA=="),
        (FieldType.TEXT, Decimal("1.50"), "1.50"),
        (FieldType.TEXT, date(2024, 2, 29), "2024-02-29"),
        (FieldType.TEXT, [1], "[1]"),
        (FieldType.TEXT, UUID_, str(UUID_)),
        (FieldType.INT, "12", 12),
        (FieldType.INT, 3.0, 3),
        (FieldType.FLOAT, 3, 3.0),
        (FieldType.FLOAT, "1.5", 1.5),
        (FieldType.BOOL, "False", False),
        (FieldType.BOOL, 1, True),
        (FieldType.DECIMAL, 1.5, Decimal("1.5")),
        (FieldType.DATETIME, "2024-01-01T00:00:00Z", datetime(2024, 1, 1, tzinfo=UTC)),
        (FieldType.DATETIME_NAIVE, "2024-01-01T00:00:00", datetime(2024, 1, 1)),  # noqa: DTZ001 naive is meant
        (FieldType.DATE, "2024-01-01", date(2024, 1, 1)),
        (FieldType.TIME, "10:20", time(10, 20)),
        (FieldType.UUID, str(UUID_), UUID_),
        (FieldType.BYTES, "AA==", b"\0"),
        (FieldType.JSON, '{"a": 1}', {"a": 1}),
        (FieldType.ARRAY, "[1]", [1]),
        (FieldType.ANY, 1, 1),
    ],
)
def test_a_cast(to, value, cast):
    found = forward(Edit("f", to), {"f": value})["f"]
    assert (found, type(found)) == (cast, type(cast))
    assert forward(Edit("f", to), {"f": None}) == {"f": None}


@pytest.mark.parametrize(
    ("to", "value"),
    [
        (FieldType.INT, "1.5"),
        (FieldType.INT, 1.5),
        (FieldType.INT, True),
        (FieldType.INT, None.__class__),
        (FieldType.FLOAT, 2**53 + 1),
        (FieldType.FLOAT, True),
        (FieldType.BOOL, "maybe"),
        (FieldType.DATETIME, "2024-01-01T00:00:00"),
        (FieldType.DATETIME_NAIVE, "2024-01-01T00:00:00Z"),
        (FieldType.ARRAY, "{}"),
        (FieldType.UUID, "no"),
        (FieldType.DECIMAL, "no"),
        # Each of these arrived rounded or cut, without a word.
        (FieldType.FLOAT, Decimal("1.23456789012345678901")),
        (FieldType.FLOAT, "9007199254740993"),
        (FieldType.FLOAT, "1e999"),
        (FieldType.DATETIME, "2024-01-01T00:00:00.1234567Z"),
        (FieldType.DATETIME_NAIVE, "2024-01-01T00:00:00.000000001"),
        (FieldType.TIME, "10:00:00,123456789"),
    ],
)
def test_a_value_that_cannot_be_cast_is_refused(to, value):
    with pytest.raises(RecordRefused, match=f"field 'f' cannot be cast to {to}"):
        forward(Edit("f", to), {"f": value})


@pytest.mark.parametrize(
    "value",
    [
        "0.1",
        Decimal("0.10"),
        "1e-7",
        "3",
        "inf",
        "0.1000000000000000055511151231257827021181583404541015625",
    ],
)
def test_digits_that_a_double_has_are_cast(value):
    assert forward(Edit("f", FieldType.FLOAT), {"f": value}) == {"f": float(value)}


def test_moments_with_noughts_behind_the_microseconds_are_cast():
    found = forward(Edit("f", FieldType.TIME), {"f": "10:00:00.123456000"})
    assert found == {"f": time(10, 0, 0, 123456)}


def test_a_default_stands_where_there_is_none():
    edit = Edit("f", default="x")
    assert [forward(edit, one) for one in ({}, {"f": None}, {"f": ""})] == [{"f": "x"}, {"f": "x"}, {"f": ""}]
    assert forward(Edit("f", FieldType.INT, default="7"), {}) == {"f": 7}


def test_what_is_hidden_cannot_be_told_but_equal_values_stay_equal():
    assert forward(Edit("f", redact=Redaction.CONSTANT, constant="***"), {"f": "secret", "g": 1}) == {
        "f": "***",
        "g": 1,
    }
    hashing = Edit("f", redact=Redaction.HASH)
    assert forward(hashing, {}, "key") == {}
    one, other = (forward(hashing, {"f": "secret"}, key)["f"] for key in ("key", "other key"))
    assert one == hmac.new(b"key", b'"secret"', hashlib.sha256).hexdigest()
    assert one != other


def test_the_given_payload_is_left_alone():
    payload = {"f": "1"}
    forward(Edit("f", FieldType.INT), payload)
    assert payload == {"f": "1"}


def test_the_shape_behind_the_edits():
    edits = (Edit("n", FieldType.TEXT), Edit("loose", FieldType.FLOAT), Edit("t", default="x"))
    assert edited_shape(SHAPE, edits).fields == (
        Field("n", FieldType.TEXT, nullable=False, indexed=True),
        SHAPE.fields[1],
        Field("loose", FieldType.FLOAT),
    )
    assert edited_shape(SHAPE, (Edit("n", redact=Redaction.HASH),)).fields[0].type is FieldType.TEXT
    for constant, kind in ((True, "bool"), (1, "int"), (1.5, "float"), ("a", "text"), ([], "array")):
        edit = Edit("n", redact=Redaction.CONSTANT, constant=constant)
        assert edited_shape(SHAPE, (edit,)).fields[0].type == kind


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Edit("n", FieldType.TEXT), []),
        (Edit("n", FieldType.FLOAT), []),
        (Edit("t", FieldType.INT), ["'t' is cast to int"]),
        (Edit("loose", FieldType.TEXT), ["'loose' is cast to text"]),
        (Edit("t", default="x"), ["'t' has a default: whether it stood there cannot be told"]),
        (Edit("t", redact=Redaction.HASH), ["'t' is redacted"]),
    ],
)
def test_what_cannot_be_undone_is_said(edit, said):
    assert obstacles([edit], SHAPE) == said


@pytest.mark.parametrize("to", [FieldType.TEXT, FieldType.FLOAT, FieldType.DECIMAL])
def test_a_reversible_cast_there_and_back(to):
    editor = Editor([Edit("n", to)], SHAPE)
    for value in (0, -7, 2**53, None):
        found = editor.backward(editor.forward({"n": value, "t": "x"}))
        assert (found, type(found["n"])) == ({"n": value, "t": "x"}, type(value))


def test_comparisons_look_for_what_is_there():
    edits = [
        Edit("n", FieldType.TEXT),
        Edit("h", redact=Redaction.HASH),
        Edit("c", redact=Redaction.CONSTANT, constant=0),
        Edit("d", default=1),
    ]
    editor = Editor(edits, SHAPE, "key")
    assert editor.compared("n", 5, equality=True) == "5"
    assert editor.compared("other", 5, equality=False) == 5
    assert editor.compared("h", "a", equality=True) == editor.forward({"h": "a"})["h"]
    for name, equality in (("n", False), ("h", False), ("c", True), ("d", True)):
        with pytest.raises(Unsupported):
            editor.compared(name, 1, equality=equality)
    with pytest.raises(Unsupported):
        Editor([Edit("n", FieldType.INT)], SHAPE).compared("n", "x", equality=True)


def test_an_edit_says_what_it_does():
    edit = Edit("f", FieldType.INT, 1, Redaction.HASH)
    assert edit.said() == "cast to int; 1 where there is none; a keyed hash of it"
    assert replace(edit, redact=Redaction.CONSTANT).said().endswith("hidden")


def test_a_field_that_is_edited_need_not_fit_the_type_that_it_had():
    held = replace(SHAPE, fields=(Field("f", FieldType.TEXT, declared="pgvector:character varying(20)"),))
    hashed = edited_shape(held, [Edit("f", redact=Redaction.HASH)])
    assert [one.own_type("pgvector") for one in (*held.fields, *hashed.fields)] == [
        "character varying(20)",
        "",
    ]
