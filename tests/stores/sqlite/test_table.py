from uuid import UUID

import pytest

from vectormigrate.model.collection import CollectionShape, IdField, IdKind
from vectormigrate.model.errors import StoreBroken
from vectormigrate.stores.sqlite.table import Flavour, KeyColumn, Table, quoted


def table(*keys: KeyColumn) -> Table:
    return Table(CollectionShape("t", IdField("id", IdKind.TEXT)), Flavour.PLAIN, '"t"', '"t"', keys)


TEXT = KeyColumn("id", IdKind.TEXT, '"id"')
INT = KeyColumn("n", IdKind.INT, '"n"')
UUIDS = KeyColumn("u", IdKind.UUID, '"u"')
BLOBS = KeyColumn("b", IdKind.UUID, '"b"', blob=True)


def test_names_are_quoted_whatever_is_in_them():
    assert quoted('a"b') == '"a""b"'


@pytest.mark.parametrize(
    ("keys", "record_id"),
    [
        ((TEXT,), "a\0b"),
        ((INT,), -(2**63)),
        ((UUIDS,), UUID(int=5)),
        ((BLOBS,), UUID(int=5)),
        ((TEXT, INT), ("s:1", 1)),
    ],
)
def test_a_cursor_leads_back_to_the_stored_key(keys, record_id):
    keyed = table(*keys)
    stored = keyed.stored_id(record_id)
    assert keyed.record_id(stored) == record_id
    assert keyed.bound(keyed.cursor(record_id)) == stored


def test_a_text_that_is_no_plain_uuid_stays_the_text_it_is():
    shouted = str(UUID(int=2**128 - 1)).upper()
    assert table(UUIDS).record_id([shouted]) == shouted


@pytest.mark.parametrize("value", [None, 1.5, b"x"])
def test_what_cannot_be_an_id_is_told_with_its_column(value):
    with pytest.raises(StoreBroken, match="'id'"):
        table(TEXT).record_id([value])


def test_a_strange_cursor_is_refused():
    with pytest.raises(StoreBroken, match="no cursor"):
        table(INT).bound("garbage")


@pytest.mark.parametrize(
    ("keys", "record_id", "held"),
    [
        ((INT,), 5, True),
        ((INT,), "5", False),
        ((INT,), " 5e0", False),
        ((INT,), "five", True),
        ((INT,), 2**63, False),
        ((TEXT,), 5, False),
        ((TEXT,), "\ud800", False),
        ((TEXT,), ("a", "b"), False),
        ((UUIDS,), UUID(int=5), True),
        ((UUIDS,), str(UUID(int=5)), False),
        ((TEXT, INT), ("a", 1), True),
        ((TEXT, INT), ("a",), False),
        ((TEXT, INT), "a", False),
    ],
)
def test_no_id_is_looked_for_where_another_would_be_found(keys, record_id, held):
    assert table(*keys).may_hold(record_id) is held
