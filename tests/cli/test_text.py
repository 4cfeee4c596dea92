"""Results in words."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from tests.fakes import reports
from vectormigrate.cli import documents
from vectormigrate.cli.documents import ServeEnded, Written
from vectormigrate.cli.text import LONGEST, render
from vectormigrate.model.documents import DeadLetters, Examined, Findings, Migrations
from vectormigrate.model.phase import Phase
from vectormigrate.model.plan import Loss
from vectormigrate.model.specification import Mode
from vectormigrate.model.status import (
    CaptureReport,
    Check,
    GateStatus,
    LiveStatus,
    PlanDocument,
    RollbackReport,
    SwapReport,
)

PLAN = PlanDocument(
    migration_id="docs",
    source="sqlite:docs",
    target="milvus:docs",
    source_count=3000,
    target_exists=False,
    target_count=0,
    foreign=0,
    id_rule="same",
    vectors=(
        {"source": "v", "target": "v", "fate": "converted", "reason": "stored with length one under cosine"},
    ),
    fields=(
        {"source": "price", "target": "", "fate": "refused", "reason": "the target has no type for decimal"},
    ),
    losses=(),
    refused=("price: the target has no type for decimal",),
    ranges=1,
    workers=2,
    batches=30,
    bytes=1_500_000,
    seconds=150.0,
    notes=("partitions are lost",),
    checks=(Check("target disk", False, "1 GiB free", "free some"),),
)


def text(document):
    return "\n".join(render(document))


def test_a_status():
    lines = render(reports.STATUS)
    assert lines[0] == "catalogue-to-milvus: verified"
    assert "  copied   3,100 of 3,000 records in 31 batches, 5.4 MB" in lines
    assert "  ended    2026-03-01 12:00:12 UTC, after 12.5 s" in lines


LIVE = LiveStatus(
    "docs", "target", 0.1, 7, 1.25, 2, False, False, 0, "connection refused", {}, {"compared": 40, "overlap": 0.985},
    (GateStatus("debt", True), GateStatus("secondary", False, "connection refused")), "for nobody, 5 s",
)  # fmt: skip


def test_searches_of_which_none_was_compared_are_not_told():
    shadow = {"compared": 0, "left_out": 3, "overlap": None}
    assert not any("searches" in line for line in render(replace(LIVE, shadow=shadow)))


def test_a_live_status_tells_who_answers_and_what_the_other_side_lacks():
    status = replace(
        reports.STATUS, phase=Phase.REVERSED, mode=Mode.PROXIED, primary="target", attested_by="ada", debt=7
    )
    assert "  mode      proxied; the target answers the application" in render(status)
    assert "  attested  by ada" in render(status)
    assert "  debt      7 records are owed to the source" in render(status)
    told = text(replace(status, live=LIVE))
    for words in (
        "lag       1.2 s",
        "7 records are owed to the source; 2 writes under way",
        "waits     for nobody, 5 s",
        "source    does not answer: connection refused",
        "10% are answered by the source",
        "98.5% of results agree, in 40 searches",
        "gates     secondary: connection refused",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("changes", "there"),
    [
        ({"ranges": 2, "ranges_done": 1}, "copied   3,100 of 3,000 records"),
        ({}, "copied   3,100 records"),
        ({"ranges": 0, "ranges_done": 0}, ""),
    ],
)
def test_of_a_collection_in_use_the_first_number_is_told_while_it_is_copied(changes, there):
    given = replace(reports.STATUS, mode=Mode.PROXIED, **changes)
    told = text(given)
    assert there in told
    assert ("copied" in told) == bool(there)
    share = "3,100/3,000" if "of 3,000" in there else "3,100 "
    assert share in text(Migrations([given], 1, 0))


def test_what_is_over_owes_nothing():
    given = replace(reports.STATUS, mode=Mode.PROXIED, debt=1)
    assert "1 record is owed to the target" in text(given)
    assert "owed" not in text(replace(given, phase=Phase.ROLLED_BACK))


def test_a_plan_says_what_is_refused_after_a_cutover():
    assert "refused after a cutover" not in text(PLAN)
    told = text(replace(PLAN, unanswered=("groups", "facets")))
    assert "refused after a cutover, because only the source can answer it:\n  groups\n  facets" in told


def test_a_plan_says_what_would_not_come_back():
    told = text(replace(PLAN, no_way_back=("'a' is left behind",), unrestored=("n: null is missing",)))
    assert "no way back: 'a' is left behind\nwould come back otherwise: n: null is missing" in told


def test_a_plan_of_a_source_that_declares_nothing():
    seen = ({"name": "title", "types": {"text": 9}}, {"name": "n", "types": {"int": 4, "float": 5}})
    vectors = ({"source": "", "target": "vector", "fate": "converted", "reason": "renamed to 'vector'"},)
    told = text(replace(PLAN, inferred=seen, vectors=vectors, id_rule="mixed_text"))
    assert "keys seen: title (text), n (int/float)" in told
    assert "(unnamed)" in told
    assert "integers and UUIDs, as their text" in told
    many = tuple({"name": f"k{number}", "types": {"text": 1}} for number in range(15))
    assert "k11 (text) and 3 more" in text(replace(PLAN, inferred=many))


def test_gates_and_swaps():
    assert render(LIVE)[0] == "docs: 1 of 2 gates are closed"
    assert render(LIVE)[-2:] == ["  open    debt", "  CLOSED  secondary: connection refused"]
    assert render(replace(LIVE, gates=()))[0] == "docs: there is no further swap"
    done = SwapReport("docs", False, "target", True, 12.4)
    assert render(done) == ["docs: the target answers the application; writes were held for 12 ms"]
    dry = replace(done, dry_run=True, primary="source", hold_ms=None)
    assert render(dry) == ["docs: dry run, nothing was changed; the target could take over now"]
    assert "the target could not take over now" in text(replace(dry, ok=False))


def test_swaps_and_gates_of_several_parts():
    parts = (
        replace(LIVE, migration_id="docs:a"),
        replace(LIVE, migration_id="docs:b", primary="source", gates=()),
    )
    told = render(replace(LIVE, primary="both", secondary_down="", parts=parts))
    assert "  primary  both answer the application, part by part" in told
    assert "  debt     7 records are owed to the secondaries; 2 writes under way" in told
    assert told[-1] == "docs:b  source   7     there is no further swap"
    done = SwapReport(
        "docs", False, "target", True, 12.4, parts=(SwapReport("docs:a", False, "target", True, 12.4),)
    )
    assert render(done)[1:] == ["", "part    primary  writes held", "docs:a  target   12 ms"]


def test_how_serving_ended():
    assert render(ServeEnded([], True)) == ["ended; everything that was under way was answered"]
    assert render(ServeEnded([], False)) == ["ended; not everything that was under way was answered"]


def test_a_status_with_trouble():
    troubled = replace(
        reports.STATUS, phase=Phase.FAILED, resume_phase=Phase.BACKFILL, debt=4, dead_letters=5, findings=6, rate=1234.5,
        eta_seconds=90.0, error="milvus went away", next_steps=("vectormigrate resume x",), ended_at=None,
    )  # fmt: skip
    told = text(troubled)
    assert told.startswith("catalogue-to-milvus: failed (was backfill)\n")
    for words in (
        "4 ids that the target still owes",
        "5 records, see dead-letters",
        "6 differences, see findings",
        "1,234 records a second, 90.0 s left",
        "milvus went away",
        "vectormigrate resume x",
    ):
        assert words in told


def test_a_plan():
    told = text(PLAN)
    for words in (
        "docs: sqlite:docs -> milvus:docs",
        "is not there yet and will be made",
        "30 batches in 1 range, 2 workers, about 1.5 MB, about 0:02:30",
        "vector  v       v       converted  stored with length one under cosine",
        "refused, so nothing would start:\n  price: the target has no type for decimal",
        "note: partitions are lost",
        "BAD  target disk: 1 GiB free\n     hint: free some",
    ):
        assert words in told
    assert "holds 7 records, 7 of them not ours" in text(
        replace(PLAN, target_exists=True, target_count=7, foreign=7)
    )


def test_a_full_scan_and_a_sample():
    full, sample = text(reports.FULL), text(reports.SAMPLE)
    assert full.startswith(f"{reports.FULL.migration_id}: {reports.FULL.statement}\n")
    assert "method     full" in full
    assert "bound" not in full
    assert "records differ, at 95 %" in sample
    assert "cosine     least" in sample
    assert "kind" in sample


def test_many_findings_name_the_command_for_the_rest():
    found = tuple({"kind": "missing", "id": f"i:{row}", "detail": ""} for row in range(11))
    assert "all of them: vectormigrate findings" in text(replace(reports.FULL, missing=11, findings=found))


def test_a_rollback_and_its_rehearsal():
    done = RollbackReport("docs", False, 3000, 2, 0, 5, 0, True, 1.5)
    assert "docs: rolled back in 1.5 s\n" in text(done)
    assert "deleted     3,000 records taken out" in text(done)
    assert "removed: the migration had made it" in text(done)
    rehearsal = text(replace(done, dry_run=True, left=3000))
    assert "would be taken out" in rehearsal
    assert "would be removed: the migration had made it" in rehearsal
    assert "nothing was changed" in rehearsal
    assert "left" in text(done)
    assert "left" not in rehearsal  # what is there by now was told as what would be taken out


def test_a_list_lines_up():
    long = replace(
        reports.STATUS, migration_id="x" * 40, total=None, created_at=reports.BEGAN + timedelta(days=1)
    )
    lines = render(Migrations([reports.STATUS, long], 50, 0))
    assert len({line.index("20") for line in lines[1:]} | {lines[0].index("created")}) == 1
    assert "3,100/3,000" in lines[1]
    assert render(Migrations([], 50, 0)) == ["no migrations"]


@pytest.mark.parametrize(
    "document",
    [
        DeadLetters("docs", [], 50, 0, would="2 would be tried"),
        CaptureReport("docs", "sqlite:docs", "install", [], [], would="2 would be tried"),
    ],
)
def test_what_a_dry_run_says_comes_first_and_with_that_nothing_was_changed(document):
    told = "\n".join(render(document)[:2])
    assert "dry run, nothing was changed" in told
    assert "2 would be tried" in told


def test_findings_and_dead_letters():
    found = Findings(
        "docs", [{"kind": "vector", "id": "s:a", "detail": "", "cosine": 0.5, "norm_ratio": None}], 50, 0
    )
    assert render(found) == ["kind    id   cosine", "vector  s:a  0.5"]
    at = "2026-11-22T16:53:33.869066+00:00"
    letters = DeadLetters(
        "docs", [{"id": "i:1", "code": "record_refused", "message": "too long", "at": at}], 50, 0
    )
    assert render(letters)[1] == "i:1  record_refused  too long  2026-11-22 16:53:33 UTC"
    assert render(Findings("docs", [], 50, 100)) == ["docs: no findings from there on"]


def test_somebody_elses_data_cannot_steer_the_terminal():
    hostile = "\x1b[2J\x07\u202e" + "y" * 500
    line = render(DeadLetters("docs", [{"id": hostile}], 50, 0))[1]
    assert line.isprintable()
    assert len(line) == LONGEST
    assert "\\x1b[2J" in line


def test_checks_and_files():
    assert render(Examined([Check("state disk", True, "9 GiB free")], True)) == [
        "ok   state disk: 9 GiB free"
    ]
    assert render(Written("docs", "Equal.", True, "r.html")) == ["docs: Equal.", "  written to r.html"]


def test_every_document_has_words():
    for name in dir(documents):
        kind = getattr(documents, name)
        if isinstance(kind, type) and kind.__module__ == documents.__name__:
            assert render.dispatch(kind) is not render.dispatch(object), name
            assert fields(kind)
    with pytest.raises(TypeError, match="no text for int"):
        render(3)


def test_a_plan_says_how_its_losses_are_accepted_and_what_it_will_take():
    plan = replace(
        PLAN,
        requests=40,
        target_bytes=3_000_000,
        named_losses=(Loss("field:a b", "no type", False), Loss("partition", "none", True)),
    )
    text = "\n".join(render(plan))
    assert "  accept with --accept 'field:a b'" in text
    assert "--accept partition" not in text
    assert "in 40 requests" in text
    assert "without its indexes" in text
    assert "without its indexes" not in "\n".join(render(PLAN))


def test_a_plan_says_when_records_are_laid_out_anew():
    told = {"source": "langchain", "target": "langchain", "moves": True}
    assert "langchain, laid out anew as langchain looks for it" in "\n".join(
        render(replace(PLAN, layout=told))
    )
    assert "laid out anew" not in "\n".join(render(replace(PLAN, layout={**told, "moves": False})))
