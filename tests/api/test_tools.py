"""MCP: the official client lists and calls every tool, in both eras of the protocol, and over HTTP."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import apsw
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.fakes.api import KEY, slow_world, two_stores
from vectormigrate.api.commands import COMMANDS
from vectormigrate.api.plan_tokens import PlanTokens
from vectormigrate.api.tools import Tools
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.documents import Operation

ADMIN = Principal("key test", Scope.ADMIN, "mcp")
READER = Principal("key reader", Scope.READ, "mcp")


def tools(here, who=ADMIN):
    parts = here.parts
    return Tools(parts.dispatcher, parts.inherited, PlanTokens(here.clock.monotonic), lambda ctx: who)


ARGUMENTS = {"operation": "none", "action": "list", "migration_id": "none"}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_tool_is_listed_and_can_be_called(here, mode):
    async with Client(tools(here).server(), mode=mode) as client:
        listed = (await client.list_tools()).tools
        assert {tool.name for tool in listed} >= {c.name.replace("-", "_") for c in COMMANDS if c.scope}
        for tool in listed:
            wanted = tool.input_schema.get("required", ())
            given = {name: ARGUMENTS.get(name, "sqlite") for name in wanted}
            if tool.name in ("capture", "audit"):
                given["action"] = {"capture": "check", "audit": "verify"}[tool.name]
            answer = await client.call_tool(tool.name, given)
            assert answer.content, tool.name
            assert answer.is_error or answer.structured_content is not None


@asynccontextmanager
async def over_http(here, mode="auto"):
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as http,
        Client(streamable_http_client(f"{here.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def test_over_http_behind_the_same_door(here):
    async with over_http(here) as client:
        assert (await client.call_tool("list", {})).structured_content["migrations"] == []
        answer = await client.call_tool("migration_status", {"migration_id": "mig-123"})
        assert answer.structured_content["status"] == "not_started"
    rows = await here.audit()
    assert {("list", "mcp"), ("status", "mcp")} <= {(row["verb"], row["way"]) for row in rows}


async def test_annotations_say_what_a_tool_does(here):
    told = {tool.name: tool.annotations for tool in tools(here).listed}
    assert told["status"].read_only_hint
    assert not told["status"].destructive_hint
    for name in ("cutover", "revert", "commit", "rollback", "abort"):
        assert told[name].destructive_hint
    assert not told["pause"].destructive_hint
    assert told["pause"].idempotent_hint
    assert not told["validate"].idempotent_hint


async def test_what_lasts_answers_with_an_operation_or_tells_of_its_progress(here, tmp_path):
    heard = []

    async def hear(progress, total, message):
        heard.append((progress, total))

    async with over_http(here) as client:
        given = {"migration_id": "docs", **two_stores(tmp_path)}
        answer = await client.call_tool("migrate", given, progress_callback=hear)
        assert answer.structured_content["state"] == "succeeded"
        assert answer.structured_content["result"]["copied"] == 30
        assert (int(heard[-1][0]), heard[-1][1]) == (30, 30)
        answer = await client.call_tool("validate", {"migration_id": "docs"})
        begun = answer.structured_content
        assert begun["state"] == "running"
        await here.finished(begun)
        answer = await client.call_tool("operation", {"operation": begun["id"]})
        assert answer.structured_content["result"]["ok"] is True


class Looked:
    """A door behind which an operation is here, then there, and then over."""

    def __init__(self, *looks):
        self.looks = list(looks)

    async def begin(self, who, name, given):
        return Operation("1", name, given["migration_id"], who.name, "running", "")

    async def look(self, who, begun):
        done, total = self.looks.pop(0)
        return replace(begun, state="running" if self.looks else "succeeded"), done, total


async def test_progress_grows_with_every_word_and_is_never_more_than_whole(here, monkeypatch):
    """The protocol wants it so; of a collection in use more is copied than there was when it was counted."""
    monkeypatch.setattr("vectormigrate.api.tools._EVERY", 0)
    door = Looked((0, 10), (5, 10), (5, 10), (10, 10), (10, 10), (12, 10), (12, None))
    made = Tools(door, here.parts.inherited, PlanTokens(here.clock.monotonic), lambda ctx: ADMIN)
    heard = []

    async def hear(progress, total, message):
        heard.append((progress, total))

    async with Client(made.server(), mode="legacy") as client:
        answer = await client.call_tool("resume", {"migration_id": "docs"}, progress_callback=hear)
    assert answer.structured_content["state"] == "succeeded"
    numbers = [progress for progress, _ in heard]
    assert numbers == sorted(set(numbers))
    assert [int(progress) for progress in numbers] == [0, 5, 5, 10, 10, 12, 12]
    assert [total for _, total in heard] == [10] * 5 + [None] * 2


async def test_who_hears_of_progress_does_not_keep_a_daemon_from_ending(here):
    """It gets the operation, as whoever does not want to hear; the migration goes on with the next daemon."""
    async with slow_world() as given, over_http(here, "legacy") as client:
        heard = asyncio.Event()

        async def hear(progress, total, message):
            heard.set()

        asked = client.call_tool("migrate", {"migration_id": "slow", **given}, progress_callback=hear)
        answering = asyncio.create_task(asked)
        async with asyncio.timeout(20):
            await heard.wait()
            here.api.application.draining = True
            answer = await answering
        assert answer.structured_content["state"] == "running"
        await here.ask("POST", "/v1/migrations/slow/pause")


async def test_what_tools_answer_is_what_their_schemas_say(here, tmp_path):
    given = {"migration_id": "docs", **two_stores(tmp_path)}
    async with Client(tools(here).server()) as client:  # the client holds every answer against its schema

        async def call(name, **words):
            answer = await client.call_tool(name, {"migration_id": "docs", **words})
            assert not answer.is_error, answer.content[0].text
            return answer.structured_content

        assert (await call("plan", **given))["layout"]
        await here.finished(await call("migrate", **given))
        connection = apsw.Connection(str(tmp_path / "new.db"))
        connection.execute("UPDATE docs SET embedding = zeroblob(32), title = 'other' WHERE id = 3")
        connection.close()
        done = await here.finished(await call("validate", full=True))
        assert done.result["mismatched"] == 1
        assert (await call("report"))["validation"]["findings"]
        assert (await call("findings"))["findings"]
        for name in ("status", "list", "dead_letters", "events", "operations", "doctor"):
            await call(name) if name != "list" else await client.call_tool(name, {})


async def test_what_destroys_is_asked_for_twice(here, tmp_path):
    async with Client(tools(here).server()) as client:

        async def call(**given):
            answer = await client.call_tool("rollback", {"migration_id": "docs", **given})
            return answer.structured_content or answer.content[0].text

        begun = await client.call_tool("migrate", {"migration_id": "docs", **two_stores(tmp_path)})
        await here.finished(begun.structured_content)
        shown = await call(dry_run=True)
        assert shown["done"] is True
        await here.finished(shown["result"])
        planned = await call()
        assert planned["done"] is False
        assert planned["plan"]["deleted"] == 30
        token = planned["plan_token"]
        assert "stands for something else" in await call(plan_token="made up")
        done = await call(plan_token=token)
        assert (await here.finished(done["result"])).result["left"] == 0
        assert "something else" in await call(plan_token=token)  # the migration has moved
        assert (await here.ask("GET", "/v1/migrations/docs"))[1]["phase"] == "rolled_back"


async def test_errors_are_told_to_the_model(here):
    async with Client(tools(here, READER).server()) as client:
        for name, given, code in (
            ("pause", {"migration_id": "docs"}, "forbidden"),
            ("status", {"migration_id": "docs"}, "unknown_migration"),
            ("status", {}, "usage"),
            ("status", {"migration": "docs"}, "usage"),
            ("nothing", {}, "usage"),
        ):
            answer = await client.call_tool(name, given)
            assert answer.is_error
            assert f'"code":"{code}"' in answer.content[0].text


async def test_an_abort_is_shown_first_and_done_with_its_token(here, tmp_path):
    async with Client(tools(here).server()) as client:

        async def call(**given):
            answer = await client.call_tool("abort", {"migration_id": "docs", **given})
            return answer.structured_content

        begun = await client.call_tool(
            "migrate", {"migration_id": "docs", **two_stores(tmp_path), "approval": ["migrate"]}
        )
        await here.finished(begun.structured_content)
        planned = await call()
        assert (planned["done"], planned["plan"]["phase"]) == (False, "created")
        done = await call(plan_token=planned["plan_token"])
        assert (done["done"], done["result"]["phase"]) == (True, "aborted")
