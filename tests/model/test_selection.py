"""Which records of a source are moved."""

import pytest

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import IdField, IdKind
from vectormigrate.model.errors import UsageError
from vectormigrate.model.selection import Selection

KEY = IdField("id", IdKind.INT)
BATCH = Batch(
    [1, 2, 3, 4],
    payload=[{"lang": "en"}, {"lang": "de"}, {}, {"lang": ["en", "de"]}],
    partition=["a", "b", None, "a"],
)


@pytest.mark.parametrize(
    ("selection", "rows"),
    [
        (Selection(), [0, 1, 2, 3]),
        (Selection({"field": "lang", "eq": "en"}), [0, 3]),
        (Selection({"not": {"field": "lang", "exists": True}}), [2]),
        (Selection({"ids": [2, 9]}), [1]),
        (Selection(partitions=("a",)), [0, 3]),
        (Selection({"field": "lang", "eq": "de"}, ("a",)), [3]),
        (Selection(partitions=("c",)), []),
    ],
)
def test_rows_that_belong(selection, rows):
    assert selection.rows(BATCH, KEY) == rows
    assert bool(selection) is (selection != Selection())


def test_a_record_of_no_partition_is_in_none():
    assert Selection(partitions=("a",)).rows(Batch([1], payload=[{}]), KEY) == []


def test_a_filter_that_is_none_is_told():
    with pytest.raises(UsageError):
        Selection({"field": "a"}).rows(BATCH, KEY)
