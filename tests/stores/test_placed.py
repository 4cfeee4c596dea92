"""Several collections as one: the port's promises, records that move, and what is left in two places."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.conformance.reading import Reading
from tests.conformance.searching import Searching
from tests.conformance.suite import ConformanceSuite, Subject
from tests.conformance.values import Values
from tests.conformance.vectors import Vectors
from tests.conformance.writing import Writing
from tests.fakes.qdrant import QdrantServer
from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.division import Division
from vectormigrate.model.errors import (
    CollectionExists,
    CollectionMissing,
    ShapeMismatch,
    TargetNotEmpty,
    Throttled,
    Unreachable,
    Unresolved,
    Unsupported,
)
from vectormigrate.model.filter import Compare, Comparison, In, Native
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.placement import Placement
from vectormigrate.model.query import Query
from vectormigrate.stores.base import Content, Endpoint, Range
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.placed import PlacedStore, placed
from vectormigrate.stores.registry import open_store

SPREAD = Placement(
    Division(value_of="label", rest="vm_rest"),
    "label",
    {f"record {number}": f"vm_{'abc'[number % 3]}" for number in range(40)},
)


@dataclass
class OneName(Subject):
    """Whatever a collection is called, these are the places of its records."""

    def new_name(self):
        self.made.append("vm_all")
        return "vm_all"

    async def create(self, *args, **kwargs):
        await self.store.drop("vm_all")
        return await super().create(*args, **kwargs)


class TestConformance(Reading, Writing, Values, Vectors, Searching):
    """All but the making of collections: their names are given."""

    @pytest.fixture
    def target(self):
        database = Database()
        return OneName(
            open=lambda: PlacedStore(MemoryStore(Endpoint("memory"), database), SPREAD, serves=True)
        )

    subject = ConformanceSuite.subject


class TestWhereIntegersStandBesideUuids(Reading, Writing):
    """Qdrant gives integers first, and then UUIDs."""

    @pytest.fixture
    def target(self):
        server = QdrantServer().start()
        yield OneName(
            open=lambda: PlacedStore(open_store(Endpoint("qdrant", server.url)), SPREAD, serves=True)
        )
        server.stop()

    subject = ConformanceSuite.subject


LANGS = Placement(
    Division(value_of="lang", rest="others"), "lang", {"en": "docs_en", "de": "west", "fr": "west"}
)
STRICT = Placement(Division(value_of="lang"), "lang", {"en": "docs_en", "de": "docs_de"})
SHAPE = CollectionShape(
    "docs_{name}",
    IdField("id", IdKind.INT, KeyOrder.NUMERIC),
    (VectorField("v", dim=1, metric=Metric.EUCLID),),
    dynamic=True,
)
ALL = SHAPE.name


def batch(**records):
    """Id (behind an underscore) to language and number."""
    ids = [int(one[1:]) for one in records]
    values = np.array([[number] for _, number in records.values()], np.float32)
    return Batch(ids, {"v": DenseColumn(values)}, [{"lang": lang, "n": n} for lang, n in records.values()])


class Slow(MemoryStore):
    """Waits where it is told to."""

    def __init__(self, database):
        super().__init__(Endpoint("memory"), database)
        self.before = {}
        self.asked = []

    async def _wait(self, what, collection):
        self.asked.append((what, collection))
        if (what, collection) in self.before:
            await self.before.pop((what, collection))()

    async def fetch(self, collection, ids, *, content=Content.FULL):
        await self._wait("fetch", collection)
        found = await super().fetch(collection, ids, content=content)
        await self._wait("fetched", collection)
        return found

    async def upsert(self, collection, batch, *, fresh=False):
        await self._wait("upsert", collection)
        return await super().upsert(collection, batch, fresh=fresh)

    async def delete(self, collection, ids):
        await self._wait("delete", collection)
        return await super().delete(collection, ids)

    async def query(self, collection, query):
        await self._wait("query", collection)
        return await super().query(collection, query)


@pytest.fixture
def inner():
    return Slow(Database())


async def opened(inner, placement=LANGS, *, serves=True):
    store = PlacedStore(inner, placement, serves=serves)
    with suppress(CollectionExists):
        await store.create(SHAPE)
    return store


async def held(inner, *places):
    """Number by id of each place."""
    found = []
    for place in places:
        pages = [page async for page in inner.scan(place, Range())]
        found.append({one.id: one.payload["n"] for page in pages for one in page.batch.records()})
    return found


async def test_each_record_is_where_its_value_says_and_moves_with_it(inner):
    store = await opened(inner)
    await store.upsert(ALL, batch(_1=("en", 1), _2=("de", 2), _3=("fr", 3), _4=(None, 4), _5=(["en"], 5)))
    places = "docs_en", "west", "others"
    assert await held(inner, *places) == [{1: 1}, {2: 2, 3: 3}, {4: 4, 5: 5}]
    result = await store.upsert(ALL, batch(_1=("de", 11), _2=("de", 12), _4=("en", 14)))
    assert result == WriteResult(3)
    assert await held(inner, *places) == [{4: 14}, {1: 11, 2: 12, 3: 3}, {5: 5}]
    assert await store.count(ALL) == 5
    assert (await store.fetch(ALL, [4, 9, 1])).ids == [4, 1]
    pages = [page.batch.ids async for page in store.scan(ALL, Range(), limit=2)]
    assert [one for page in pages for one in page] == [1, 2, 3, 4, 5]
    assert max(map(len, pages)) == 2
    await store.delete(ALL, [1, 4, 5, 9])
    assert await held(inner, *places) == [{}, {2: 12, 3: 3}, {}]


async def test_a_patch_moves_what_it_gives_another_value(inner):
    store = await opened(inner)
    await store.upsert(ALL, batch(_1=("en", 1), _2=("de", 2)))
    await store.patch(ALL, [1, 2, 7], {"lang": "fr"})
    await store.patch(ALL, [1, 7], {"n": 8})
    assert await held(inner, "docs_en", "west", "others") == [{}, {1: 8, 2: 2}, {}]


async def test_without_a_rest_a_record_of_no_part_is_refused_and_the_others_go(inner):
    store = await opened(inner, STRICT)
    result = await store.upsert(ALL, batch(_1=("fr", 1), _2=("de", 2)))
    assert (result.acknowledged, [one.row for one in result.refused]) == (1, [0])
    assert "'fr' as its 'lang'" in result.refused[0].error.message
    await store.upsert(ALL, batch(_2=("en", 3)))
    result = await store.patch(ALL, [9, 2], {"lang": None})
    assert [(one.row, one.id) for one in result.refused] == [(1, 2)]
    assert await held(inner, "docs_de", "docs_en") == [{}, {2: 3}]


async def test_what_ended_midway_is_not_known_and_stands_in_two_places(inner):
    store = await opened(inner)
    await store.upsert(ALL, batch(_1=("en", 1)))

    async def away():
        raise Unreachable("away")

    inner.before["delete", "docs_en"] = away
    with pytest.raises(Unresolved):
        await store.upsert(ALL, batch(_1=("de", 2)))
    assert await held(inner, "docs_en", "west") == [{1: 1}, {1: 2}]
    looker = await opened(inner, serves=False)
    found = await looker.fetch(ALL, [1])
    assert (found.payload, found.vectors) == ([{"_vm_parts": "in several parts"}], {})
    pages = [page.batch async for page in looker.scan(ALL, Range())]
    assert [(page.ids, page.payload) for page in pages] == [([1], found.payload)]
    pages = [page.batch.ids async for page in looker.scan(ALL, Range(), content=Content.IDS)]
    assert pages == [[1]]
    assert await held(inner, "docs_en", "west") == [{1: 1}, {1: 2}]


@pytest.mark.parametrize("look", ["fetch", "scan"])
async def test_who_serves_settles_that_when_it_is_read(inner, look):
    store = await opened(inner)
    await inner.upsert("docs_en", batch(_1=("en", 1)))
    await inner.upsert("west", batch(_1=("de", 2), _3=("de", 3)))
    if look == "fetch":
        assert (await store.fetch(ALL, [1])).payload[0]["n"] == 1
    else:
        pages = [page.batch async for page in store.scan(ALL, Range())]
        assert [(one.id, one.payload["n"]) for page in pages for one in page.records()] == [(1, 1), (3, 3)]
    assert await held(inner, "docs_en", "west") == [{1: 1}, {3: 3}]


async def test_a_whole_write_puts_it_right(inner):
    store = await opened(inner, serves=False)
    await inner.upsert("docs_en", batch(_1=("en", 1)))
    await inner.upsert("west", batch(_1=("de", 2)))
    await store.upsert(ALL, batch(_1=("fr", 3)), fresh=True)
    assert await held(inner, "docs_en", "west", "others") == [{}, {1: 3}, {}]


async def test_a_record_that_moves_while_it_is_read_is_never_missed(inner):
    """It is written to where it was looked for already, and taken from where it is looked for then."""
    store = await opened(inner)
    await store.upsert(ALL, batch(_1=("en", 1)))
    seen = asyncio.Event()

    async def told():
        seen.set()

    async def moved():
        await seen.wait()
        await store.upsert(ALL, batch(_1=("de", 2)))

    inner.before["fetched", "west"] = told
    inner.before["fetch", "docs_en"] = moved
    found = await store.fetch(ALL, [1])
    assert (found.ids, found.payload[0]["n"]) == ([1], 2)


async def test_a_scan_gives_what_moved_behind_its_back_as_it_is_now(inner):
    store = await opened(inner)
    records = {f"_{one}": ("de" if 2 < one < 20 else "en", one) for one in range(1, 24)}
    await store.upsert(ALL, batch(**records))
    pages = store.scan(ALL, Range(), limit=4)  # what is in English is read as far as 21
    seen = [(one.id, one.payload["n"]) for one in (await anext(pages)).batch.records()]
    await store.upsert(ALL, batch(_9=("en", 90), _20=("de", 200), _23=("de", 230), _1=("de", 10)))
    await store.delete(ALL, [12])
    seen += [(one.id, one.payload["n"]) async for page in pages for one in page.batch.records()]
    now = {9: 90, 20: 200, 23: 230}
    assert seen == [(one, now.get(one, one)) for one in range(1, 24) if one != 12]


async def test_a_filtered_scan_too(inner):
    store = await opened(inner)
    await store.upsert(
        ALL, batch(**{f"_{one}": ("de" if one % 2 else "en", one % 3) for one in range(1, 20)})
    )
    pages = store.select(ALL, Compare(("n",), Comparison.EQ, 0), limit=2, content=Content.IDS)
    seen = (await anext(pages)).batch.ids
    await store.upsert(ALL, batch(_9=("en", 0), _12=("de", 1), _13=("en", 0)))
    seen += [one async for page in pages for one in page.batch.ids]
    assert seen == [3, 6, 9, 13, 15, 18]


async def test_the_best_of_all_parts_are_the_best(inner):
    store = await opened(inner)
    await store.upsert(ALL, batch(_1=("en", 5), _2=("de", 1), _3=("fr", 4), _4=(None, 2)))
    query = Query(np.array([0], np.float32), "v", limit=3)
    assert [match.id for match in await store.query(ALL, query)] == [2, 4, 3]
    inner.asked.clear()
    only = replace(query, filter=In(("lang",), ("de", "fr")))
    assert [match.id for match in await store.query(ALL, only)] == [2, 3]
    assert inner.asked == [("query", "others"), ("query", "west")]
    with pytest.raises(Unsupported, match="ranked in each part"):
        await store.query(ALL, replace(query, words=Native("milvus", "text")))


async def test_parts_that_are_there_are_alike_and_half_of_them_are_empty(inner):
    store = PlacedStore(inner, STRICT)
    await inner.create(replace(SHAPE, name="docs_en"))
    with pytest.raises(CollectionMissing):
        await store.describe(ALL)
    await store.check_create(SHAPE)
    await inner.upsert("docs_en", batch(_1=("en", 1)))
    with pytest.raises(TargetNotEmpty, match="'docs_en' holds records, and 'docs_de'"):
        await store.describe(ALL)
    await inner.delete("docs_en", [1])
    assert (await store.create(SHAPE)).name == ALL
    with pytest.raises(CollectionExists):
        await store.create(SHAPE)
    assert await store.locate("docs_en") == await inner.locate("docs_en")
    assert await inner.locate("docs_de") in await store.locate(ALL)
    await store.drop(ALL)
    assert await inner.collections() == []
    await inner.create(replace(SHAPE, name="docs_en"))
    await inner.create(replace(SHAPE, name="docs_de", vectors=(VectorField("w", dim=1),)))
    with pytest.raises(ShapeMismatch, match="not made alike"):
        await store.describe(ALL)


async def test_keys_in_an_order_of_their_own_are_refused(inner):
    key = IdField("k", IdKind.COMPOUND, parts=(IdField("a", IdKind.INT), IdField("b", IdKind.INT)))
    for place in STRICT.collections:
        await inner.create(replace(SHAPE, name=place, id=key))
    with pytest.raises(Unsupported, match="an order that only their store knows"):
        await PlacedStore(inner, STRICT).describe(ALL)


def test_one_collection_needs_nothing(inner):
    assert placed(inner, None) is inner


async def test_a_record_is_not_put_back_where_a_delete_of_it_may_land_yet(inner):
    """It would be taken away by a request that knew nothing of it."""
    store = await opened(inner)
    await store.upsert(ALL, batch(_1=("en", 1), _2=("en", 2)))
    store.lead(0.2)

    async def lost():
        raise Unresolved("no answer")

    inner.before["delete", "docs_en"] = lost
    with pytest.raises(Unresolved):
        await store.upsert(ALL, batch(_1=("de", 2)))
    inner.asked.clear()
    with pytest.raises(Throttled, match="may land yet") as caught:
        await store.upsert(ALL, batch(_1=("en", 3), _2=("en", 4)))
    assert inner.asked == []
    assert 0 < caught.value.retry_after <= 0.2
    assert [0 < left <= 0.2 for left in store.unsure([1, 2]).values()] == [True]
    assert (await store.fetch(ALL, [1])).payload[0]["n"] == 1
    assert await held(inner, "docs_en", "west") == [{1: 1, 2: 2}, {1: 2}]  # nothing is settled meanwhile
    await asyncio.sleep(0.2)
    assert (await store.fetch(ALL, [1])).payload[0]["n"] == 1
    await store.upsert(ALL, batch(_1=("en", 5)))
    assert await held(inner, "docs_en", "west") == [{1: 5, 2: 2}, {}]


async def test_a_request_that_is_cut_off_may_land_as_well(inner):
    store = await opened(inner)
    await store.upsert(ALL, batch(_1=("en", 1)))
    store.lead(60.0)

    async def hanging():
        await asyncio.sleep(60)

    inner.before["delete", "docs_en"] = hanging
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await store.upsert(ALL, batch(_1=("de", 2)))
    with pytest.raises(Throttled):
        await store.upsert(ALL, batch(_1=("en", 3)))
    assert await store.upsert(ALL, batch(_1=("fr", 4))) == WriteResult(1)


async def test_what_an_earlier_process_wrote_last_does_not_move_until_that_has_landed(inner):
    store = await opened(inner)
    await store.upsert(ALL, batch(_1=("en", 1), _2=("en", 2)))
    store.lead(60.0, [1, 3])
    assert await store.upsert(ALL, batch(_1=("en", 5), _2=("de", 6), _4=("en", 7))) == WriteResult(3)
    for moved in (batch(_1=("de", 8)), batch(_3=("en", 9))):
        with pytest.raises(Throttled):
            await store.upsert(ALL, moved)
    with pytest.raises(Throttled):
        await store.patch(ALL, [1], {"lang": "de"})
    await store.patch(ALL, [1], {"n": 9})
    assert (store.doubting, set(store.unsure([1, 2, 3]))) == (True, {1, 3})
    store.lead(0.0)
    assert (store.doubting, store.unsure([1, 3])) == (False, {})
    await store.upsert(ALL, batch(_1=("de", 8)))
    assert await held(inner, "docs_en", "west") == [{4: 7}, {1: 8, 2: 6}]
