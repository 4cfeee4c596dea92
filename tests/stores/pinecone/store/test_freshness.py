"""What is left to wait for, and what is not."""

from __future__ import annotations

from vectormigrate.stores.pinecone.store.freshness import Canary, Freshness
from vectormigrate.stores.pinecone.store.link import Answer


async def shown() -> bool:
    return True


def canary(*ids, removes=False):
    return Canary(frozenset(ids), removes, shown)


def wrote(number=None):
    return Answer({}, number, None)


def saw(number=None):
    return Answer({}, None, number)


def test_nothing_is_known_at_first():
    freshness = Freshness()
    assert freshness.stale() == []


def test_a_write_is_waited_for_until_a_query_has_seen_it():
    freshness = Freshness()
    freshness.wrote("a", wrote(5), canary("x"))
    freshness.wrote("a", wrote(4), canary("y"))
    freshness.of("a").canaries.clear()
    assert freshness.stale() == ["a"]
    freshness.saw("a", saw(4))
    freshness.saw("a", saw())
    assert freshness.of("a").behind
    freshness.saw("a", saw(5))
    freshness.saw("a", saw(3))
    assert not freshness.of("a").behind
    assert freshness.stale() == []


def test_namespaces_are_apart():
    freshness = Freshness()
    freshness.must_see("a", 7)
    freshness.saw("b", saw(9))
    assert freshness.stale() == ["a"]


def test_a_write_without_a_number_has_its_canary():
    freshness = Freshness()
    freshness.wrote("a", wrote(), canary("x"))
    assert not freshness.of("a").behind
    assert freshness.stale() == ["a"]


def test_an_id_that_is_written_again_cannot_be_looked_for_as_it_was():
    freshness = Freshness()
    first, second, third = canary("x", "y", removes=True), canary("z"), canary("y")
    for one in (first, second, third):
        freshness.wrote("a", wrote(), one)
    assert freshness.of("a").canaries == [second, third]


def test_only_the_last_few_are_kept():
    freshness = Freshness()
    many = [canary(str(number)) for number in range(9)]
    for one in many:
        freshness.wrote("a", wrote(), one)
    assert freshness.of("a").canaries == many[-4:]


def test_removing_what_shows_others_would_blind():
    freshness = Freshness()
    freshness.wrote("a", wrote(), canary("x"))
    freshness.wrote("a", wrote(), canary("gone", removes=True))
    standing = freshness.of("a")
    assert standing.would_blind(frozenset({"x", "b"}))
    assert not standing.would_blind(frozenset({"gone", "b"}))
