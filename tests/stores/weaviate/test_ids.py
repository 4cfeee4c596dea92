"""Every kind of key has an object of its own, and says itself again."""

from uuid import UUID

import pytest

from vectormigrate.stores.weaviate.ids import from_object, original, to_uuid

KEYS = [
    UUID(int=1),
    1,
    -1,
    2**63 - 1,
    "1",
    "",
    "é",
    "00000000-0000-0000-0000-000000000001",
    ("a", 1),
    ("a", UUID(int=1)),
    ("a,1",),
]


def test_keys_are_told_apart_and_come_back():
    assert len({to_uuid(key) for key in KEYS}) == len(KEYS)
    for key in KEYS:
        assert from_object(to_uuid(key), original(key)) == key


def test_a_uuid_stays_what_it_is():
    assert to_uuid(KEYS[0]) == KEYS[0]
    assert original(KEYS[0]) is None


def test_the_object_of_a_key_never_changes():
    assert str(to_uuid("doc-1")) == "e27ca9ee-7bf9-5f96-ae35-545b9143020f"


@pytest.mark.parametrize("kept", ["s:another", "i:1", "nonsense", ""])
def test_what_the_object_keeps_has_to_be_its_key(kept):
    with pytest.raises(ValueError, match=r"another|id text"):
        from_object(to_uuid("doc-1"), kept)
