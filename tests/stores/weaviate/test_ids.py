"""Which ids are of objects."""

from uuid import UUID

import pytest

from vectormigrate.stores.weaviate.ids import read_uuid, uuid_of

ID = UUID(int=5)


def test_an_object_is_named_by_its_uuid_with_a_tenant_or_without():
    assert uuid_of(ID) == uuid_of(("red", ID)) == ID
    for stranger in (5, "text", str(ID), ("red", "text"), ()):
        assert uuid_of(stranger) is None


def test_a_uuid_is_read_as_it_is_spelled():
    assert read_uuid("{00000000-0000-0000-0000-000000000005}") == ID
    with pytest.raises(ValueError, match="badly formed"):
        read_uuid("five")
