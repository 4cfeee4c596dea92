import asyncio
import weakref
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from vectormigrate.engine.validate import fullscan
from vectormigrate.engine.validate.fullscan import Method, RangeResult, combine, compare_range, plan_spans
from vectormigrate.model.collection import (
    Element,
    Field,
    FieldType,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
)
from vectormigrate.model.errors import StoreBroken, Unreachable
from vectormigrate.model.finding import FindingKind
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.record import id_text
from vectormigrate.stores.base import Page, Range
from vectormigrate.stores.memory import CAPABILITIES, MemoryStore

from .pairs import SOURCE, TARGET, make_batch, make_ids, make_pair, make_payload, shape

HASHED = replace(CAPABILITIES, key_order=frozenset({KeyOrder.OTHER}))
TEXT_ONLY = replace(CAPABILITIES, id_kinds=frozenset({IdKind.TEXT}))
UUIDS_ONLY = replace(CAPABILITIES, id_kinds=frozenset({IdKind.UUID}))


def kinds(pair):
    return sorted((finding.kind, finding.id) for finding in pair.findings)


def clean(totals):
    tally = totals.tally
    return (tally.missing, tally.extra, tally.mismatched, tally.finding_count, totals.doubts) == (
        0,
        0,
        0,
        0,
        (),
    )


# D.4: planted corruptions. Each takes the pair and says which findings must come of it.


async def missing(pair):
    await pair.target.delete(TARGET, [71])
    return [(FindingKind.MISSING, "i:71")]


async def extra(pair):
    record = await pair.target_record(71)
    await pair.put(replace(record, id=72))
    return [(FindingKind.EXTRA, "i:72")]


async def stale_by_one_version(pair):
    await pair.source.patch(SOURCE, [71], {"title": "second version"})
    return [(FindingKind.PAYLOAD, "i:71")]


async def field_dropped(pair):
    payload = make_payload(37)
    del payload["gone"]
    await pair.change(71, payload=payload)
    return [(FindingKind.PAYLOAD, "i:71")]


async def integer_became_float(pair):
    await pair.change(71, payload={**make_payload(37), "n": 1.0})
    return [(FindingKind.PAYLOAD, "i:71")]


async def integer_became_text(pair):
    await pair.change(71, payload={**make_payload(37), "n": "1"})
    return [(FindingKind.PAYLOAD, "i:71")]


async def vector_of_the_neighbour(pair):
    await pair.change(71, dense=(await pair.target_record(74)).dense)
    return [(FindingKind.VECTOR, "i:71")]


async def one_bit_flipped(pair):
    vector = np.array((await pair.target_record(71)).dense["v"])
    vector.view(np.uint32)[5] ^= 1
    await pair.change(71, dense={"v": vector})
    return [(FindingKind.VECTOR, "i:71")]


async def scaled_by_ten(pair):
    await pair.change(71, dense={"v": (await pair.target_record(71)).dense["v"] * np.float32(10)})
    return [(FindingKind.VECTOR, "i:71")]


async def truncated_precision(pair):
    vector = (await pair.target_record(71)).dense["v"]
    await pair.change(71, dense={"v": vector.astype(np.float16).astype(np.float32)})
    return [(FindingKind.VECTOR, "i:71")]


async def two_ids_swapped(pair):
    one, other = await pair.target_record(71), await pair.target_record(101)
    await pair.put(replace(one, id=101))
    await pair.put(replace(other, id=71))
    return [(kind, name) for kind in (FindingKind.PAYLOAD, FindingKind.VECTOR) for name in ("i:101", "i:71")]


async def wrong_partition(pair):
    await pair.change(71, partition="red")
    return [(FindingKind.PARTITION, "i:71")]


CORRUPTIONS = [
    missing,
    extra,
    stale_by_one_version,
    field_dropped,
    integer_became_float,
    integer_became_text,
    vector_of_the_neighbour,
    one_bit_flipped,
    scaled_by_ten,
    truncated_precision,
    two_ids_swapped,
    wrong_partition,
]


@pytest.mark.parametrize("capabilities", [CAPABILITIES, HASHED], ids=["merge", "lookup"])
@pytest.mark.parametrize("corrupt", CORRUPTIONS)
async def test_a_full_scan_finds_every_planted_corruption_and_nothing_else(corrupt, capabilities):
    pair = await make_pair(shape(partitions=("red", "blue")), capabilities=capabilities)
    assert clean(await pair.scan())
    planted = await corrupt(pair)
    totals = await pair.scan()
    assert kinds(pair) == sorted(planted)
    counted = Counter(kind for kind, _ in planted)
    tally = totals.tally
    assert tally.missing == counted.pop(FindingKind.MISSING, 0)
    assert tally.extra == counted.pop(FindingKind.EXTRA, 0)
    assert tally.mismatched == max(counted.values(), default=0)
    assert tally.finding_count == len(planted)
    assert totals.doubts == ()


# No false finding on a healthy pair, whatever the mapping does to it.


def normalising(batch):
    """What a store does that keeps vectors at length one, but for very short ones, in another order of summing than ours."""
    column = batch.vectors["v"]
    squares = (column.values.astype(np.float64) ** 2).sum(axis=1, keepdims=True)
    lengths = np.sqrt(np.where(squares < np.finfo(np.float32).eps, 1, squares))
    values = (column.values / lengths).astype(column.values.dtype)
    return replace(batch, vectors={"v": replace(column, values=values)})


COSINE = shape(vectors=(VectorField("v", dim=16, metric=Metric.COSINE),))
NORMALISES = replace(CAPABILITIES, normalises_cosine=True)
HALVES = replace(CAPABILITIES, elements=frozenset({Element.FLOAT16}))
TYPED = shape(
    dynamic=False,
    fields=(
        Field("title", FieldType.TEXT),
        Field("n", FieldType.INT),
        Field("price", FieldType.DECIMAL),
        Field("seen", FieldType.DATETIME),
        Field("tags", FieldType.JSON),
        Field("gone", FieldType.TEXT),
    ),
)
FEW_TYPES = replace(CAPABILITIES, field_types=frozenset({FieldType.TEXT, FieldType.INT}), dynamic=False)


@pytest.mark.parametrize(
    ("made", "how"),
    [
        (shape(), {}),
        (shape(IdKind.TEXT), {}),
        (shape(IdKind.UUID), {}),
        (shape(IdKind.COMPOUND), {}),
        (shape(IdKind.UUID), {"capabilities": TEXT_ONLY}),
        (shape(IdKind.INT), {"capabilities": TEXT_ONLY}),
        (shape(IdKind.COMPOUND), {"capabilities": TEXT_ONLY}),
        (shape(IdKind.TEXT), {"capabilities": HASHED}),
        (shape(IdKind.TEXT), {"source_capabilities": HASHED, "capabilities": HASHED}),
        (COSINE, {"capabilities": NORMALISES, "stored": normalising}),
        (TYPED, {"capabilities": FEW_TYPES}),
        (TYPED, {"options": MappingOptions(rename={"title": "name"}, drop=("n",))}),
        (
            shape(vectors=(VectorField("v", element=Element.FLOAT16, dim=16),)),
            {"capabilities": replace(CAPABILITIES, elements=frozenset({Element.FLOAT32}))},
        ),
        (shape(vectors=(VectorField("v", element=Element.INT8, dim=16),)), {}),
        (shape(vectors=()), {}),
    ],
)
async def test_no_finding_on_a_healthy_pair(made, how):
    pair = await make_pair(made, **how)
    totals = await pair.scan()
    assert pair.findings == []
    assert clean(totals)
    assert totals.tally.source_count == totals.tally.target_count == totals.tally.compared == 200
    assert totals.tally.source_digest == totals.tally.target_digest != 0
    assert pair.progressed == 200


async def test_a_normalising_target_is_expected_and_still_watched():
    batch = make_batch(COSINE, 50)
    batch.vectors["v"].values[7] = 0
    batch.vectors["v"].values[8] *= 1e25
    batch.vectors["v"].values[9] *= 1e-25
    pair = await make_pair(COSINE, batch, capabilities=NORMALISES, stored=normalising)
    totals = await pair.scan()
    assert clean(totals)
    assert 0 < totals.tally.bit_equal < 50
    assert totals.tally.min_cosine > 0.999999

    normal = (await pair.target_record(-40)).dense["v"]
    await pair.change(-40, dense={"v": normal.astype(np.float16).astype(np.float32)})
    await pair.change(-37, dense={"v": (await pair.target_record(-37)).dense["v"] * np.float32(10)})
    await pair.change(-19, dense={"v": normal})
    await pair.scan()
    assert kinds(pair) == [(FindingKind.VECTOR, name) for name in ("i:-19", "i:-37", "i:-40")]


# Reading.


@pytest.mark.parametrize(
    ("kind", "capabilities", "methods"),
    [
        (IdKind.INT, CAPABILITIES, {Method.MERGE}),
        (IdKind.TEXT, CAPABILITIES, {Method.MERGE}),
        (IdKind.UUID, CAPABILITIES, {Method.MERGE}),
        (IdKind.UUID, TEXT_ONLY, {Method.MERGE}),
        (IdKind.INT, UUIDS_ONLY, {Method.MERGE}),
        (IdKind.INT, TEXT_ONLY, {Method.FORWARD, Method.REVERSE}),
        (IdKind.COMPOUND, CAPABILITIES, {Method.FORWARD, Method.REVERSE}),
        (IdKind.INT, HASHED, {Method.FORWARD, Method.REVERSE}),
    ],
)
async def test_scans_are_merged_only_where_the_order_is_the_same(kind, capabilities, methods):
    pair = await make_pair(shape(kind), capabilities=capabilities)
    assert {span.method for span in await plan_spans(pair.sides, 4)} == methods
    totals = await pair.scan()
    assert clean(totals)
    assert totals.tally.compared == 200


async def test_ranges_given_are_used_and_carried_to_the_target():
    pair = await make_pair(shape(IdKind.UUID), capabilities=TEXT_ONLY)
    middle = id_text(sorted(make_ids(IdKind.UUID, 200))[99])
    spans = await plan_spans(pair.sides, 9, [Range(None, middle), Range(middle, None)])
    assert [(span.target.lower, span.target.upper) for span in spans] == [
        (None, "s:" + middle[2:]),
        ("s:" + middle[2:], None),
    ]
    for span in spans:
        assert (await compare_range(pair.sides, span, pair.sink)).tally.compared == 100


async def test_scans_of_different_length_and_empty_sides():
    pair = await make_pair()
    ids = make_ids(IdKind.INT, 200)
    await pair.target.delete(TARGET, ids[120:])
    totals = await pair.scan()
    assert (totals.tally.missing, totals.tally.compared) == (80, 120)
    await pair.source.delete(SOURCE, ids)
    totals = await pair.scan()
    assert (totals.tally.extra, totals.tally.compared, totals.tally.source_count) == (120, 0, 0)
    await pair.target.delete(TARGET, ids)
    assert clean(await pair.scan())


async def test_both_sides_are_read_at_the_same_time():
    pair = await make_pair(count=100)
    together = asyncio.Barrier(2)

    def meeting(scan):
        async def watched(*args, **how):
            # Neither side goes on before the other has come this far too.
            await together.wait()
            async for page in scan(*args, **how):
                yield page

        return watched

    pair.source.scan, pair.target.scan = meeting(pair.source.scan), meeting(pair.target.scan)
    async with asyncio.timeout(10):
        assert clean(await pair.scan(parts=2))


class Weighing(MemoryStore):
    """Knows how many of the records that it gave are still held by anybody."""

    held = 0
    most = 0

    async def scan(self, collection, span, **how):
        async for page in super().scan(collection, span, **how):
            if page.batch.vectors:
                vectors = page.batch.vectors["v"].values
                Weighing.held += len(vectors)
                Weighing.most = max(Weighing.most, Weighing.held)
                weakref.finalize(vectors, self._let_go, len(vectors))
                del vectors
            yield page

    @staticmethod
    def _let_go(count):
        Weighing.held -= count


@pytest.mark.parametrize("capabilities", [CAPABILITIES, replace(CAPABILITIES, key_order=frozenset())])
async def test_memory_is_bounded_by_pages(capabilities, monkeypatch):
    page = 50
    monkeypatch.setattr(fullscan, "LOOKUP_PAGE", page)
    pair = await make_pair(count=4_000, page=page, store=Weighing, capabilities=capabilities)
    Weighing.held = Weighing.most = 0
    assert clean(await pair.scan(parts=1))
    # Of each side one being read, one waiting, one at work, and one that a thread has not let go of yet.
    assert page < Weighing.most <= 2 * 5 * page


@pytest.mark.parametrize("capabilities", [CAPABILITIES, HASHED], ids=["merge", "lookup"])
async def test_pages_of_long_vectors_are_small(capabilities, monkeypatch):
    monkeypatch.setattr(fullscan, "PAGE_BYTES", 10 * 16 * 4)
    pair = await make_pair(capabilities=capabilities)
    limits = []

    def watch(store):
        scan = store.scan

        def watched(*args, limit, **how):
            limits.append(limit)
            return scan(*args, limit=limit, **how)

        return watched

    pair.source.scan = watch(pair.source)
    assert clean(await pair.scan(parts=1))
    assert limits == [10]


# Trouble.


@pytest.mark.parametrize("capabilities", [CAPABILITIES, HASHED], ids=["merge", "lookup"])
async def test_foreign_records_are_neither_extra_nor_compared(capabilities):
    pair = await make_pair(capabilities=capabilities)
    stranger = replace(await pair.target_record(71), id=72)
    await pair.put(stranger)
    await pair.change(-40, payload={"theirs": True})

    async def foreign(ids):
        return {72, -40} & set(ids)

    pair.sides = replace(pair.sides, foreign=foreign)
    totals = await pair.scan()
    tally = totals.tally
    assert pair.findings == []
    assert (tally.foreign, tally.skipped, tally.source_count, tally.target_count) == (2, 1, 200, 199)
    assert tally.source_digest == tally.target_digest
    assert totals.doubts == ()


async def test_records_that_cannot_be_mapped_are_missing_with_the_reason():
    made = shape(IdKind.TEXT)
    narrow = replace(CAPABILITIES, max_id_bytes=12)
    pair = await make_pair(made, capabilities=narrow)
    long = "an id that is too long" + "x" * 300
    await pair.source.upsert(SOURCE, make_batch(made, 1).with_ids([long]))
    totals = await pair.scan()
    assert kinds(pair) == [(FindingKind.MISSING, "s:" + long)]
    assert "322 bytes" in pair.findings[0].detail
    assert (totals.tally.missing, totals.tally.source_count, totals.doubts) == (1, 201, ())
    assert totals.tally.findings == pair.findings


class Hiding(MemoryStore):
    """A tenth of the records is not found by id, and a scan may end early: a shard is away."""

    hides = False

    async def fetch(self, collection, ids, **how):
        ids = [record_id for row, record_id in enumerate(ids) if not (self.hides and row % 10 == 0)]
        return await super().fetch(collection, ids, **how)

    async def scan(self, collection, span, **how):
        async for page in super().scan(collection, span, **how):
            if self.hides:
                return
            yield page


async def test_a_target_that_hides_records_is_not_believed():
    pair = await make_pair(store=Hiding)
    pair.target.hides = True
    totals = await pair.scan()
    assert totals.tally.missing == 200
    assert totals.doubts == ("the target counts 200 records and its scan gave 0",)


async def test_look_ups_that_miss_what_the_scan_gives_are_not_believed():
    class HidingById(Hiding):
        scan = MemoryStore.scan

    pair = await make_pair(store=HidingById, capabilities=HASHED)
    pair.target.hides = True
    totals = await pair.scan(parts=1)
    assert totals.tally.missing == 20
    assert totals.doubts == ("the target's scan gave 200 records of ours, look-ups by id met 180",)


@pytest.mark.parametrize("capabilities", [CAPABILITIES, HASHED], ids=["merge", "lookup"])
@pytest.mark.parametrize("side", ["source", "target"])
async def test_an_error_of_a_store_comes_out_as_it_is(side, capabilities):
    pair = await make_pair(capabilities=capabilities)
    spans = await plan_spans(pair.sides, 1)
    getattr(pair, side).database.faults.down = True
    for span in spans:
        with pytest.raises(Unreachable):
            await compare_range(pair.sides, span, pair.sink)


async def test_a_scan_out_of_order_is_refused_rather_than_believed():
    class Shuffling(MemoryStore):
        async def scan(self, collection, span, **how):
            async for page in super().scan(collection, span, **how):
                rows = list(range(len(page.batch)))[::-1]
                yield Page(page.batch.take(rows), page.cursor)

    pair = await make_pair(store=Shuffling)
    with pytest.raises(StoreBroken, match="out of order"):
        await pair.scan()


async def test_ranges_are_summarised_with_digests():
    pair = await make_pair()
    totals = await pair.scan(parts=3)
    assert len(totals.ranges) == 3
    assert sum(line["source_count"] for line in totals.ranges) == 200
    assert all(line["source_digest"] == line["target_digest"] for line in totals.ranges)
    assert len({line["source_digest"] for line in totals.ranges}) == 3
    await pair.target.delete(TARGET, [-40])
    first = (await pair.scan(parts=3)).ranges[0]
    assert first["source_digest"] != first["target_digest"]


async def test_a_source_that_counts_more_than_it_shows_is_not_believed():
    pair = await make_pair()
    spans = await plan_spans(pair.sides, 1)
    results = [await compare_range(pair.sides, span, pair.sink) for span in spans]
    assert isinstance(results[0], RangeResult)
    assert combine(results, 201, 200).doubts == ("the source counts 201 records and its scan gave 200",)
