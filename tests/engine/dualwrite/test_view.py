from dataclasses import replace
from datetime import date
from uuid import UUID

import numpy as np
import pytest

from tests.fakes.lanes import make_bench
from tests.fakes.statefile import MemoryState
from vectormigrate.engine.dualwrite.lane import Ends
from vectormigrate.engine.dualwrite.view import TargetView
from vectormigrate.engine.validate.vectors import normalised
from vectormigrate.model.batch import Batch, dense_column, sparse_column
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.edits import Edit
from vectormigrate.model.errors import CollectionExists, CollectionMissing, RecordRefused, Unsupported
from vectormigrate.model.filter import Compare, Comparison, HasId, Native
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Query
from vectormigrate.model.record import SparseVector, id_text
from vectormigrate.model.specification import Existing, Specification, StoreRef
from vectormigrate.model.touch import Ids
from vectormigrate.state import migrations, ownership
from vectormigrate.stores.base import EVERYWHERE, Content, Endpoint
from vectormigrate.stores.memory import CAPABILITIES, MemoryStore
from vectormigrate.stores.memory import Database as Memory

ID = "move"
SHAPE = CollectionShape(
    "docs",
    IdField("id", IdKind.UUID, KeyOrder.UUID),
    (VectorField("v", dim=2, metric=Metric.EUCLID),),
    (Field("n", FieldType.INT), Field("when", FieldType.DATE)),
)
PLAIN = replace(
    CAPABILITIES, id_kinds=frozenset({IdKind.TEXT}), field_types=CAPABILITIES.field_types - {FieldType.DATE}
)
"""UUIDs become text there, and dates too."""
OPTIONS = MappingOptions(rename={"n": "number", "v": "vector"})


class Normalising(MemoryStore):
    """Keeps vectors under cosine at length one, as Qdrant does."""

    async def upsert(self, collection, batch, *, fresh=False):
        columns = {
            name: replace(column, values=normalised(column.values)) for name, column in batch.vectors.items()
        }
        return await super().upsert(collection, replace(batch, vectors=columns), fresh=fresh)


def uid(number):
    return UUID(int=number)


def batch(numbers, bonus=0):
    """Records of the source: the record of a number holds it, and a bonus."""
    vectors = [np.array([number, bonus], np.float32) for number in numbers]
    return Batch(
        [uid(number) for number in numbers],
        {"v": dense_column(vectors, width=2, dtype=np.dtype(np.float32))},
        [{"n": number + bonus} for number in numbers],
    )


class Viewed:
    """A view of a target, and what is behind it."""

    def __init__(self, existing=Existing.FAIL, foreign=(), capabilities=PLAIN, **more):
        self.state = MemoryState()
        self.memory = Memory(capabilities=capabilities)
        self.target = MemoryStore(Endpoint("memory", "new"), self.memory)
        self.plan = make_plan(SHAPE, capabilities, "copy", None, replace(OPTIONS, **more))
        self.existing = existing
        self.foreign = foreign

    async def open(self):
        spec = Specification(ID, StoreRef("memory", "old", "docs"), StoreRef("memory", "new", "copy"))
        await self.state.write(lambda tx: migrations.create(tx, spec, at=""))
        await self.target.create(self.plan.target)
        if self.foreign:
            theirs = Translator(self.plan, PLAIN)(batch(self.foreign, bonus=1000)).batch
            await self.target.upsert("copy", theirs)
            texts = [id_text(str(uid(number))) for number in self.foreign]
            await self.state.write(lambda tx: ownership.add_foreign(tx, ID, texts))
        self.view = TargetView(self.state, ID, self.target, SHAPE, self.plan, self.existing)
        return self

    def held(self):
        """Number of the id to what the target holds of it."""
        table = self.memory.tables["copy"]
        return {UUID(one.id).int: one.payload["number"] for one in table.after(None, None, float("inf"))}

    async def seen(self, numbers):
        """The same through the view."""
        found = await self.view.fetch("docs", [uid(number) for number in numbers])
        return {one.int: payload["n"] for one, payload in zip(found.ids, found.payload, strict=True)}

    def pre_images(self):
        return [text for text, _ in self.state.read(lambda tx: ownership.pre_images(tx, ID, "", 10))]


@pytest.fixture
async def viewed():
    return await Viewed().open()


@pytest.fixture
async def skipping():
    """Records 1 and 9 were there before us."""
    return await Viewed(Existing.SKIP, (1, 9)).open()


@pytest.fixture
async def replacing():
    return await Viewed(Existing.OVERWRITE, (1, 9)).open()


async def test_words_are_not_ranked_among_records_of_others():
    beside = await Viewed(Existing.SKIP, (1, 9), rename={}).open()
    query = Query(np.zeros(0), "", 7, words=Native("weaviate", b"word"))
    with pytest.raises(Unsupported, match="among records"):
        await beside.view.query("docs", query)
    alone = await Viewed(rename={}).open()
    with pytest.raises(Unsupported, match="only weaviate"):
        await alone.view.query("docs", query)


# Names, ids and values.


async def test_the_target_answers_in_the_words_of_the_source(viewed):
    await viewed.view.upsert("docs", batch([1, 2]))
    (held,) = (await viewed.target.fetch("copy", [str(uid(1))])).records()
    assert (held.payload, list(held.dense)) == ({"number": 1}, ["vector"])
    (seen,) = (await viewed.view.fetch("docs", [uid(1), uid(7)])).records()
    assert (seen.id, seen.payload, seen.dense["v"].tolist()) == (uid(1), {"n": 1}, [1, 0])
    assert await viewed.view.collections() == ["docs"]
    assert (await viewed.view.info()).kind == "memory"
    assert viewed.view.capabilities is viewed.target.capabilities
    assert viewed.view.identity() == viewed.target.identity()
    assert await viewed.view.locate("docs") == await viewed.target.locate("copy")


async def test_its_shape_is_the_sources_in_the_order_of_the_target(viewed):
    assert await viewed.view.describe("docs") == replace(SHAPE, id=replace(SHAPE.id, order=KeyOrder.OTHER))
    same = Viewed(capabilities=CAPABILITIES)
    await same.open()
    assert (await same.view.describe("docs")).id.order is same.plan.target.id.order


async def test_there_is_one_collection_and_it_stays(viewed):
    for asked in ("describe", "count"):
        with pytest.raises(CollectionMissing):
            await getattr(viewed.view, asked)("copy")
    with pytest.raises(CollectionMissing):
        await viewed.view.upsert("else", batch([1]))
    with pytest.raises(CollectionExists):
        await viewed.view.create(SHAPE)
    with pytest.raises(Unsupported):
        await viewed.view.create(replace(SHAPE, name="else"))
    with pytest.raises(CollectionMissing):
        await viewed.view.drop("copy")
    with pytest.raises(
        Unsupported, match=r"'docs' was moved to memory and is not dropped .* it is 'copy' there"
    ) as told:
        await viewed.view.drop("docs")
    assert "under migration" not in str(told.value)  # it is asked for behind a commit
    assert "copy" in viewed.memory.tables


async def test_pages_and_their_cursors(viewed):
    await viewed.view.upsert("docs", batch(range(5)))
    pages = [page async for page in viewed.view.scan("docs", EVERYWHERE, limit=2)]
    assert [[one.int for one in page.batch.ids] for page in pages] == [[0, 1], [2, 3], [4]]
    cursor = viewed.view.cursor_of(uid(1))
    assert (pages[0].cursor, viewed.view.key_of(cursor)) == (cursor, uid(1))
    spans = await viewed.view.split("docs", 2)
    seen = [
        one.int
        for span in spans
        async for page in viewed.view.scan("docs", span, content=Content.IDS)
        for one in page.batch.ids
    ]
    assert (len(spans), seen) == (2, [0, 1, 2, 3, 4])


async def test_a_filter_is_the_targets_own_business_where_it_translates(viewed):
    await viewed.view.upsert("docs", batch(range(5)))
    asked = []
    select = viewed.target.select
    viewed.target.select = lambda collection, where, *rest, **words: (
        asked.append(where) or select(collection, where, *rest, **words)
    )
    found = [page async for page in viewed.view.select("docs", Compare(("n",), Comparison.GT, 2))]
    assert [one.int for page in found for one in page.batch.ids] == [3, 4]
    assert asked == [Compare(("number",), Comparison.GT, 2)]
    found = [page async for page in viewed.view.select("docs", HasId((uid(1),)))]
    assert [one.int for page in found for one in page.batch.ids] == [1]


async def test_a_filter_that_does_not_translate_is_looked_for_in_everything(viewed):
    given = batch(range(3))
    for number, payload in enumerate(given.payload):
        payload["when"] = np.datetime64(f"2026-01-0{number + 1}").item()
    await viewed.view.upsert("docs", given)
    late = Compare(("when",), Comparison.GT, given.payload[1]["when"])  # dates are text over there
    with pytest.raises(Unsupported):
        await viewed.view.query("docs", Query(np.zeros(2, np.float32), "v", 3, late))
    found = [page async for page in viewed.view.select("docs", late)]
    assert [one.int for page in found for one in page.batch.ids] == [2]


async def test_a_target_that_gives_up_midway_is_not_asked_anew(viewed):
    """Else records would be given twice."""
    await viewed.view.upsert("docs", batch(range(4)))
    select = viewed.target.select

    async def breaking(*asked, **words):
        async for page in select(*asked, **words):
            yield page
            raise Unsupported("no more")

    viewed.target.select = breaking
    pages = viewed.view.select("docs", HasId(tuple(map(uid, range(4)))), limit=2)
    assert len((await anext(pages)).batch.ids) == 2
    with pytest.raises(Unsupported):
        await anext(pages)


async def test_searches(viewed):
    await viewed.view.upsert("docs", batch(range(5)))
    query = Query(np.array([3, 0], np.float32), "v", 2, Compare(("n",), Comparison.LT, 3), with_record=True)
    first, second = await viewed.view.query("docs", query)
    assert (first.id, first.score, first.record.payload) == (uid(2), 1.0, {"n": 2})
    assert (first.record.id, second.id) == (uid(2), uid(1))
    (bare,) = await viewed.view.query("docs", replace(query, with_record=False, limit=1))
    assert bare.record is None


async def test_records_of_the_target_that_no_source_id_leads_to_are_not_shown(viewed):
    await viewed.view.upsert("docs", batch([1]))
    stranger = Translator(viewed.plan, PLAIN)(batch([2])).batch
    await viewed.target.upsert("copy", replace(stranger, ids=["stranger"]))
    pages = [page async for page in viewed.view.scan("docs", EVERYWHERE)]
    assert [page.batch.ids for page in pages] == [[uid(1)]]
    query = Query(np.zeros(2, np.float32), "v", 5)
    assert [match.id for match in await viewed.view.query("docs", query)] == [uid(1)]
    assert viewed.view.key_of(viewed.target.cursor_of("stranger")) == "stranger"


# Writes.


async def test_what_cannot_be_carried_over_is_refused_by_its_own_row(viewed):
    given = batch(range(4))
    given.payload[1]["loose"] = "nobody declared it"
    viewed.memory.faults.refused_ids = frozenset({str(uid(2))})
    result = await viewed.view.upsert("docs", given)
    assert result.acknowledged == 2
    assert [(one.row, one.id, type(one.error)) for one in result.refused] == [
        (1, uid(1), RecordRefused),
        (2, uid(2), RecordRefused),
    ]
    assert set(viewed.held()) == {0, 3}


async def test_a_patch_and_a_delete(viewed):
    await viewed.view.upsert("docs", batch(range(3)))
    await viewed.view.patch("docs", [uid(1), uid(7)], {"n": 50})
    await viewed.view.delete("docs", [uid(2), uid(8)])
    assert viewed.held() == {0: 0, 1: 50}
    with pytest.raises(RecordRefused):
        await viewed.view.patch("docs", [uid(1)], {"loose": 1})


async def test_an_insert_leaves_what_is_there(viewed):
    await viewed.view.upsert("docs", batch([1], bonus=5))
    result = await viewed.view.insert("docs", batch([1, 2]))
    assert (result.acknowledged, viewed.held()) == (1, {1: 6, 2: 2})


# Records that were there before us.


async def test_foreign_records_are_neither_shown_nor_counted(skipping):
    await skipping.view.upsert("docs", batch([2]))
    view = skipping.view
    assert (await view.count("docs"), await skipping.seen([1, 2, 9])) == (1, {2: 2})
    pages = [page async for page in view.scan("docs", EVERYWHERE, limit=1)]
    assert [one.int for page in pages for one in page.batch.ids] == [2]
    query = Query(np.array([1, 1000], np.float32), "v", 1)
    assert [match.id.int for match in await view.query("docs", query)] == [2]  # though others are nearer


async def test_no_more_is_asked_for_than_a_search_needs():
    many = await Viewed(Existing.SKIP, range(100, 130)).open()
    await many.view.upsert("docs", batch(range(5)))
    asked = []
    query = many.target.query
    many.target.query = lambda collection, one: asked.append(one.limit) or query(collection, one)
    found = await many.view.query("docs", Query(np.array([0, 0], np.float32), "v", 2))
    assert ([match.id.int for match in found], asked) == ([0, 1], [2])
    asked.clear()
    found = await many.view.query("docs", Query(np.array([130, 1000], np.float32), "v", 2))
    assert ([match.id.int for match in found], asked) == ([4, 3], [2, 8, 32])


async def test_foreign_records_are_neither_written_nor_deleted(skipping):
    result = await skipping.view.upsert("docs", batch([1, 2]))
    assert (result.acknowledged, skipping.held()) == (1, {1: 1001, 2: 2, 9: 1009})
    assert [one.id for one in result.refused] == [uid(1)]
    assert (await skipping.view.delete("docs", [uid(1), uid(2), uid(9)])).acknowledged == 3
    await skipping.view.patch("docs", [uid(9)], {"n": 0})
    assert skipping.held() == {1: 1001, 9: 1009}


async def test_refusals_beside_foreign_records_keep_their_rows(skipping):
    skipping.memory.faults.refused_ids = frozenset({str(uid(3))})
    taken, refusal = (await skipping.view.upsert("docs", batch([1, 2, 3]))).refused
    assert (taken.row, taken.id, refusal.row, refusal.id) == (0, uid(1), 2, uid(3))
    (refusal,) = (await skipping.view.delete("docs", [uid(1), uid(2), uid(3)])).refused
    assert (refusal.row, refusal.id) == (2, uid(3))


async def test_what_is_replaced_is_kept_and_comes_back_with_the_delete(replacing):
    view = replacing.view
    await view.upsert("docs", batch([1, 2]))
    assert (replacing.held(), replacing.pre_images()) == ({1: 1, 2: 2, 9: 1009}, [id_text(str(uid(1)))])
    assert (await view.count("docs"), await replacing.seen([1, 2, 9])) == (2, {1: 1, 2: 2})
    await view.delete("docs", [uid(1), uid(2), uid(9)])
    assert (replacing.held(), replacing.pre_images()) == ({1: 1001, 9: 1009}, [])
    assert (await view.count("docs"), await replacing.seen([1])) == (0, {})
    await view.upsert("docs", batch([1], bonus=1))  # and once more, the other way
    assert replacing.held()[1] == 2
    await view.delete("docs", [uid(1)])
    assert replacing.held() == {1: 1001, 9: 1009}


async def test_what_is_kept_first_is_what_was_theirs(replacing):
    await replacing.view.upsert("docs", batch([1]))
    await replacing.view.upsert("docs", batch([1], bonus=7))
    await replacing.view.delete("docs", [uid(1)])
    assert replacing.held()[1] == 1001


async def test_what_it_held_is_durable_before_it_is_replaced(replacing):
    replacing.state.full = True
    with pytest.raises(Exception, match="disk is full"):
        await replacing.view.upsert("docs", batch([1]))
    assert replacing.held()[1] == 1001


async def test_a_patch_concerns_what_we_replaced_and_nothing_of_theirs(replacing):
    await replacing.view.upsert("docs", batch([1]))
    await replacing.view.patch("docs", [uid(1), uid(9)], {"n": 5})
    assert replacing.held() == {1: 5, 9: 1009}


async def test_replays_go_by_the_same_rules(replacing):
    """Marks are paid through the view: what is foreign stays, is kept, and comes back."""
    bench = await make_bench()
    await bench.source.drop("docs")
    bench.source.database.capabilities = CAPABILITIES
    await bench.source.create(SHAPE)
    bench.lane.ends = Ends(bench.source, replacing.view, "docs", SHAPE)
    async with bench.lane.writing([Ids((uid(1), uid(2)))], 10):
        await bench.source.upsert("docs", batch([1, 2]))
    await bench.pay()
    assert (replacing.held(), bench.marks()) == ({1: 1, 2: 2, 9: 1009}, [])
    async with bench.lane.writing([Ids((uid(1), uid(2)), removes=True)], 10):
        await bench.source.delete("docs", [uid(1), uid(2)])
    await bench.pay()
    assert (replacing.held(), bench.marks()) == ({1: 1001, 9: 1009}, [])
    bench.state.close()


async def test_a_delete_of_nothing_reaches_the_target(viewed):
    asked = []

    async def delete(collection, ids):
        asked.append((collection, list(ids)))
        return WriteResult(0)

    viewed.target.delete = delete
    assert await viewed.view.delete("docs", []) == WriteResult(0)
    assert asked == [("copy", [])]


async def test_the_rest_is_the_targets(viewed, monkeypatch):
    waited = []

    async def barrier(collection, *, position=""):
        waited.append((collection, position))

    viewed.target.barrier = barrier
    await viewed.view.barrier("docs", position="7")
    await viewed.view.finish_load(SHAPE)
    assert waited == [("copy", "7"), ("copy", "")]
    assert await viewed.view.settle() == 0.0
    told = []
    viewed.target.lead = lambda quarantine, unsure=(): told.append((quarantine, unsure))
    viewed.view.lead(2.0, [1])
    viewed.view.lead(2.0, None)
    assert told == [(2.0, [viewed.view._inverse.target_id(1)]), (2.0, None)]
    viewed.target.unsure = lambda ids: dict.fromkeys(ids[:1], 3.0)
    assert viewed.view.unsure([7, 8]) == {7: 3.0}
    assert not viewed.view.doubting
    monkeypatch.setattr(type(viewed.target), "doubting", True)
    assert viewed.view.doubting
    await viewed.view.close()


async def test_a_patch_of_an_edited_record_sees_the_whole_of_it():
    edits = (Edit("n", FieldType.TEXT), Edit("when", default=date(2024, 1, 1)))
    viewed = await Viewed(edits=edits).open()
    await viewed.view.upsert("docs", batch([1, 2]))
    await viewed.view.patch("docs", [uid(1)], {"when": date(2025, 1, 1)})
    done = await viewed.view.patch("docs", [uid(7), uid(1)], {"n": 5})
    assert (done.acknowledged, done.refused) == (1, ())
    assert (await viewed.view.fetch("docs", [uid(1)])).payload == [{"n": 5, "when": date(2025, 1, 1)}]
    assert (await viewed.target.fetch("copy", [str(uid(1))])).payload[0]["number"] == "5"


async def test_a_target_that_forgets_lengths_gives_them_back_and_shows_no_note():
    shape = replace(SHAPE, vectors=(replace(SHAPE.vectors[0], metric=Metric.COSINE),), dynamic=True)
    forgetful = replace(PLAIN, normalises_cosine=True)
    memory = Memory(capabilities=forgetful)
    target = Normalising(Endpoint("memory", "new"), memory)
    plan = make_plan(shape, forgetful, "copy")
    await target.create(plan.target)
    view = TargetView(MemoryState(), ID, target, shape, plan, Existing.FAIL)
    sent = batch([3, 5], bonus=4)
    await view.upsert("docs", sent)
    stored = next(iter(memory.tables["copy"].after(None, None, 1)))
    assert (stored.dense["v"].tolist(), stored.payload["_vm_norm"]) == (
        [np.float32(0.6), np.float32(0.8)],
        {"v": 5.0},
    )

    await view.patch("docs", [uid(3)], {"more": True})
    wanted = [{"n": 7, "more": True}, {"n": 9}]
    (page,) = [one async for one in view.scan("docs", EVERYWHERE)]
    near = np.array([3, 4], np.float32)
    matches = await view.query("docs", Query(near, "v", with_record=True))
    for found in (await view.fetch("docs", sent.ids), page.batch):
        assert list(found.payload) == wanted
        np.testing.assert_array_max_ulp(found.vectors["v"].values, sent.vectors["v"].values, 1)
    assert [one.record.payload for one in matches] == wanted
    np.testing.assert_array_max_ulp(matches[0].record.dense["v"], near, 1)


async def test_sparse_vectors_that_the_target_has_as_json_are_vectors_to_everybody_who_asks():
    unable = replace(PLAIN, sparse=False)
    shape = replace(SHAPE, vectors=(*SHAPE.vectors, VectorField("s", VectorKind.SPARSE, metric=Metric.DOT)))
    memory = Memory(capabilities=unable)
    target = MemoryStore(Endpoint("memory", "new"), memory)
    plan = make_plan(shape, unable, "copy")
    await target.create(plan.target)
    view = TargetView(MemoryState(), ID, target, shape, plan, Existing.FAIL)
    weights = SparseVector(np.array([2, 7]), np.array([0.1, 1e-40], np.float32))
    sent = batch([3, 5])
    await view.upsert("docs", replace(sent, vectors={**sent.vectors, "s": sparse_column([weights, None])}))
    await view.patch("docs", [uid(3)], {"n": 4})

    found = await view.fetch("docs", sent.ids)
    [match] = await view.query("docs", Query(np.array([3, 0], np.float32), "v", limit=1, with_record=True))
    assert list(found.payload) == [{"n": 4}, {"n": 5}]
    assert match.record.payload == {"n": 4}
    for record in (found.record(0), match.record):
        assert record.sparse["s"].indices.tolist() == [2, 7]
        assert record.sparse["s"].values.tobytes() == weights.values.tobytes()
    assert found.record(1).sparse == {}
    with pytest.raises(Unsupported, match="kept as JSON"):
        await view.query("docs", Query(weights, "s"))


async def test_partitions_that_the_target_has_not_are_partitions_to_everybody_who_asks():
    unable = replace(PLAIN, partitions=False)
    shape = replace(SHAPE, partitions=("red", "blue"))
    target = MemoryStore(Endpoint("memory", "new"), Memory(capabilities=unable))
    plan = make_plan(shape, unable, "copy")
    await target.create(plan.target)
    view = TargetView(MemoryState(), ID, target, shape, plan, Existing.FAIL)
    sent = replace(batch([3, 5]), partition=["red", None])
    await view.upsert("docs", sent)
    await view.patch("docs", [uid(3)], {"n": 4})
    [match] = await view.query("docs", Query(np.array([3, 0], np.float32), "v", limit=1, with_record=True))
    found = await view.fetch("docs", sent.ids)
    assert (found.partition, list(found.payload)) == (["red", None], [{"n": 4}, {"n": 5}])
    assert (match.record.partition, match.record.payload) == ("red", {"n": 4})
    await view.upsert("docs", replace(sent, partition=["blue", "red"]))
    assert (await view.fetch("docs", sent.ids)).partition == ["blue", "red"]
