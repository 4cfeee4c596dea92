"""Snapshots of a migration of several parts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vectormigrate.model.division import Division, part_id
from vectormigrate.model.phase import Phase
from vectormigrate.model.plan import Loss, MappingOptions
from vectormigrate.model.selection import Selection, Share
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.model.status import (
    GateStatus,
    LiveStatus,
    MigrationStatus,
    PlanDocument,
    RollbackReport,
    SwapReport,
    ValidationReport,
    WorstPair,
)
from vectormigrate.model.whole import (
    gates_of,
    live_of,
    phase_of,
    place_of,
    plan_of,
    rollback_of,
    status_of,
    swap_of,
    validation_of,
)

AT = datetime(2026, 1, 2, tzinfo=UTC)
ASKED = Specification(
    "docs",
    StoreRef("sqlite", "old.db", "docs*"),
    StoreRef("qdrant", "http://q", "{name}"),
    division=Division(("docs*",)),
)


@pytest.mark.parametrize(
    ("id_", "collection", "selection", "place"),
    [
        ("docs", "docs", Selection(), ("docs", "")),
        ("docs", "docs/berlin", Selection(), ("docs/berlin", "")),
        ("docs", "docs", Selection(partitions=("a", "b")), ("docs", "a,b")),
        ("all:a~2Fb", "a/b", Selection(), ("a/b", "")),
        ("docs:berlin", "docs/berlin", Selection(), ("docs", "berlin")),
        ("docs:a~2Fb", "docs/a/b", Selection(), ("docs", "a/b")),
        (part_id("docs", "ü" * 99), f"docs/{'ü' * 99}", Selection(), ("docs", "ü" * 99)),
        ("docs:docs", "docs", Selection(share=Share("tenant", ("docs",))), ("docs", "docs")),
        ("docs:x", "docs", Selection(share=Share("tenant", ("a", "b"))), ("docs", "a,b")),
        ("docs:~rest", "docs", Selection(share=Share("tenant", ("a",), others=True)), ("docs", "~rest")),
    ],
)
def test_what_a_part_moves_is_told_from_what_it_was_asked(id_, collection, selection, place):
    asked = replace(
        ASKED,
        id=id_,
        source=replace(ASKED.source, collection=collection),
        mapping=MappingOptions(selection=selection),
        division=Division(),
    )
    assert place_of(asked) == place


def part(name, phase=Phase.VERIFIED, **more):
    counts = {
        "copied": 10,
        "batches": 2,
        "bytes": 100,
        "ranges": 3,
        "ranges_done": 2,
        "debt": 1,
        "dead_letters": 0,
    }
    values = {
        "total": 12,
        "findings": 4,
        "created_at": AT,
        "started_at": AT,
        "ended_at": AT,
        **counts,
        **more,
    }
    return MigrationStatus(f"docs:{name}", phase, None, "sqlite:a", "qdrant:a", **values)


@pytest.mark.parametrize(
    ("phases", "whole"),
    [
        ([], "created"),
        (["created", "created"], "created"),
        (["verified", "created"], "backfill"),
        (["preflight", "created"], "backfill"),
        (["backfill", "verified"], "backfill"),
        (["catch_up", "verified"], "catch_up"),
        (["verified", "verified"], "verified"),
        (["verified", "failed", "paused", "created"], "failed"),
        (["verified", "paused", "created"], "paused"),
        (["rolled_back", "rolling_back", "verified"], "rolling_back"),
        (["rolled_back", "verified"], "verified"),
        (["rolled_back", "aborted"], "rolled_back"),
    ],
)
def test_the_whole_is_where_the_least_of_its_parts_is(phases, whole):
    assert phase_of(map(Phase, phases)) == whole


def test_counts_are_sums_and_the_first_error_names_its_part():
    later = AT + timedelta(hours=1)
    parts = [part("a", ended_at=later), part("b", Phase.FAILED, error="no room"), part("c", started_at=later)]
    seen = status_of(ASKED, parts, AT, owned=False)
    assert (seen.migration_id, seen.phase, seen.source, seen.target) == (
        "docs",
        "failed",
        "sqlite:docs*",
        "qdrant:{name}",
    )
    assert (seen.total, seen.copied, seen.batches, seen.bytes) == (36, 30, 6, 300)
    assert (seen.ranges, seen.ranges_done, seen.debt, seen.findings) == (9, 6, 3, 12)
    assert (seen.started_at, seen.ended_at, seen.error) == (AT, later, "docs:b: no room")
    assert "vectormigrate resume docs" in seen.next_steps
    assert seen.parts == tuple(parts)


def test_what_is_not_known_of_a_part_is_not_known_of_the_whole():
    seen = status_of(
        ASKED, [part("a"), part("b", total=None, ended_at=None, started_at=None)], AT, owned=True
    )
    assert (seen.total, seen.ended_at, seen.started_at) == (None, None, AT)


def report(name, **more):
    values = {
        "method": "full", "started_at": AT, "seconds": 1.5, "source_count": 10, "target_count": 9, "compared": 10,
        "missing": 1, "extra": 2, "mismatched": 3, "bit_equal": 7, "threshold": 0.999, "min_cosine": 0.9,
        "mean_cosine": 0.95, "min_norm_ratio": 0.8, "max_norm_ratio": 1.2, "mismatch_rate_upper95": None, "ok": True,
        "histogram": ((0.0, 0.5, 1), (0.5, 1.0, 9)), "statement": "equal", **more,
    }  # fmt: skip
    return ValidationReport(f"docs:{name}", **values)


def test_validations_are_summed_and_hold_what_each_saw():
    one = report(
        "a", worst=(WorstPair("x", "v", 0.9, 1.0, False),), findings=({"kind": "missing", "id": "1"},)
    )
    other = report(
        "b", compared=30, mean_cosine=0.99, min_cosine=0.5, worst=(WorstPair("y", "v", 0.5, 1.0, False),)
    )
    seen = validation_of("docs", [one, other])
    assert (seen.source_count, seen.target_count, seen.compared) == (20, 18, 40)
    assert (seen.missing, seen.extra, seen.mismatched, seen.bit_equal, seen.seconds) == (2, 4, 6, 14, 3.0)
    assert (seen.min_cosine, seen.mean_cosine) == (0.5, pytest.approx(0.98))
    assert seen.histogram == ((0.0, 0.5, 2), (0.5, 1.0, 18))
    assert [pair.id for pair in seen.worst] == ["y", "x"]
    assert seen.findings == ({"part": "docs:a", "kind": "missing", "id": "1"},)
    assert (seen.ok, seen.method) == (True, "full")
    assert seen.statement == "40 records of 2 parts were compared, and no part differs"
    assert seen.parts == (one, other)


def test_one_part_that_differs_or_is_lacking_makes_the_whole_differ():
    differing = validation_of("docs", [report("a"), report("b", ok=False, method="sample", min_cosine=None)])
    assert (differing.ok, differing.method, differing.min_cosine) == (False, "sample", 0.9)
    assert differing.statement.endswith("1 of the parts differ: docs:b")
    lacking = validation_of("docs", [report("a")], ["1 parts were not compared"])
    assert not lacking.ok
    assert lacking.statement.endswith("; 1 parts were not compared")


def test_samples_of_parts_make_no_bound_of_the_whole():
    seen = validation_of("docs", [report("a", method="sample", mismatch_rate_upper95=0.01)])
    assert seen.mismatch_rate_upper95 is None
    assert "no difference was found" in seen.statement
    assert seen.parts[0].mismatch_rate_upper95 == 0.01


def test_rollbacks_are_summed():
    one = RollbackReport("docs:a", False, 5, 1, 0, 2, 1, True, 1.0, 3)
    seen = rollback_of(
        "docs", [one, replace(one, migration_id="docs:b", collection_dropped=False)], dry_run=False
    )
    assert (seen.deleted, seen.restored, seen.left, seen.foreign_kept, seen.foreign_changed) == (
        10,
        2,
        0,
        4,
        2,
    )
    assert rollback_of("docs", [one], 7, dry_run=False).left == 7
    assert (seen.collection_dropped, seen.seconds, seen.unknown_kept, len(seen.parts)) == (True, 2.0, 6, 2)


def plan(name, **more):
    values = {
        "source": "sqlite:a", "target": "qdrant:a", "source_count": 10, "target_exists": False, "target_count": 1,
        "foreign": 1, "id_rule": "same", "vectors": ({"source": "v"},), "fields": ({"source": "f"},),
        "losses": ("f is lost",), "refused": (), "ranges": 2, "workers": 2, "batches": 3, "bytes": 100, "seconds": None,
        "notes": ("a note",), "requests": 4, "target_bytes": 50, "inferred": ({"name": "k", "present": 1},),
        "layout": {"source": "raw"}, "named_losses": (Loss("field:f", "because", False),), "unanswered": ("groups",), **more,
    }  # fmt: skip
    return PlanDocument(f"docs:{name}", **values)


def test_plans_are_summed_and_what_is_alike_is_told_once():
    one, other = (
        plan("a"),
        plan("b", seconds=2.0, refused=("v: too wide",), inferred=({"name": "k", "present": 9},)),
    )
    seen = plan_of(ASKED, [one, other])
    assert (seen.source_count, seen.target_count, seen.foreign, seen.ranges, seen.workers) == (20, 2, 2, 4, 2)
    assert (seen.batches, seen.bytes, seen.seconds, seen.requests, seen.target_bytes) == (6, 200, 2.0, 8, 100)
    assert (seen.vectors, seen.fields, seen.losses) == (
        ({"source": "v"},),
        ({"source": "f"},),
        ("f is lost",),
    )
    assert (seen.notes, len(seen.named_losses), seen.id_rule) == (("a note",), 1, "same")
    assert seen.unanswered == ("groups",)
    assert seen.refused == ("docs:b: v: too wide",)
    assert seen.inferred == ({"name": "k", "present": 1},)
    assert (seen.layout, seen.parts) == ({"source": "raw"}, (one, other))


def test_what_differs_from_part_to_part_is_told_there():
    seen = plan_of(ASKED, [plan("a"), plan("b", id_rule="surrogate", layout={"source": "langchain"})])
    assert (seen.id_rule, seen.layout) == ("differs from part to part", {})


def live(name, **more):
    values = {
        "primary": "source", "reads": 0.0, "debt": 2, "lag_seconds": 1.0, "in_flight": 1, "unresolved": False, "gap": False,
        "scopes": 1, "secondary_down": "", "replays": {"copied": 3}, "shadow": {"compared": 1}, **more,
    }  # fmt: skip
    return LiveStatus(f"docs:{name}", **values)


def test_what_a_daemon_knows_of_parts_is_summed_and_says_which_part_it_is_about():
    closed = GateStatus("debt", open=False, reason="7 are owed")
    one = live("a", gates=(GateStatus("lag", open=True), closed), waiting="a while")
    other = live(
        "b", primary="target", lag_seconds=4.0, gap=True, reads=0.1, gates=(GateStatus("lag", open=True),)
    )
    seen = live_of("docs", [one, other], [GateStatus("parts", open=True)])
    assert (seen.primary, seen.debt, seen.lag_seconds, seen.in_flight, seen.scopes) == ("both", 4, 4.0, 2, 2)
    assert (seen.gap, seen.unresolved, seen.reads, seen.replays) == (True, False, 0.1, {"copied": 6})
    assert seen.gates == (
        GateStatus("lag", open=True),
        GateStatus("debt", open=False, reason="docs:a: 7 are owed"),
        GateStatus("parts", open=True),
    )
    assert (seen.waiting, seen.secondary_down, seen.parts) == ("docs:a: a while", "", (one, other))


def test_a_gate_names_a_few_of_the_parts_that_it_is_closed_for():
    closed = (GateStatus("debt", open=False),)
    [gate] = gates_of([(f"docs:{number}", closed) for number in range(8)], ())
    assert (
        gate.reason
        == "docs:0: closed; docs:1: closed; docs:2: closed; docs:3: closed; docs:4: closed; and 3 more parts"
    )


def test_a_swap_of_all_parts_held_as_long_as_the_slowest():
    reports = [SwapReport(f"docs:{held}", False, "target", True, held) for held in (3.0, 9.0)]
    seen = swap_of("docs", reports, "target")
    assert (seen.ok, seen.dry_run, seen.hold_ms, seen.primary) == (True, False, 9.0, "target")
    foreseen = swap_of(
        "docs",
        [replace(one, dry_run=True, hold_ms=None) for one in reports],
        "source",
        [GateStatus("parts", open=False)],
    )
    assert (foreseen.ok, foreseen.dry_run, foreseen.hold_ms) == (False, True, None)
