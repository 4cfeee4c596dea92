"""What is asked of a store, and what is looked at here."""

from __future__ import annotations

import pytest

from tests.stores.milvus.facade.answering import put, rows, schema
from vectormigrate.model.filter import HasId, In
from vectormigrate.stores.milvus.facade import matching
from vectormigrate.stores.milvus.facade.matching import choose
from vectormigrate.stores.milvus.facade.problems import Problem


@pytest.fixture
async def store(served):
    await served.make()
    await served.ok("Insert", put(rows(6), schema()))
    return served.front.reading("c").store


async def test_everything_is_told_from_much(store):
    shape = await store.describe("c")
    assert choose(store, shape, "", {}).everything
    assert choose(store, shape, "true", {}).everything
    for text in ("id > 1", "n == 1", "n is not null", "false"):
        assert not choose(store, shape, text, {}).everything


async def test_a_filter_for_a_search(store):
    shape = await store.describe("c")
    assert await choose(store, shape, "", {}, paging=False).filter() is None
    assert await choose(store, shape, "id in [1]", {}, paging=False).filter() == HasId((1,))
    assert await choose(store, shape, "n > 3", {}, paging=False).filter() == HasId((4, 5))


async def test_looking_has_an_end(store, monkeypatch):
    monkeypatch.setattr(matching, "MOST", 3)
    chosen = choose(store, await store.describe("c"), "n >= 0", {}, paging=False)
    with pytest.raises(Problem, match="more than 3"):
        await chosen.filter()


async def test_pages_are_narrowed_by_what_the_model_can_say(store):
    shape = await store.describe("c")
    asked = []

    class Watched(type(store)):
        def select(self, collection, where, span=None, **words):
            asked.append((where, span))
            return super().select(collection, where, span, **words)

    watched = Watched(store._inner)
    chosen = choose(watched, shape, "id > 2 and n in [1, 3]", {})
    assert await chosen.ids() == [3]
    [(where, span)] = asked
    assert where == In(("n",), (1, 3))
    assert watched.key_of(span.lower) == 2
