"""Types are Python's own: true is no integer, a moment is no day. The rest of the table is in the test of admission."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.traps import ARRAYS, VALUES
from vectormigrate.model.collection import Field, FieldType
from vectormigrate.model.fieldtype import all_fit, misfit


@pytest.mark.parametrize("type_", VALUES)
def test_every_value_fits_its_own_type_and_no_other(type_: FieldType):
    for value in VALUES[type_]:
        assert misfit(Field("f", type_), value) == ""
        if type_ in (FieldType.JSON, FieldType.ANY):
            continue
        fitting = {other for other in VALUES if misfit(Field("f", other), value) == ""}
        also = {FieldType.FLOAT} if type_ is FieldType.INT else set()
        assert fitting == {type_, FieldType.JSON, FieldType.ANY} | also


def test_lists_and_lengths():
    field = Field("f", FieldType.ARRAY, element=FieldType.INT, max_length=2)
    assert [misfit(field, value) for value in ([], [1, 2])] == ["", ""]
    assert misfit(field, [1, 2, 3]) == "longer than 2"
    assert misfit(field, "ab") == "str is not array"
    assert all(
        misfit(Field("f", FieldType.ARRAY), value) == "" for lists in ARRAYS.values() for value in lists
    )
    assert misfit(Field("f", FieldType.TEXT, max_length=2), "é\ud800") == "longer than 2"


def test_null_is_a_matter_of_the_field():
    assert misfit(Field("f", FieldType.INT), None) == ""
    assert misfit(Field("f", FieldType.INT, nullable=False), None) == "may not be null"


def test_an_integer_field_is_of_64_bits():
    assert misfit(Field("f", FieldType.INT), 2**63) == f"{2**63} does not fit 64 bits"


@given(
    field=st.builds(
        Field,
        name=st.just("f"),
        type=st.sampled_from(FieldType),
        nullable=st.booleans(),
        max_length=st.none() | st.integers(1, 6),
    ),
    values=st.lists(
        st.none()
        | st.booleans()
        | st.integers(-(2**64), 2**64)
        | st.floats()
        | st.text(max_size=4)
        | st.binary(max_size=4)
        | st.decimals(allow_nan=False)
        | st.datetimes()
        | st.dates()
        | st.times()
        | st.uuids(),
        max_size=4,
    ),
)
def test_a_column_that_plainly_fits_holds_no_misfit(field, values):
    if all_fit(field, values):
        assert [misfit(field, value) for value in values] == [""] * len(values)


@pytest.mark.parametrize(
    ("type_", "value"), [(FieldType.INT, 7), (FieldType.TEXT, "a"), (FieldType.BOOL, True)]
)
def test_the_usual_column_plainly_fits(type_, value):
    assert all_fit(Field("f", type_), [value, None, value])
    assert not all_fit(Field("f", type_), [value, 1.5])
