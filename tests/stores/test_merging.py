"""Batches of several collections as those of one."""

from uuid import UUID

from vectormigrate.model.batch import Batch
from vectormigrate.model.filter import Compare, Comparison, Native
from vectormigrate.stores.base import Content
from vectormigrate.stores.merging import in_order, key, matching, unlike, without


def batch(*ids):
    return Batch(list(ids), payload=[{"n": one} for one in ids])


def test_integers_come_before_uuids():
    one = UUID(int=1)
    assert sorted([one, 5, UUID(int=0), 2], key=key) == [2, 5, UUID(int=0), one]


def test_records_are_given_as_they_are_asked_for():
    found = in_order([batch(1, 5), Batch([]), batch(3)], [5, 4, 3, 1])
    assert (found.ids, [one["n"] for one in found.payload]) == ([5, 3, 1], [5, 3, 1])
    assert in_order([], [1]).ids == []
    held = batch(1, 2)
    assert without(held, {3}) is held
    assert without(held, {1}).ids == [2]


def test_a_record_that_is_like_nothing_has_its_id():
    assert unlike([1], Content.IDS).payload == [{}]
    assert unlike([1], Content.FULL).payload == [{"_vm_parts": "in several parts"}]


def test_what_matches_is_kept_and_of_a_vendors_words_everything():
    where = Compare(("n",), Comparison.GT, 1)
    assert matching(batch(1, 2), None, Content.FULL).ids == [1, 2]
    assert matching(batch(1, 2), where, Content.FULL).payload == [{"n": 2}]
    assert matching(batch(1, 2), where, Content.IDS).payload == [{}]
    assert matching(batch(1, 2), Native("qdrant", {}), Content.PAYLOAD).ids == [1, 2]
