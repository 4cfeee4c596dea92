"""A plan that is written, read, and begun as it stands."""

import json

import pytest

from tests.fakes.api import site, two_stores


@pytest.fixture
def planned(terminal):
    terminal.source()
    ran = terminal.run("plan", "docs", *terminal.flags(), "--rename", "title=name", "-o", "docs.plan")
    assert (ran.code, "vectormigrate apply docs.plan" in ran.err) == (0, True), ran.err
    return terminal


def test_what_was_planned_is_begun_and_goes_on_with_the_same_words(planned):
    assert planned.run("apply", "docs.plan", "--dry-run", "--json").document["source_count"] == 20
    planned.sql("old.db", "INSERT INTO docs SELECT 99, title, embedding FROM docs WHERE id = 1")
    done = planned.run("apply", "docs.plan", "--json")
    assert (done.code, done.document["phase"], done.document["copied"]) == (0, "verified", 21), done.err
    assert planned.sql("new.db", "SELECT name FROM docs WHERE id = 3") == [("title 3",)]
    assert planned.run("apply", "docs.plan").code == 0


def test_nothing_is_begun_when_the_source_has_changed(planned):
    planned.sql("old.db", "ALTER TABLE docs ADD COLUMN lang TEXT")
    ran = planned.run("apply", "docs.plan")
    assert (ran.code, "the shape of the source and the mapping changed" in ran.err) == (4, True), ran.err
    assert planned.run("status", "docs").code == 2


def test_nothing_is_begun_when_the_target_has_changed(terminal):
    terminal.source()
    terminal.run("plan", "docs", *terminal.flags(), "--existing", "skip", "-o", "docs.plan")
    terminal.source(3, "new.db")
    ran = terminal.run("apply", "docs.plan")
    assert (ran.code, "the target changed since" in ran.err) == (4, True), ran.err


def test_what_was_asked_for_is_part_of_it(planned):
    plan = json.loads((planned.directory / "docs.plan").read_text())
    plan["arguments"]["batch_size"] = 7
    (planned.directory / "docs.plan").write_text(json.dumps(plan))
    ran = planned.run("apply", "docs.plan")
    assert (ran.code, "what was asked for changed" in ran.err) == (4, True), ran.err


def test_secrets_are_not_written_and_given_again(terminal):
    terminal.source()
    written = terminal.directory / "docs.plan"
    key = ("--source-api-key", "hunter2")
    terminal.run("plan", "docs", *terminal.flags(), *key, "-o", str(written))
    assert "hunter2" not in written.read_text()
    assert "${HOME}/old.db" in written.read_text()
    assert terminal.run("apply", str(written), *key).code == 0


def test_what_is_no_plan(terminal):
    (terminal.directory / "odd").write_text('{"migration_id": "a", "digest": "x", "arguments": {"frob": 1}}')
    (terminal.directory / "none").write_text("[1]")
    (terminal.directory / "newer").write_text(
        '{"format_version": 2, "migration_id": "a", "digest": "x", "arguments": {}}'
    )
    for words, told in (
        ([], "needs FILE"),
        (["nowhere"], "cannot be read"),
        (["none"], "is no plan"),
        (["newer"], "has the form 2, and this version knows 1"),
        (["odd"], "asks for 'frob'"),
    ):
        ran = terminal.run("apply", *words)
        assert (ran.code, told in ran.err) == (2, True), ran.err


async def test_a_daemon_holds_to_it_too(tmp_path):
    async with site(tmp_path) as here:
        given = two_stores(tmp_path)
        _, plan = await here.ask("POST", "/v1/migrations/docs/plan", given)
        assert plan["arguments"] == given
        body = {"migration_id": "docs", **plan["arguments"], "batch_size": 7, "plan_digest": plan["digest"]}
        for mode in ("offline", "captured"):
            _, operation = await here.ask("POST", "/v1/migrations", {**body, "mode": mode})
            ended = await here.finished(operation)
            assert (ended.error["code"], "what was asked for" in ended.error["message"]) == (
                "gate_refused",
                True,
            )
        assert (await here.ask("GET", "/v1/migrations"))[1]["migrations"] == []
        _, operation = await here.ask("POST", "/v1/migrations", {**body, "batch_size": 100})
        assert (await here.finished(operation)).state == "succeeded"
