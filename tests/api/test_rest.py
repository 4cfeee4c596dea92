"""The table over REST: a migration from its beginning to its end, caching, idempotency, matches."""

import asyncio
import json

from tests.fakes.api import KEY, site, two_stores
from vectormigrate.api.commands import COMMANDS
from vectormigrate.daemon.config import Config
from vectormigrate.daemon.notary import check


async def migrated(here, tmp_path):
    status, operation = await here.ask(
        "POST", "/v1/migrations", {"migration_id": "docs", **two_stores(tmp_path)}
    )
    assert status == 202, operation
    return await here.finished(operation)


async def test_a_migration_from_its_plan_to_its_rollback(here, tmp_path):
    given = two_stores(tmp_path)
    status, plan = await here.ask("POST", "/v1/migrations/docs/plan", given)
    assert (status, plan["source_count"]) == (200, 30)
    status, operation = await here.ask("POST", "/v1/migrations", {"migration_id": "docs", **given})
    assert (status, operation["command"], operation["state"]) == (202, "migrate", "running")
    ended = await here.finished(operation)
    assert (ended.state, ended.result["phase"], ended.result["copied"]) == ("succeeded", "verified", 30)
    assert (await here.ask("GET", f"/v1/operations/{ended.id}"))[1]["result"]["copied"] == 30
    assert (await here.ask("GET", "/v1/migrations/docs/operations"))[1]["operations"][0]["id"] == ended.id
    assert [one["migration_id"] for one in (await here.ask("GET", "/v1/migrations"))[1]["migrations"]] == [
        "docs"
    ]
    assert (await here.ask("GET", "/v1/migrations?status=failed"))[1]["migrations"] == []
    _, operation = await here.ask("POST", "/v1/migrations/docs/validate", {"full": True})
    assert (await here.finished(operation)).result["ok"] is True
    report = (await here.ask("GET", "/v1/migrations/docs/report"))[1]
    assert report["validation"]["method"] == "full"
    assert check(report)  # as it comes
    verbs = [row["verb"] for row in report["history"]]
    assert "migrate" in verbs
    assert "report" not in verbs
    assert (await here.ask("GET", "/v1/migrations/docs/findings?limit=5"))[1]["findings"] == []
    assert (await here.ask("GET", "/v1/migrations/docs/dead-letters"))[1]["dead_letters"] == []
    events = (await here.ask("GET", "/v1/migrations/docs/events"))[1]["events"]
    assert [one["data"]["after"] for one in events if one["kind"] == "phase_changed"][-1] == "verified"
    _, operation = await here.ask("POST", "/v1/migrations/docs/rollback", {"dry_run": True})
    assert (await here.finished(operation)).result["deleted"] == 30
    _, operation = await here.ask("POST", "/v1/migrations/docs/rollback")
    assert (await here.finished(operation)).result["left"] == 0
    assert (await here.ask("GET", "/v1/migrations/docs"))[1]["phase"] == "rolled_back"


async def test_a_report_is_a_page_for_people_too(here, tmp_path):
    await migrated(here, tmp_path)
    url, key = "/v1/migrations/{}/report.html", await here.key("read")
    page = await here.raw("GET", url.format("docs"), b"", b"Authorization: Bearer " + key.encode())
    assert (page.status, page.header(b"content-type")) == (200, b"text/html; charset=utf-8")
    assert b"frame-ancestors 'none'" in page.header(b"content-security-policy")
    assert b"<title>docs: migration report</title>" in page.body
    assert (await here.ask("GET", url.format("none")))[0] == 404
    assert (await here.audit())[-2]["verb"] == "report"


async def test_what_fails_is_told_by_its_operation(here, tmp_path):
    given = {**two_stores(tmp_path), "source_index": "nothing"}
    _, operation = await here.ask("POST", "/v1/migrations", {"migration_id": "docs", **given})
    ended = await here.finished(operation)
    assert (ended.state, ended.error["code"]) == ("failed", "collection_missing")
    assert (await here.ask("GET", "/v1/migrations"))[1]["migrations"] == []


async def test_stores_of_the_configuration_need_no_description(tmp_path):
    given = two_stores(tmp_path)
    stores = {
        name: {"kind": "sqlite", "url": given[f"{side}_url"]}
        for name, side in (("old", "source"), ("new", "target"))
    }
    named = {
        "source": "old",
        "source_index": "docs",
        "target": "new",
        "target_index": "docs",
        "quarantine": 0,
    }
    async with site(tmp_path, config=Config(stores=stores)) as here:
        key = await here.key("operate")
        status, operation = await here.ask(
            "POST", "/v1/migrations", {"migration_id": "docs", **named}, key=key
        )
        assert status == 202
        assert (await here.finished(operation)).result["phase"] == "verified"
        status, _ = await here.ask("POST", "/v1/migrations", {"migration_id": "two", **given}, key=key)
        assert status == 403


async def test_what_is_wrong_is_told_as_a_problem(here):
    for method, path, body, status, told in [
        ("GET", "/v1/migrations/none", None, 404, "there is no migration 'none'"),
        ("GET", "/v1/nothing", None, 404, "not found"),
        ("PUT", "/v1/migrations", {}, 405, "method not allowed"),
        ("GET", "/v1/migrations?limit=many", None, 400, "limit must be a whole number"),
        ("GET", "/v1/migrations?limt=5", None, 400, "did you mean limit"),
        ("GET", "/v1/operations/none", None, 400, "there is no operation"),
        ("POST", "/v1/migrations", {}, 400, "migrate needs migration_id"),
        ("POST", "/v1/migrations", [], 400, "must be a JSON object"),
        ("POST", "/v1/migrations/a/pause", {"migration_id": "b"}, 400, "something else in the body"),
        ("POST", "/v1/migrations/a/capture/burn", {}, 404, "not found"),
        ("POST", "/v1/migrations/none/cutover", {}, 404, "there is no migration 'none'"),
    ]:
        answer = await here.raw(
            method,
            path,
            b"" if body is None else json.dumps(body).encode(),
            b"Authorization: Bearer " + KEY.encode(),
            b"Content-Type: application/json",
        )
        problem = json.loads(answer.body)
        assert answer.status == problem["status"] == status
        assert answer.header(b"content-type") == b"application/problem+json"
        assert told in problem["detail"] + problem.get("hint", "")
        assert problem["type"] == f"urn:vectormigrate:error:{problem['code']}"


async def test_what_was_looked_at_need_not_be_sent_again(here):
    key = b"Authorization: Bearer " + KEY.encode()
    first = await here.raw("GET", "/v1/migrations", b"", key)
    tag = first.header(b"etag")
    for known in (tag, b"W/" + tag, b'"else", ' + tag, b"*"):
        again = await here.raw("GET", "/v1/migrations", b"", key, b"If-None-Match: " + known)
        assert (again.status, again.body, again.header(b"etag")) == (304, b"", tag), known
    other = await here.raw("GET", "/v1/migrations", b"", key, b'If-None-Match: "else"')
    assert other.status == 200


async def test_a_verb_may_be_for_the_migration_as_it_was(here, tmp_path):
    await migrated(here, tmp_path)
    key = b"Authorization: Bearer " + KEY.encode()
    tag = (await here.raw("GET", "/v1/migrations/docs", b"", key)).header(b"etag")
    moved = await here.raw("POST", "/v1/migrations/docs/rollback", b"", key, b'If-Match: "else"')
    assert moved.status == 412
    assert (
        await here.raw("POST", "/v1/migrations/docs/rollback", b"", key, b"If-Match: " + tag)
    ).status == 202


async def test_a_request_with_a_key_of_its_own_is_done_once(here, tmp_path):
    given = two_stores(tmp_path)

    async def begin(name, key=b"Idempotency-Key: one"):
        body = json.dumps({"migration_id": name, **given}).encode()
        return await here.raw(
            "POST",
            "/v1/migrations",
            body,
            b"Authorization: Bearer " + KEY.encode(),
            b"Content-Type: application/json",
            key,
        )

    first = await begin("a")
    await here.finished(json.loads(first.body))
    again = await begin("a")
    assert first.status == again.status == 202
    assert again.body == first.body
    assert again.header(b"location") == first.header(b"location")
    assert again.header(b"idempotency-replayed") == b"true"
    assert (await begin("b")).status == 422
    assert (await begin("a", b"Idempotency-Key: " + b"x" * 300)).status == 400
    assert (await begin("a", b"Idempotency-Key: two")).body != first.body
    assert len((await here.ask("GET", "/v1/operations"))[1]["operations"]) == 2
    here.clock.advance(90_000)
    assert (await begin("b")).status == 202


async def test_what_was_refused_is_looked_at_again_under_the_same_key(here, tmp_path):
    """A cutover that a gate barred was not done, and the gate may be open by now."""
    key = b"Idempotency-Key: one"
    status, _ = await here.ask("POST", "/v1/migrations/docs/rollback", {}, key)
    assert status == 404
    await migrated(here, tmp_path)
    status, _ = await here.ask("POST", "/v1/migrations/docs/rollback", {}, key)
    assert status == 202


async def test_a_key_of_ours_is_told_once_whoever_asks_again(here, tmp_path):
    """Answers to requests are kept for a day, and what opens the door is kept nowhere."""
    again = b"Idempotency-Key: one"
    _, made = await here.ask("POST", "/v1/keys", {"scope": "admin"}, again)
    key_id = made["keys"][0]["id"]
    status, problem = await here.ask("POST", "/v1/keys", {"scope": "admin"}, again)
    assert (status, key_id in problem["detail"], "keys revoke" in problem["hint"]) == (409, True, True)
    _, rotated = await here.ask("POST", f"/v1/keys/{key_id}/rotate", {}, b"Idempotency-Key: two")
    assert len((await here.ask("GET", "/v1/keys"))[1]["keys"]) == 2
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert key_id.encode() in kept
    for secret in (made["secret"], rotated["secret"]):
        assert secret.split("_", 2)[2].encode() not in kept


async def test_one_request_at_a_time_has_a_key(here):
    async with asyncio.TaskGroup() as group:
        headers = (b"Idempotency-Key: same",)
        asked = [group.create_task(here.ask("POST", "/v1/keys", {"label": "x"}, *headers)) for _ in range(8)]
    assert {one.result()[0] for one in asked} <= {200, 409}
    assert len((await here.ask("GET", "/v1/keys"))[1]["keys"]) == 1


async def test_keys_and_the_audit(here):
    _, made = await here.ask("POST", "/v1/keys", {"scope": "read", "label": "ci", "days": "1"})
    key = made["keys"][0]
    _, rotated = await here.ask("POST", f"/v1/keys/{key['id']}/rotate", {"overlap": 60})
    assert rotated["keys"][0]["scope"] == "read"
    for secret in (made["secret"], rotated["secret"]):
        assert (await here.ask("GET", "/v1/migrations", key=secret))[0] == 200
    here.clock.advance(61)
    assert (await here.ask("GET", "/v1/migrations", key=made["secret"]))[0] == 401
    await here.ask("POST", f"/v1/keys/{rotated['keys'][0]['id']}/revoke")
    assert (await here.ask("GET", "/v1/migrations", key=rotated["secret"]))[0] == 401
    status, seen = await here.ask("GET", "/v1/audit/verify")
    assert (status, seen["ok"]) == (200, True)
    assert seen["chained"] > 8


def test_every_command_that_a_daemon_does_has_a_route():
    assert [command.name for command in COMMANDS if (command.scope is None) is bool(command.routes)] == []
    routes = [(route.method, route.path) for command in COMMANDS for route in command.routes]
    assert len(routes) == len(set(routes))
