import asyncio

import pytest

from tests.fakes.api import KEY, two_stores
from tests.fakes.wire import raw_server
from vectormigrate.api.commands import BY_NAME
from vectormigrate.api.remote import Remote, outcome, route_for
from vectormigrate.model.documents import Operation
from vectormigrate.model.errors import (
    CollectionMissing,
    GateRefused,
    UnknownMigration,
    Unreachable,
    Unresolved,
    UsageError,
    WrongKey,
)


async def asking(here, name, /, secret=KEY, **given):
    remote = Remote(here.url + "/", secret, sleep=lambda _: None)
    return await asyncio.to_thread(remote.ask, BY_NAME[name], given)


async def test_every_kind_of_command_at_a_distance(here, tmp_path):
    given = {"migration_id": "docs", **two_stores(tmp_path)}
    assert (await asking(here, "plan", **given))["source_count"] == 30
    assert (await asking(here, "migrate", **given))["phase"] == "verified"
    assert (await asking(here, "status", migration_id="docs"))["copied"] == 30
    assert len((await asking(here, "list", limit=5))["migrations"]) == 1
    assert (await asking(here, "dead-letters", migration_id="docs"))["dead_letters"] == []
    assert (await asking(here, "validate", migration_id="docs", full=True))["ok"] is True
    made = await asking(here, "keys", action="create", label="x")
    assert (await asking(here, "keys", action="revoke", key=made["keys"][0]["id"]))["keys"][0][
        "good"
    ] is False
    assert (await asking(here, "audit", action="verify"))["ok"] is True
    assert (await asking(here, "doctor"))["checks"]
    assert (await asking(here, "events", migration_id="docs", after=1))["after"] > 1


async def test_errors_come_back_as_they_were(here, tmp_path):
    with pytest.raises(UnknownMigration, match="there is no migration 'none'"):
        await asking(here, "status", migration_id="none")
    with pytest.raises(WrongKey):
        await asking(here, "list", secret="wrong")
    with pytest.raises(CollectionMissing):
        await asking(here, "migrate", migration_id="docs", **{**two_stores(tmp_path), "source_index": "no"})


async def test_who_does_not_answer_is_told_apart():
    with pytest.raises(UsageError, match="no URL"):
        Remote("localhost:80", "")
    with pytest.raises(Unreachable, match="no daemon answers at http://127"):
        await asyncio.to_thread(Remote("http://user:secret@127.0.0.1:1", "").ask, BY_NAME["list"], {})

    async def hang_up(writer, _):
        writer.close()

    async def other(writer, _):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    for respond, told in ((hang_up, "no answer"), (other, "is this a vectormigrate")):
        async with raw_server(respond) as server:
            remote = Remote(f"http://127.0.0.1:{server.port}", "")
            with pytest.raises(Unresolved, match=told):
                await asyncio.to_thread(remote.ask, BY_NAME["list"], {})


async def test_a_change_is_sent_again_under_the_same_key():
    async def hang_up_once(writer, seen):
        if len(seen.requests) == 1:
            writer.close()
            return
        body = b'{"keys": [], "secret": ""}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async with raw_server(hang_up_once) as server:
        remote = Remote(f"http://127.0.0.1:{server.port}", "k")
        await asyncio.to_thread(remote.ask, BY_NAME["keys"], {"action": "create"})
    keys = [
        line for one in server.requests for line in one.split(b"\r\n") if line.startswith(b"Idempotency-Key")
    ]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_an_operation_comes_to_what_it_ended_with():
    assert outcome(Operation("1", "migrate", "docs", "me", "succeeded", "now", result={"a": 1})) == {"a": 1}
    error = GateRefused("not now").as_dict()
    with pytest.raises(GateRefused, match="not now"):
        outcome(Operation("1", "migrate", "docs", "me", "failed", "now", error=error))
    with pytest.raises(Unresolved, match="ended before migrate of 'docs' did"):
        outcome(Operation("1", "migrate", "docs", "me", "interrupted", "now"))


def test_the_way_to_ask_is_the_one_that_says_most():
    def path(name, **given):
        route = route_for(BY_NAME[name], given)[0]
        return f"{route.method} {route.path}"

    assert path("events") == "GET /events"
    assert path("events", migration_id="a") == "GET /migrations/{id}/events"
    assert path("dead-letters", migration_id="a", limit=5) == "GET /migrations/{id}/dead-letters"
    assert path("dead-letters", migration_id="a", retry=True) == "POST /migrations/{id}/dead-letters"
    assert path("keys", action="rotate", key="k") == "POST /keys/{key}/rotate"
    assert path("capture", action="check", migration_id="a") == "POST /migrations/{id}/capture/check"
    with pytest.raises(UsageError):
        route_for(BY_NAME["keys"], {"action": "rotate"})
