"""Types are Python's own: true is no integer, a moment is no day. The rest of the table is in the test of admission."""

from __future__ import annotations

import pytest

from tests.conformance.traps import ARRAYS, VALUES
from vectormigrate.model.collection import Field, FieldType
from vectormigrate.model.fieldtype import misfit


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
