import json
from dataclasses import fields

import numpy as np
import pytest

from vectormigrate.engine.validate.compare import WORST, Comparison
from vectormigrate.engine.validate.tally import EDGES, SHOWN, Tally, digest
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.status import WorstPair


def comparison(*cosines, bit_equal=0, ratios=()):
    worst = [WorstPair(f"i:{row}", "v", cosine, 1.0, False) for row, cosine in enumerate(sorted(cosines))]
    return Comparison(
        10,
        1,
        bit_equal + len(cosines),
        bit_equal,
        [],
        np.array(cosines, float),
        np.array(ratios, float),
        worst[:WORST],
    )


def finding(number):
    return Finding(FindingKind.MISSING, f"i:{number}")


def test_every_pair_is_in_one_bin():
    tally = Tally()
    tally.add(comparison(-1.0, -0.5, 0.98, 0.9999995, 1.0, bit_equal=7))
    bins = {low: count for low, _, count in tally.bins()}
    assert (bins[-1.0], bins[0.98], bins[0.999999]) == (2, 1, 9)
    assert sum(tally.histogram) == tally.pairs == 12
    assert [low for low, _, _ in tally.bins()] == list(EDGES[:-1])
    assert tally.mean_cosine == pytest.approx((7 - 1 - 0.5 + 0.98 + 0.9999995 + 1) / 12)


def test_extremes_count_equal_bits_as_one():
    tally = Tally()
    assert (tally.min_cosine, tally.mean_cosine) == (None, None)
    tally.add(comparison(bit_equal=3))
    assert (tally.min_cosine, tally.min_norm_ratio, tally.max_norm_ratio) == (1.0, 1.0, 1.0)
    tally.add(comparison(0.9, 0.5, ratios=(10.0, 3.0)))
    assert (tally.min_cosine, tally.min_norm_ratio, tally.max_norm_ratio) == (0.5, 1.0, 10.0)


def test_merging_is_the_same_as_having_seen_it_all():
    one, other, both = Tally(), Tally(), Tally()
    for parts, cosines in ((one, (0.1, 0.99)), (other, (0.5, 1.0))):
        for tally in (parts, both):
            tally.add(comparison(*cosines, bit_equal=5, ratios=(cosines[0], 2.0)))
            tally.note([finding(number) for number in range(80)])
            tally.missing += 80
            tally.extra += 1
            tally.foreign += 2
            tally.skipped += 3
            tally.source_count += 100
            tally.target_count += 21
    one.source_digest, other.source_digest = 2**64 - 1, 5
    one.merge(other)
    assert one.source_digest == 4
    one.source_digest = 0
    assert one == both
    assert (len(one.findings), one.finding_count, one.missing) == (SHOWN, 160, 160)


def test_what_is_not_copied_yet_is_no_more_missing():
    tally = Tally(missing=5)
    tally.note([finding(number) for number in range(5)])
    tally.postpone(3, lambda found: found[:2])
    assert (tally.missing, tally.uncopied, tally.finding_count) == (2, 3, 2)
    assert tally.findings == [finding(0), finding(1)]


def test_no_count_is_forgotten_in_a_merge():
    one, other = Tally(), Tally()
    for each in fields(Tally):
        if isinstance(getattr(other, each.name), int | float):
            setattr(other, each.name, 3)
    other.min_cosine = other.min_norm_ratio = other.max_norm_ratio = 0.5
    one.merge(other)
    assert one == other


def test_only_the_worst_pairs_are_carried():
    tally = Tally()
    for low in (0.9, 0.1, 0.5):
        tally.add(comparison(*(low + row / 1000 for row in range(WORST))))
    assert [pair.cosine for pair in tally.worst] == pytest.approx([0.1 + row / 1000 for row in range(WORST)])


def test_a_tally_travels_as_json():
    tally = Tally()
    tally.add(comparison(0.5, bit_equal=2, ratios=(2.0,)))
    tally.note([Finding(FindingKind.VECTOR, "s:ä", "why", 0.5, None)])
    tally.source_digest = 2**64 - 1
    assert Tally.from_dict(json.loads(json.dumps(tally.as_dict()))) == tally


def test_the_digest_is_of_the_set():
    assert digest([1, 2, 3]) == digest([3, 1, 2]) == (digest([1]) + digest([2, 3])) % 2**64
    assert len({digest([1]), digest(["1"]), digest([2]), digest([]), digest([1, 1])}) == 5


def test_what_was_being_written_says_nothing():
    tally = Tally()
    tally.add(comparison(0.1, 0.98, 0.9995, bit_equal=1))
    assert tally.without({"i:9"}) is tally
    left = tally.without({"i:0"})
    assert (left.min_cosine, left.pairs, left.measured) == (0.98, 3, 2)
    assert left.mean_cosine == pytest.approx((1 + 0.98 + 0.9995) / 3)
    assert sum(left.histogram) == 3
    assert [pair.id for pair in left.worst] == ["i:1", "i:2"]
    assert left.without({"i:1", "i:2"}).min_cosine == 1.0
    many = Tally()
    many.add(comparison(*[number / 100 for number in range(WORST + 5)]))
    assert many.without({f"i:{row}" for row in range(WORST)}).min_cosine is None
