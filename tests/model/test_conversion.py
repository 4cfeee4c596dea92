"""Every conversion gives back what it took, and the best type is picked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.compare import same_value
from tests.conformance.traps import ARRAYS, VALUES
from vectormigrate.model.collection import Field, FieldType
from vectormigrate.model.conversion import CONVERSIONS, fallback

from .values import moments, values

MODEL = settings(max_examples=60, derandomize=True, database=None, deadline=None)
INPUTS = {
    "": values,
    "extended_json": values,
    "json_text": values,
    "decimal_text": st.decimals(allow_nan=False),
    "datetime_text": moments,
    "date_text": st.dates(),
    "time_text": st.times(),
    "uuid_text": st.uuids(),
    "bytes_text": st.binary(max_size=20),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_decoding_inverts_encoding(name: str):
    conversion = CONVERSIONS[name]

    @MODEL
    @given(INPUTS[name])
    def inverted(value):
        encoded = conversion.encode(value)
        assert same_value(conversion.decode(encoded), value)
        assert conversion.target is not FieldType.TEXT or isinstance(encoded, str)

    inverted()


@pytest.mark.parametrize("type_", sorted(set(FieldType) - {FieldType.ARRAY}))
@pytest.mark.parametrize("available", [FieldType.TEXT, FieldType.JSON, FieldType.ANY])
def test_whatever_is_picked_gives_the_traps_back(type_: FieldType, available: FieldType):
    into = fallback(Field("f", type_), frozenset({available}))
    if into is None:
        return
    assert into.type is available
    conversion = CONVERSIONS[into.conversion]
    assert all(same_value(conversion.decode(conversion.encode(value)), value) for value in VALUES[type_])
    assert bool(into.conversion) == bool(into.reason)


def test_a_type_that_is_there_is_taken_as_it_is():
    for type_ in set(FieldType) - {FieldType.ARRAY}:
        into = fallback(Field("f", type_), frozenset(FieldType))
        assert into is not None
        assert (into.type, into.conversion) == (type_, "")


def test_the_better_type_comes_first():
    both = frozenset({FieldType.TEXT, FieldType.JSON})
    wanted = {FieldType.DECIMAL: "decimal_text", FieldType.ANY: "extended_json", FieldType.JSON: ""}
    for type_, conversion in wanted.items():
        into = fallback(Field("f", type_), both)
        assert into is not None
        assert into.conversion == conversion


def test_no_type_is_none():
    assert fallback(Field("f", FieldType.BOOL), frozenset({FieldType.TEXT, FieldType.INT})) is None
    assert fallback(Field("f", FieldType.JSON), frozenset({FieldType.INT})) is None


@pytest.mark.parametrize(
    ("element", "elements", "conversion"),
    [
        (FieldType.INT, None, ""),
        (FieldType.DECIMAL, None, "extended_json"),
        (FieldType.DECIMAL, frozenset({FieldType.DECIMAL}), ""),
        (FieldType.INT, frozenset(), "extended_json"),
        (None, None, "extended_json"),
    ],
)
def test_an_array_needs_its_elements_too(element, elements, conversion):
    available = frozenset({FieldType.ARRAY, FieldType.INT, FieldType.JSON})
    into = fallback(Field("f", FieldType.ARRAY, element=element), available, elements)
    assert into is not None
    assert into.conversion == conversion
    assert all(
        same_value(CONVERSIONS["json_text"].decode(CONVERSIONS["json_text"].encode(v)), v)
        for v in ARRAYS[FieldType.TEXT]
    )
