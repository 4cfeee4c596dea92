"""Ids that a key cannot hold: spoken outside, made up inside, and nobody else's taken for ours."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import numpy as np
import pytest

from vectormigrate.model.batch import Batch, dense_column
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.model.errors import RecordRefused, StoreBroken
from vectormigrate.model.filter import And, Compare, Comparison, HasId, Not, Or
from vectormigrate.model.identity import ORIGINAL, IdRule, surrogate
from vectormigrate.model.layout import LayoutPlan
from vectormigrate.model.mapping import MappingOptions, make_plan
from vectormigrate.model.query import Query
from vectormigrate.model.record import id_text
from vectormigrate.stores.base import EVERYWHERE, Content, Endpoint
from vectormigrate.stores.memory import CAPABILITIES, Database, MemoryStore
from vectormigrate.stores.surrogate import keyed

UUID_ = "0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff"
IDS = ["doc-1", "42", UUID_, UUID_.upper(), "", "ü"]
SHAPE = CollectionShape(
    "docs", IdField("id", IdKind.TEXT), (VectorField("v", dim=2, metric=Metric.EUCLID),), dynamic=True
)


def batch(ids, **payload):
    vectors = dense_column([np.array([row, 0], np.float32) for row in range(len(ids))], width=2)
    return Batch(list(ids), {"v": vectors}, [{"n": row, **payload} for row in range(len(ids))])


@pytest.fixture(params=[IdKind.MIXED, IdKind.UUID])
async def both(request):
    """The store as it is, and as it is spoken to."""
    inner = MemoryStore(Endpoint("memory"), Database())
    inner.database.capabilities = replace(CAPABILITIES, id_kinds=frozenset({request.param}))
    plan = make_plan(SHAPE, inner.capabilities, "copy")
    assert plan.id_rule is IdRule.SURROGATE
    await inner.create(plan.target)
    async with keyed(inner, plan, SHAPE.id) as outer:
        yield inner, outer


async def scanned(pages):
    return {
        one: payload
        async for page in pages
        for one, payload in zip(page.batch.ids, page.batch.payload, strict=True)
    }


def test_a_key_that_holds_all_needs_no_surrogates():
    inner = MemoryStore(Endpoint("memory"), Database())
    assert keyed(inner, make_plan(SHAPE, CAPABILITIES, "copy"), SHAPE.id) is inner


async def test_what_is_written_is_found_by_its_own_id(both):
    inner, outer = both
    assert (await outer.upsert("copy", batch(IDS))).acknowledged == len(IDS)
    assert await scanned(outer.scan("copy", EVERYWHERE)) == {one: {"n": row} for row, one in enumerate(IDS)}
    assert await scanned(outer.scan("copy", EVERYWHERE, content=Content.IDS)) == {one: {} for one in IDS}
    found = await outer.fetch("copy", ["ü", "42", "none"])
    assert dict(zip(found.ids, found.payload, strict=True)) == {"ü": {"n": 5}, "42": {"n": 1}}
    held = await scanned(inner.scan("copy", EVERYWHERE))
    assert held[surrogate("doc-1", IdKind.UUID)] == {"n": 0, ORIGINAL: "s:doc-1"}
    assert held[UUID(UUID_)] == {"n": 2}


async def test_an_original_is_kept_only_where_it_is_needed(both):
    inner, outer = both
    await outer.upsert("copy", batch(["42"]))
    ((held, payload),) = (await scanned(inner.scan("copy", EVERYWHERE))).items()
    mixed = isinstance(held, int)
    assert (held, payload) == ((42, {"n": 0}) if mixed else (surrogate("42", IdKind.UUID), payload))
    assert (ORIGINAL in payload) is not mixed


async def test_patch_and_delete_meet_the_same_record(both):
    inner, outer = both
    await outer.upsert("copy", batch(IDS))
    assert (await outer.patch("copy", ["doc-1"], {"m": 1})).acknowledged == 1
    assert (await outer.fetch("copy", ["doc-1"])).payload == [{"n": 0, "m": 1}]
    assert (await outer.delete("copy", ["doc-1", "42"])).acknowledged == 2
    assert await inner.count("copy") == len(IDS) - 2
    with pytest.raises(RecordRefused, match="is ours"):
        await outer.patch("copy", ["ü"], {ORIGINAL: 1})


async def test_insert_leaves_what_is_there(both):
    _, outer = both
    await outer.upsert("copy", batch(["doc-1"]))
    assert (await outer.insert("copy", batch(["doc-1", "new"], more=1))).acknowledged == 1
    assert (await outer.fetch("copy", ["doc-1"])).payload == [{"n": 0}]


async def test_records_of_others_keep_their_own_ids(both):
    inner, outer = both
    stranger = uuid4()
    strange = [stranger, UUID(int=7), UUID(int=8)]
    await inner.upsert("copy", batch(strange))
    await inner.patch("copy", [UUID(int=7)], {ORIGINAL: "s:doc-1"})  # a note that was not made for this id
    await inner.patch("copy", [UUID(int=8)], {ORIGINAL: "no id"})
    assert list(await scanned(outer.scan("copy", EVERYWHERE, content=Content.IDS))) == sorted(
        map(str, strange)
    )
    assert (await outer.fetch("copy", [str(stranger), "doc-1"])).ids == [str(stranger)]


async def test_a_foreign_record_under_our_surrogate_is_not_ours(both):
    inner, outer = both
    await inner.upsert("copy", batch([surrogate("doc-1", IdKind.UUID)]))
    assert (await outer.fetch("copy", ["doc-1"])).ids == []


async def test_filters_and_searches_speak_our_ids(both):
    _, outer = both
    await outer.upsert("copy", batch(IDS))
    where = And((Not(HasId(("42",))), Or((HasId(("doc-1",)), Compare(("n",), Comparison.EQ, 5)))))
    assert set(await scanned(outer.select("copy", where))) == {"doc-1", "ü"}
    assert set(await scanned(outer.select("copy", where, content=Content.IDS))) == {"doc-1", "ü"}
    query = Query(np.zeros(2, np.float32), "v", 2, None)
    plain = await outer.query("copy", query)
    assert [(match.id, match.record) for match in plain] == [("doc-1", None), ("42", None)]
    full = await outer.query("copy", replace(query, filter=HasId(("ü",)), with_record=True))
    assert [(match.id, match.record.id, match.record.payload) for match in full] == [("ü", "ü", {"n": 5})]


async def test_what_cannot_be_told_apart_is_refused(both):
    _, outer = both
    twice = await outer.upsert("copy", batch(["a", "b", "a"]))
    assert (twice.acknowledged, [(one.row, one.id) for one in twice.refused]) == (2, [(2, "a")])
    taken = await outer.upsert("copy", batch(["x"], **{ORIGINAL: 1}))
    assert (taken.acknowledged, [one.row for one in taken.refused]) == (0, [0])
    with pytest.raises(StoreBroken):
        await outer.fetch("copy", ["a", "a"])


async def test_a_key_of_text_that_holds_some_texts_alone():
    inner = MemoryStore(Endpoint("memory"), Database())
    inner.database.capabilities = replace(CAPABILITIES, id_kinds=frozenset({IdKind.TEXT}), ascii_ids=True)
    plan = make_plan(SHAPE, inner.capabilities, "copy", options=MappingOptions(surrogates=True))
    await inner.create(plan.target)
    async with keyed(inner, plan, SHAPE.id) as outer:
        await outer.upsert("copy", batch(["plain", "ü", ""]))
        held = await scanned(inner.scan("copy", EVERYWHERE))
        assert held["plain"] == {"n": 0}
        assert held[surrogate("ü", IdKind.TEXT)] == {"n": 1, ORIGINAL: "s:ü"}
        assert set(await scanned(outer.scan("copy", EVERYWHERE))) == {"plain", "ü", ""}


async def test_a_cursor_stands_on_a_record(both):
    _, outer = both
    await outer.upsert("copy", batch(IDS))
    order = list(await scanned(outer.scan("copy", EVERYWHERE)))
    behind = replace(EVERYWHERE, lower=outer.cursor_of(order[2]))
    assert list(await scanned(outer.scan("copy", behind))) == order[3:]


async def test_compound_keys_and_numbers_out_of_range(both):
    inner, _ = both
    for kind, ids in ((IdKind.COMPOUND, [("a", 1), ("b", 2)]), (IdKind.INT, [-1, 2])):
        source = IdField("id", kind, parts=(IdField("a", IdKind.TEXT), IdField("b", IdKind.INT)))
        plan = make_plan(replace(SHAPE, id=source), inner.capabilities, "copy")
        outer = keyed(inner, replace(plan, id_rule=IdRule.SURROGATE), source)
        await outer.upsert("copy", batch(ids))
        assert sorted(map(id_text, (await outer.fetch("copy", ids)).ids)) == sorted(map(id_text, ids))
        await outer.delete("copy", ids)
        assert await inner.count("copy") == 0


async def test_a_node_is_kept_under_its_own_id_where_a_framework_put_its_documents_in_front(both):
    inner, _ = both
    plan = replace(
        make_plan(SHAPE, inner.capabilities, "copy"),
        layout=LayoutPlan("llamaindex:pinecone", "llamaindex:qdrant"),
    )
    ids = [f"doc-1#{UUID_}", UUID_.replace("0b", "0c", 1), "doc#no uuid"]
    async with keyed(inner, plan, SHAPE.id) as outer:
        await outer.upsert("copy", batch(ids))
        held = await scanned(inner.scan("copy", EVERYWHERE))
        assert held.keys() == {UUID(UUID_), UUID(ids[1]), surrogate(ids[2], plan.target.id.kind)}
        assert held[UUID(UUID_)] == {"n": 0, ORIGINAL: id_text(ids[0])}
        assert (await scanned(outer.scan("copy", EVERYWHERE))).keys() == set(ids)
        assert (await outer.fetch("copy", ids[:1])).payload == [{"n": 0}]
        twice = await outer.upsert("copy", batch([f"one#{UUID_}", f"two#{UUID_}"]))
        assert ["same surrogate" in one.error.message for one in twice.refused] == [True]
        await outer.delete("copy", ids)
        assert await inner.count("copy") == 0


async def test_the_inner_store_is_told_of_its_own_ids(both, monkeypatch):
    inner, outer = both
    told = []
    inner.lead = lambda quarantine, unsure=(): told.append((quarantine, unsure))
    outer.lead(1.0, ["doc-1"])
    outer.lead(1.0, None)
    assert told == [(1.0, [outer.inside("doc-1")]), (1.0, None)]
    inner.unsure = lambda ids: {one: 2.0 for one in ids if one == outer.inside("doc-1")}
    assert outer.unsure(["42", "doc-1"]) == {"doc-1": 2.0}
    assert not outer.doubting
    monkeypatch.setattr(type(inner), "doubting", True)
    assert outer.doubting
