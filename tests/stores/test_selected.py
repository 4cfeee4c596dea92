"""A source in part: every way to look at it agrees on what belongs."""

from __future__ import annotations

import numpy as np
import pytest

from vectormigrate.model.batch import Batch, dense_column
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.query import Query
from vectormigrate.model.selection import Selection
from vectormigrate.stores.base import EVERYWHERE, Content, Endpoint
from vectormigrate.stores.memory import MemoryStore, forget, shared
from vectormigrate.stores.selected import selected

EN = {"field": "lang", "eq": "en"}


class Deaf(MemoryStore):
    """Understands no filter."""

    async def select(self, collection, where, span=EVERYWHERE, *, limit=None, content=Content.FULL):
        raise Unsupported("no filters")
        yield


@pytest.fixture(params=[MemoryStore, Deaf])
async def store(request):
    name = f"selected-{request.param.__name__}"
    async with request.param(Endpoint("memory", name), shared(name)) as opened:
        shape = CollectionShape(
            "docs",
            IdField("id", IdKind.INT),
            (VectorField("v", dim=2, metric=Metric.EUCLID),),
            dynamic=True,
            partitions=("a", "b"),
        )
        await opened.create(shape)
        ids = list(range(20))
        vectors = dense_column([np.array([one, 0], np.float32) for one in ids], width=2)
        payload = [{"lang": "en" if one % 2 else "de", "n": one} for one in ids]
        await opened.upsert(
            "docs", Batch(ids, {"v": vectors}, payload, ["a" if one < 10 else "b" for one in ids])
        )
        yield opened
    forget(name)


async def ids_of(pages):
    return [one async for page in pages for one in page.batch.ids]


def test_everything_is_the_store_itself(store):
    assert selected(store, Selection()) is store


@pytest.mark.parametrize("content", list(Content))
async def test_all_looks_agree(store, content):
    part = selected(store, Selection(EN, ("b",)))
    belonging = [11, 13, 15, 17, 19]
    assert await ids_of(part.scan("docs", EVERYWHERE, limit=3, content=content)) == belonging
    assert await part.count("docs") == 5
    assert (await part.fetch("docs", [1, 10, 11], content=content)).ids == [11]
    more = Compare(("n",), Comparison.GT, 14)
    assert await ids_of(part.select("docs", more, limit=2, content=content)) == [15, 17, 19]


async def test_partitions_alone(store):
    part = selected(store, Selection(partitions=("a",)))
    assert await ids_of(part.scan("docs", EVERYWHERE)) == list(range(10))
    more = Compare(("n",), Comparison.GT, 7)
    assert await ids_of(part.select("docs", more)) == [8, 9]


async def test_whole_records_come_with_their_content(store):
    part = selected(store, Selection(EN))
    batch = await part.fetch("docs", [3])
    assert batch.record(0).payload == {"lang": "en", "n": 3}
    assert batch.vectors["v"].values.tolist() == [[3, 0]]


async def test_a_search_finds_what_belongs(store):
    part = selected(store, Selection(EN))
    wanted = Query(np.zeros(2, np.float32), "v", 3, None)
    assert [match.id for match in await part.query("docs", wanted)] == [1, 3, 5]
    more = Query(np.zeros(2, np.float32), "v", 2, Compare(("n",), Comparison.GT, 3))
    assert [match.id for match in await part.query("docs", more)] == [5, 7]
