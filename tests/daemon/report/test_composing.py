"""A report as it leaves the house, of a migration that was made."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.api import site, two_stores
from tests.fakes.reports import BEGAN, FULL, STATUS
from vectormigrate.daemon.notary import Notary, check
from vectormigrate.daemon.report import from_json
from vectormigrate.daemon.report.composing import composed, together
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import UnknownMigration
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Mode
from vectormigrate.model.whole import validation_of


async def test_it_holds_what_was_asked_for_done_and_found_and_is_signed(tmp_path):
    stores = two_stores(tmp_path)
    async with site(tmp_path) as here:
        dispatcher, ada = here.parts.dispatcher, Principal("ada", Scope.ADMIN, "socket")
        begun = await dispatcher.begin(ada, "migrate", {"migration_id": "docs", **stores})
        await here.finished({"id": begun.id})
        await dispatcher.ask(ada, "status", {"migration_id": "docs"})
        with Viewer.open(tmp_path / "state.db") as viewer:
            document = composed(viewer, "docs", tmp_path / "another", BEGAN, {"status"})
            with pytest.raises(UnknownMigration):
                composed(viewer, "none", tmp_path / "none", BEGAN, {"status"})
    report = from_json(document)
    assert check(document) == check(Notary.beside(tmp_path / "another").sign({}))
    assert not (tmp_path / "none.signing-key").exists()  # nothing was signed
    assert (document["ok"], report.validation.ok, report.generated_at) == (True, True, BEGAN)
    assert report.specification.source.collection == stores["source_index"]
    assert report.versions["source"]
    done = {(row["verb"], row["actor"]) for row in report.history}
    assert ("migrate", "ada") in done
    assert "status" not in {verb for verb, _ in done}


def compared(part, minutes=0, **words):
    return replace(FULL, migration_id=part, started_at=BEGAN + timedelta(minutes=minutes), **words)


PARTS = ("all:a", "all:b")
WHOLE = replace(
    STATUS,
    migration_id="all",
    mode=Mode.PROXIED,
    parts=tuple(replace(STATUS, migration_id=part, mode=Mode.PROXIED) for part in PARTS),
)


def test_what_was_seen_of_each_part_of_a_live_migration_is_the_whole_s_though_nobody_compared_that():
    seen = {part: compared(part) for part in PARTS}
    last = together(WHOLE, None, seen.get)
    assert (last.ok, last.compared, [one.migration_id for one in last.parts]) == (True, 6000, [*PARTS])
    assert together(replace(WHOLE, mode=Mode.OFFLINE), None, seen.get) is None
    assert together(replace(WHOLE, parts=()), FULL, seen.get) is FULL


def test_a_part_that_nobody_compared_is_told_unless_it_is_over():
    seen = {PARTS[0]: compared(PARTS[0])}
    last = together(WHOLE, None, seen.get)
    assert not last.ok
    assert last.statement.endswith("1 parts were not compared")
    over = replace(WHOLE, parts=(WHOLE.parts[0], replace(WHOLE.parts[1], phase=Phase.ROLLED_BACK)))
    assert together(over, None, seen.get).ok
    assert together(WHOLE, None, {}.get) is None


def test_what_was_kept_of_the_whole_stands_until_a_part_was_compared_again():
    seen = {part: compared(part) for part in PARTS}
    kept = validation_of("all", [*seen.values()])
    assert together(WHOLE, kept, seen.get) is kept
    seen[PARTS[1]] = compared(PARTS[1], 5, ok=False, missing=1)
    assert together(WHOLE, kept, seen.get).missing == 1


def test_that_something_is_in_no_part_is_not_forgotten():
    seen = {part: compared(part) for part in PARTS}
    kept = validation_of("all", [*seen.values()], ["parts of the source are not in the migration: all:c"])
    seen[PARTS[1]] = compared(PARTS[1], 5)
    assert together(WHOLE, kept, seen.get) is kept
