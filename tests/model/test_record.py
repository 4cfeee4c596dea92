"""An id's text is one to one with the id, kind and all."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings

from vectormigrate.model.record import Record, id_text, parse_id

from .values import ids

MODEL = settings(max_examples=80, derandomize=True, database=None, deadline=None)


@MODEL
@given(ids)
def test_parsing_inverts_writing(record_id):
    again = parse_id(id_text(record_id))
    assert again == record_id
    assert type(again) is type(record_id)


@MODEL
@given(ids, ids)
def test_different_ids_have_different_texts(left, right):
    same = type(left) is type(right) and left == right
    assert (id_text(left) == id_text(right)) == same


@pytest.mark.parametrize(
    ("record_id", "text"),
    [
        (5, "i:5"),
        ("doc-1", "s:doc-1"),
        ("5", "s:5"),
        (UUID("0B0E7A3E-5B1C-4C8E-9C1D-AABBCCDDEEFF"), "u:0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff"),
        ((5, 'a"'), 'c:["i:5","s:a\\""]'),
        ((), "c:[]"),
    ],
)
def test_the_texts_are_as_written_in_every_state_file(record_id, text):
    assert id_text(record_id) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "x:5",
        "i:",
        "i:05",
        "i:1_0",
        "i: 5",
        "u:0B0E7A3E-5B1C-4C8E-9C1D-AABBCCDDEEFF",
        "u:0b0e7a3e5b1c4c8e9c1daabbccddeeff",
        "c:5",
        "c:{}",
        'c:["c:[]"]',
        "c:[5]",
        'c:["i:5", "i:6"]',
        'c:["5"]',
        "c:[",
    ],
)
def test_what_was_not_written_by_us_is_no_id(text):
    with pytest.raises(ValueError):  # noqa: PT011 whatever the reason
        parse_id(text)


def test_a_record_is_empty_but_for_its_id():
    record = Record(1)
    assert (record.dense, record.sparse, record.multi, record.payload, record.partition) == (
        {},
        {},
        {},
        {},
        None,
    )
