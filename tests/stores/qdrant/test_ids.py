"""Every kind of point id, every spelling of a UUID, and what the server refuses."""

from uuid import UUID

import pytest
import qdrant_edge as edge
from hypothesis import given, settings
from hypothesis import strategies as st

from vectormigrate.stores.qdrant.ids import (
    MAX_NUMBER,
    following,
    is_point_id,
    order,
    read_id,
    read_message_id,
    read_path_id,
    write_id,
    write_message_id,
)

MODEL = settings(max_examples=80, derandomize=True, database=None, deadline=None)
NUMBERS = [0, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, MAX_NUMBER]
ONE = UUID("550e8400-e29b-41d4-a716-446655440000")
SPELLINGS = [
    str(ONE),
    str(ONE).upper(),
    ONE.hex,
    ONE.hex.upper(),
    f"urn:uuid:{ONE}",
    f"{{{ONE}}}",
]
REFUSED = [
    *(-1, 2**64, 1.0, True, None, "", "5", "-1", "abc", [], {}),
    *(
        str(ONE)[:-1],
        f"{ONE} ",
        f"{{{ONE.hex}}}",
        f"urn:uuid:{ONE.hex}",
        str(ONE).replace("-", "_"),
        f"uuid:{ONE}",
    ),
]
ids = st.integers(0, MAX_NUMBER) | st.uuids()


@MODEL
@given(ids)
def test_ids_come_back(point):
    for back in (read_id(write_id(point)), read_message_id(write_message_id(point))):
        assert back == point
        assert type(back) is type(point)
    assert is_point_id(point)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_at_the_edges_come_back(number):
    assert read_id(write_id(number)) == number
    assert read_message_id(write_message_id(number)) == number


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_uuid_is_read_in_every_spelling_and_written_in_one(spelling):
    assert read_id(spelling) == ONE
    assert write_id(read_id(spelling)) == str(ONE)
    assert edge.Point(spelling, {}, {}).id == ONE  # the engine agrees


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_anything_else_is_refused_in_the_servers_words(value):
    with pytest.raises(ValueError, match="is not a valid point ID"):
        read_id(value)


@pytest.mark.parametrize("value", [value for value in REFUSED if value is not True], ids=repr)
def test_the_engine_refuses_the_same(value):
    with pytest.raises((TypeError, ValueError)):
        edge.Point(value, {}, {})


@pytest.mark.parametrize("record_id", [-1, 2**64, "a", True, (1, 2), "5"])
def test_an_id_that_no_point_can_have_is_not_written(record_id):
    assert not is_point_id(record_id)
    with pytest.raises(ValueError, match="neither"):
        write_id(record_id)


def test_in_a_path_digits_are_a_number():
    assert read_path_id("18446744073709551615") == MAX_NUMBER
    assert read_path_id("007") == 7
    assert read_path_id(ONE.hex) == ONE
    for text in ("18446744073709551616", "-1", "1.0", "x"):
        with pytest.raises(ValueError, match="valid point ID"):
            read_path_id(text)


@MODEL
@given(ids, ids)
def test_nothing_lies_between_an_id_and_the_one_that_follows(one, other):
    after = following(one)
    if after is None:
        assert one == UUID(int=2**128 - 1)
    else:
        assert (order(other) > order(one)) == (order(other) >= order(after))


def test_uuids_follow_the_numbers():
    assert following(MAX_NUMBER) == UUID(int=0)
    assert following(UUID(int=2**128 - 1)) is None
    assert sorted([ONE, 5, UUID(int=0), MAX_NUMBER], key=order) == [5, MAX_NUMBER, UUID(int=0), ONE]
