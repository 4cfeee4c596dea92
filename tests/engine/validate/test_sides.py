from dataclasses import replace
from uuid import UUID

from vectormigrate.engine.validate.sides import without
from vectormigrate.model.collection import IdKind
from vectormigrate.model.finding import FindingKind
from vectormigrate.model.record import id_text
from vectormigrate.stores.memory import CAPABILITIES

from .pairs import SOURCE, TARGET, make_batch, make_ids, make_pair, shape

TEXT_ONLY = replace(CAPABILITIES, id_kinds=frozenset({IdKind.TEXT}))


async def test_a_look_compares_and_names_source_ids():
    pair = await make_pair(shape(IdKind.UUID), capabilities=TEXT_ONLY)
    same, gone, other = make_ids(IdKind.UUID, 3)
    await pair.target.delete(TARGET, [str(gone)])
    await pair.change(str(other), payload={})
    look = await pair.sides.look([same, gone, other])
    assert look.comparison.compared == 2
    assert [(finding.kind, finding.id) for finding in look.findings] == [
        (FindingKind.MISSING, id_text(gone)),
        (FindingKind.PAYLOAD, id_text(other)),
    ]
    assert look.count(FindingKind.MISSING) == 1


async def test_a_look_at_what_the_source_has_lost():
    pair = await make_pair()
    await pair.source.delete(SOURCE, [-40])
    look = await pair.sides.look([-40])
    assert look.comparison is None
    assert [(finding.kind, finding.id) for finding in look.findings] == [(FindingKind.EXTRA, "i:-40")]
    assert (await pair.sides.look([10**9])).findings == []


async def test_a_look_leaves_out_what_is_foreign():
    pair = await make_pair()
    await pair.change(-40, payload={})

    async def foreign(ids):
        return {-40} & set(ids)

    look = await replace(pair.sides, foreign=foreign).look([-40, -37])
    assert (look.findings, look.foreign, look.comparison.compared) == ([], {-40}, 1)


async def test_an_id_that_the_target_cannot_hold_is_not_asked_for():
    made = shape(IdKind.TEXT)
    pair = await make_pair(made, capabilities=replace(CAPABILITIES, max_id_bytes=12))
    await pair.source.upsert(SOURCE, make_batch(made, 1).with_ids(["x" * 500]))
    asked = []
    fetch = pair.target.fetch

    async def watched(collection, ids, **how):
        asked.extend(ids)
        return await fetch(collection, ids, **how)

    pair.target.fetch = watched
    look = await pair.sides.look(["x" * 500])
    assert asked == []
    assert [(finding.kind, finding.id) for finding in look.findings] == [
        (FindingKind.MISSING, "s:" + "x" * 500)
    ]


async def test_ids_that_no_source_id_maps_to_are_absent_without_a_question():
    pair = await make_pair(shape(IdKind.UUID), capabilities=TEXT_ONLY)
    held = str(make_ids(IdKind.UUID, 2)[1])
    lost = str(UUID(int=2**127))
    assert await pair.sides.absent_in_source([held, lost, "no uuid", held.upper()]) == [
        lost,
        "no uuid",
        held.upper(),
    ]
    pair.source.database.faults.down = True
    assert await pair.sides.absent_in_source(["no uuid"]) == ["no uuid"]


def test_without_takes_records_out():
    batch = make_batch(shape(), 4)
    assert without(batch, {5}) is batch
    assert without(batch, {-37, -34}).ids == [-40, -31]
