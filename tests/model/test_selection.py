"""Which records of a source are moved."""

from datetime import date
from uuid import UUID

import pytest

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import IdField, IdKind
from vectormigrate.model.errors import UsageError
from vectormigrate.model.filter import matches
from vectormigrate.model.selection import Selection, Share, value_name

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
        (Selection(partitions=("b", "_default")), [1, 2]),
    ],
)
def test_rows_that_belong(selection, rows):
    assert selection.rows(BATCH, KEY) == rows
    assert bool(selection) is (selection != Selection())


def test_a_record_of_no_partition_is_in_none():
    assert Selection(partitions=("a",)).rows(Batch([1], payload=[{}]), KEY) == []
    assert Selection(partitions=("_default",)).rows(Batch([1], payload=[{}]), KEY) == [0]


def test_a_filter_that_is_none_is_told():
    with pytest.raises(UsageError):
        Selection({"field": "a"}).rows(BATCH, KEY)


SPELLED = UUID("a8098c1a-f86e-11da-bd1a-00112444be1e")
HELD = ["en", "1", 1, 1.0, True, "true", SPELLED, str(SPELLED), None, ["en"], {"a": 1}, date(2026, 1, 2), -7]


def test_every_record_is_in_exactly_one_share():
    payloads = [{"k": value} for value in HELD] + [{}]
    names = sorted({name for name in (value_name(payload.get("k")) for payload in payloads) if name})
    assert names == ["-7", "1", str(SPELLED), "en", "true"]
    shares = [Share("k", (name,)) for name in names] + [Share("k", tuple(names), others=True)]
    assert [sum(payload in share for share in shares) for payload in payloads] == [1] * len(payloads)


@pytest.mark.parametrize("name", ["en", "1", "-7", "true", str(SPELLED)])
def test_a_store_is_asked_for_every_value_that_is_written_so(name):
    batch = Batch(list(range(len(HELD))), payload=[{"k": value} for value in HELD])
    selection = Selection(share=Share("k", (name,)))
    wanted = [row for row, value in enumerate(HELD) if value_name(value) == name]
    assert selection.rows(batch, KEY) == wanted
    condition = selection.filter(KEY)
    assert {row for row in wanted if matches(condition, row, batch.payload[row])} == set(wanted)


def test_a_dot_steps_into_an_object_unless_it_is_in_the_key():
    payloads = [{"m": {"t": "a"}}, {"m.t": "a"}, {"m.t": "b", "m": {"t": "a"}}, {"m": "a"}, {"m": {}}, {}]
    share = Share("m.t", ("a",))
    assert [payload in share for payload in payloads] == [True, True, False, False, False, False]
    assert [payload in Share("m.t", ("a",), others=True) for payload in payloads][2:] == [True] * 4
    condition = share.filter()
    assert all(matches(condition, 1, payload) for payload in payloads[:2])


def test_a_share_of_a_choice_is_both():
    chosen = Selection({"field": "lang", "exists": True}, share=Share("lang", ("en",), others=True))
    assert chosen.rows(BATCH, KEY) == [1, 3]
    assert chosen.filter(KEY) == Selection(chosen.where).filter(KEY)
    assert Selection(share=Share("lang", (), others=True)).filter(KEY) is None
