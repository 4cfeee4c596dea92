"""A report as it leaves the house, of a migration that was made."""

import pytest

from tests.fakes.api import site, two_stores
from tests.fakes.reports import BEGAN
from vectormigrate.daemon.notary import Notary, check
from vectormigrate.daemon.report import from_json
from vectormigrate.daemon.report.composing import composed
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import UnknownMigration


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
