from dataclasses import replace

import numpy as np
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.world import World, records, shape
from vectormigrate.engine import preflight
from vectormigrate.model.batch import DenseColumn
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
)
from vectormigrate.model.edits import Edit, Redaction
from vectormigrate.model.errors import CollectionMissing, MappingRefused, TargetNotEmpty, UsageError
from vectormigrate.model.identity import IdRule
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.specification import Existing, Mode, WayBack
from vectormigrate.stores.base import StoreInfo
from vectormigrate.stores.memory import CAPABILITIES, MemoryStore


async def examine(world):
    return await preflight.examine(world.spec, world.store(), world.store("target"), FakeClock().monotonic)


async def document(world, found):
    return await preflight.document(world.spec, found, world.store(), workers=2)


async def test_both_sides_are_looked_at_and_nothing_is_written(world):
    await world.fill(range(30))
    found = await examine(world)
    assert (found.total, found.existing, found.target_count, found.sampled) == (30, None, 0, 30)
    assert found.record_bytes == records(range(30)).nbytes // 30
    assert found.mapping.target.name == "copy"
    assert found.refused == ()
    preflight.check_startable(world.spec, found)
    assert world.target.tables == {}


async def test_a_plan_says_what_would_happen(world):
    await world.fill(range(30))
    plan = await document(world, await examine(world))
    assert (plan.source, plan.target) == ("memory:docs", "memory:copy")
    assert (plan.source_count, plan.target_exists, plan.foreign, plan.id_rule) == (30, False, 0, "same")
    assert (plan.ranges, plan.batches, plan.losses, plan.refused) == (1, 6, (), ())
    assert plan.bytes == 30 * (records(range(30)).nbytes // 30)
    assert [(one["source"], one["target"]) for one in plan.vectors] == [("v", "v")]


@pytest.mark.parametrize(("mode", "told"), [(Mode.OFFLINE, ()), (Mode.PROXIED, ("reads wait",))])
async def test_what_a_source_in_use_does_is_noted(world, mode, told):
    await world.fill(range(3))
    source, spec = world.store(), replace(world.spec, mode=mode)

    async def info():
        return StoreInfo("memory", "1", {}, ("reads wait",))

    source.info = info
    found = await preflight.examine(spec, source, world.store("target"), FakeClock().monotonic)
    assert (await preflight.document(spec, found, source, workers=2)).notes == told


async def test_a_quantised_index_that_stays_behind_is_noted(world, monkeypatch):
    await world.fill(range(3))
    source = world.store()
    held = await source.describe(world.spec.source.collection)
    quantised = replace(held.vectors[0], quantised="qdrant:scalar")

    async def describe(_name):
        return replace(held, vectors=(quantised,))

    source.describe = describe
    target = world.store("target")
    found = await preflight.examine(world.spec, source, target, FakeClock().monotonic)
    [note] = (await preflight.document(world.spec, found, source, workers=2)).notes
    assert "'v' (qdrant:scalar) is not carried" in note
    able = replace(CAPABILITIES, quantises=frozenset({"qdrant:scalar"}))
    monkeypatch.setattr(MemoryStore, "capabilities", able)
    found = await preflight.examine(world.spec, source, target, FakeClock().monotonic)
    assert (await preflight.document(world.spec, found, source, workers=2)).notes == ()


async def test_a_vector_that_the_source_makes_and_tells_nobody_is_noted(world):
    await world.fill(range(3))
    source = world.store()
    held = await source.describe(world.spec.source.collection)

    async def describe(_name):
        return replace(held, native={world.spec.source.kind: {"computed": {"sparse": "body"}}})

    source.describe = describe
    target = world.store("target")
    found = await preflight.examine(world.spec, source, target, FakeClock().monotonic)
    assert (await preflight.document(world.spec, found, source, workers=2)).notes == ()  # it makes its own
    await target.create(shape(world.spec.target.collection))
    found = await preflight.examine(world.spec, source, target, FakeClock().monotonic)
    told = (await preflight.document(world.spec, found, source, workers=2)).notes
    assert told == ("vector 'sparse' is made of 'body' by the source, and not moved",)


async def test_an_empty_source_has_no_forecast(world):
    await world.fill([])
    found = await examine(world)
    plan = await document(world, found)
    assert (found.sampled, found.all_refused, plan.seconds, plan.batches) == (0, False, None, 0)
    assert found.record_bytes > 0
    preflight.check_startable(world.spec, found)


async def test_a_forecast_follows_from_the_rate_of_the_sample(world):
    await world.fill(range(30))
    clock = FakeClock()

    def monotonic():
        clock.advance(1.0)
        return clock.monotonic()

    found = await preflight.examine(world.spec, world.store(), world.store("target"), monotonic)
    assert found.read_rate == 30.0
    assert (await document(world, found)).seconds == 1.0  # 30 at 30 a second, twice as slow, by two workers


async def test_a_missing_source_is_told(world):
    with pytest.raises(CollectionMissing, match="'docs'"):
        await examine(world)


@pytest.mark.parametrize("existing", list(Existing))
async def test_a_target_with_records_needs_a_policy(world, existing):
    world.set(existing=existing)
    await world.fill(range(3))
    await world.fill([1, 2], side="target")
    found = await examine(world)
    assert found.target_count == 2
    assert (await document(world, found)).foreign == 2
    if existing is Existing.FAIL:
        with pytest.raises(TargetNotEmpty, match="already holds 2 records") as refused:
            preflight.check_startable(world.spec, found)
        assert (refused.value.store, refused.value.collection) == ("memory", "copy")
        assert "--existing skip" in refused.value.hint
    else:
        preflight.check_startable(world.spec, found)


async def test_an_empty_target_collection_is_used_as_it_is(world):
    await world.fill(range(3))
    await world.fill([], side="target")
    found = await examine(world)
    assert found.existing is not None
    preflight.check_startable(world.spec, found)


async def test_source_and_target_must_differ(world):
    await world.fill(range(3))
    world.set(target=world.spec.source)
    with pytest.raises(UsageError, match="same collection"):
        await preflight.examine(world.spec, world.store(), world.store(), FakeClock().monotonic)


@pytest.mark.parametrize(
    "options",
    [
        MappingOptions(rename={"tittle": "t"}),
        MappingOptions(drop=("tittle",)),
        MappingOptions(spread=("tittle",)),
    ],
)
async def test_a_name_that_means_nothing_is_refused_with_those_that_do(tmp_path, options):
    world = World(tmp_path / "x.db", mapping=options)
    made = CollectionShape(
        "docs",
        IdField("id", IdKind.INT),
        (VectorField("v", dim=4, metric=Metric.EUCLID),),
        (Field("title", FieldType.TEXT),),
    )
    await world.store().create(made)
    with pytest.raises(UsageError, match="'tittle'") as refused:
        await examine(world)
    assert "title" in refused.value.hint
    world.close()


async def test_a_plan_under_which_nothing_would_arrive_does_not_start(world):
    await world.fill(["a" * 50, "b" * 60])
    world.target.capabilities = replace(CAPABILITIES, max_id_bytes=10)
    found = await examine(world)
    assert found.all_refused
    with pytest.raises(MappingRefused, match="each of the 2 sampled records would be refused"):
        preflight.check_startable(world.spec, found)
    assert (await document(world, found)).refused


async def test_some_records_that_would_be_refused_are_told_and_hinder_nothing(world):
    await world.fill(["a", "b" * 60])
    world.target.capabilities = replace(CAPABILITIES, max_id_bytes=10)
    found = await examine(world)
    assert [one.id for one in found.refused] == ["s:" + "b" * 60]
    preflight.check_startable(world.spec, found)
    assert (await document(world, found)).notes


async def test_a_refused_record_is_named_once_in_its_note_and_with_what_to_do(world):
    await world.fill(["a", "b" * 60])
    world.target.capabilities = replace(CAPABILITIES, max_id_bytes=10)
    found = await examine(world)
    long = "s:" + "b" * 60
    notes = (await document(world, found)).notes
    assert f"would be refused: id {long}: its 60 bytes do not fit 10" in notes
    assert found.refused[0].error.hint


async def test_a_text_longer_than_the_target_takes_is_foreseen(world):
    await world.store().create(replace(shape(), fields=(Field("title", FieldType.TEXT),)))
    long = replace(records([0, 1]), payload=[{"title": "L"}, {"title": "L" * 50}])
    await world.store().upsert("docs", long)
    world.target.capabilities = replace(CAPABILITIES, max_text_bytes=40)
    found = await examine(world)
    assert [(one.id, one.error.message) for one in found.refused] == [
        ("i:1", "record i:1 is refused: field 'title': longer than 40 bytes")
    ]


@pytest.mark.parametrize(
    ("metric", "able", "told"), [("cosine", True, 1), ("cosine", False, 0), ("dot", True, 0)]
)
async def test_vectors_of_zeros_under_cosine_are_told(world, metric, able, told):
    made = replace(shape(), vectors=(replace(shape().vectors[0], metric=Metric(metric)),))
    await world.store().create(made)
    await world.store().upsert("docs", records(range(4)))
    zero = DenseColumn(np.zeros((1, made.vectors[0].dim), np.float32))
    await world.store().upsert("docs", replace(records([4]), vectors={"v": zero}))
    world.target.capabilities = replace(CAPABILITIES, zero_vector_under_cosine=able)
    notes = (await document(world, await examine(world))).notes
    assert sum("1 of 5 sampled vectors 'v' hold only zeros" in note for note in notes) == told


async def test_a_schema_is_inferred_from_ten_thousand_records(world):
    await world.fill([])
    for start in range(0, 11_000, 1000):
        await world.store().upsert("docs", records(range(start, start + 1000)))
    found = await examine(world)
    assert found.sampled == 10_000
    plan = await document(world, found)
    assert [(one["name"], one["type"], one["present"]) for one in plan.inferred] == [
        ("title", "text", 10_000),
        ("version", "int", 10_000),
    ]
    assert plan.inferred[0]["max_length"] == len("title 9999")
    assert plan.requests == 11 + 2200  # pages of a thousand, batches of five
    assert plan.target_bytes == 11_000 * (16 + found.payload_bytes)
    assert found.payload_bytes == len('{"title":"title 10","version":0}')


async def test_losses_are_named_and_accepted_by_name(world):
    await world.fill(range(3))
    world.target.capabilities = replace(CAPABILITIES, dynamic=False)
    plan = await document(world, await examine(world))
    assert [(one.name, one.accepted) for one in plan.named_losses] == [("undeclared", False)]
    assert plan.refused
    world.set(mapping=MappingOptions(accept=("undeclared",)))
    found = await examine(world)
    preflight.check_startable(world.spec, found)
    plan = await document(world, found)
    assert ([one.accepted for one in plan.named_losses], plan.refused) == ([True], ())
    assert plan.notes == ()
    world.set(mapping=MappingOptions(accept=("undeclared", "undeclard")))
    told = (await document(world, await examine(world))).notes
    assert told == ("nothing is lost by the name 'undeclard', which was accepted",)


async def test_hashing_needs_a_key(world):
    await world.fill(range(3))
    world.set(mapping=MappingOptions(edits=(Edit("title", redact=Redaction.HASH),)))
    with pytest.raises(UsageError, match="'title' is to be hashed, and there is no key"):
        await examine(world)


async def test_a_vector_that_some_records_lack_and_the_target_needs_is_foreseen(world):
    await world.fill([])
    batch = records(range(4))
    column = replace(batch.vectors["v"], present=np.array([True, False, True, True]))
    await world.store().upsert("docs", replace(batch, vectors={"v": column}))
    world.target.capabilities = replace(CAPABILITIES, nullable_vectors=False)
    found = await examine(world)
    assert [one.id for one in found.refused] == ["i:1"]
    assert any("i:1" in note for note in (await document(world, found)).notes)


async def test_what_the_target_refuses_for_a_reason_of_its_own_is_foreseen(world, monkeypatch):
    await world.fill(range(3))
    monkeypatch.setattr(MemoryStore, "misfits", lambda _, batch: {batch.ids.index(2): "it is odd"})
    found = await examine(world)
    assert [(one.id, one.error.message) for one in found.refused] == [
        ("i:2", "record i:2 is refused: it is odd")
    ]


async def test_ids_that_go_under_surrogates_are_judged_by_those(world):
    await world.fill(["plain", "ü"])
    world.target.capabilities = replace(CAPABILITIES, id_kinds=frozenset({IdKind.TEXT}), ascii_ids=True)
    found = await examine(world)
    assert [one.id for one in found.refused] == ["s:ü"]
    world.set(mapping=MappingOptions(surrogates=True))
    found = await examine(world)
    assert (found.mapping.id_rule, found.refused) == (IdRule.SURROGATE, ())


@pytest.mark.parametrize(
    ("forgotten", "home", "kept"),
    [(False, False, ("v",)), (True, False, ()), (False, True, ()), (True, True, ())],
)
async def test_lengths_are_noted_unless_they_are_gone_already_or_nothing_may_be_added(
    world, forgotten, home, kept
):
    made = replace(shape(), vectors=(replace(shape().vectors[0], metric=Metric.COSINE),))
    await world.store().create(made)
    world.source.capabilities = replace(CAPABILITIES, normalises_cosine=forgotten)
    world.target.capabilities = replace(CAPABILITIES, normalises_cosine=True)
    if home:
        world.set(back=WayBack("there", "memory", made, (await examine(world)).mapping))
    found = await examine(world)
    assert found.mapping.lengths == kept
    assert ["nobody knows" in note for note in (await document(world, found)).notes] == [True] * (
        forgotten and not home
    )
    world.set(mapping=MappingOptions(lengths=True))
    assert (await examine(world)).mapping.lengths == ("v",)


async def test_a_partition_that_the_target_cannot_call_so_is_foreseen(world):
    await world.store().create(replace(shape(), partitions=("a", "ä")))
    await world.store().upsert("docs", replace(records(range(3)), partition=["a", "ä", None]))
    world.target.capabilities = replace(CAPABILITIES, partition_pattern="[a-z]")
    assert [one.id for one in (await examine(world)).refused] == ["i:1"]
