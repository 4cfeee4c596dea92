"""JSON-RPC to the letter of the promise: codes, statuses, batches, notifications, the lines of the predecessor's document."""

import asyncio
import json

from tests.fakes.api import KEY, NEEDS_CURL, site, two_stores

GOOD = b"Authorization: Bearer " + KEY.encode()


async def post(here, body, *headers):
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await here.raw("POST", "/", sent, *(headers or (GOOD,)))
    return answer.status, json.loads(answer.body or b"null")


def call(method, params=None, number=1):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}


async def test_conditions_and_their_codes(here):
    for body, status, code in (
        (b"{", 400, -32700),
        (b"\xff\xff", 400, -32700),
        (b"", 400, -32700),
        ([], 400, -32600),
        (1, 400, -32600),
        ({}, 400, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "list_migrations"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": {}, "method": "list_migrations"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, 400, -32600),
        (call("nothing"), 400, -32601),
        (call("migration_status"), 400, -32602),
        (call("migration_status", {"migration_id": ["a"]}), 400, -32602),
        (call("migration_status", {"id": "a"}), 400, -32602),
        (call("list_migrations", {"limit": 501}), 400, -32602),
        (call("list_migrations", {"limit": 0}), 400, -32602),
        (call("list_migrations", {"limit": "many"}), 400, -32602),
        (call("list_migrations", {"sort_by": "size"}), 400, -32602),
        ({**call("list_migrations"), "params": [1]}, 400, -32602),
        (call("schema_recommendation", {"source_type": "pinecone"}), 400, -32602),
        (call("schema_recommendation", {"source_type": "pinecone", "target_type": "oracle"}), 400, -32602),
        (call("validate_migration", {"sample_size": 5}), 400, -32602),
    ):
        answered, told = await post(here, body)
        assert (body, answered, told["error"]["code"]) == (body, status, code)
        assert told["jsonrpc"] == "2.0"
        assert "id" in told


async def test_who_may_not_ask_is_told_in_the_same_words(tmp_path):
    async with site(tmp_path, per_minute=60.0, burst=5) as here:
        assert await post(here, call("list_migrations"), b"X: 1") == (
            401,
            _refused(-32000, "a key is needed"),
        )
        wrong = b"Authorization: Bearer wrong"
        assert (await post(here, call("list_migrations"), wrong))[0] == 403
        assert (await post(here, call("list_migrations"), wrong))[1]["error"]["code"] == -32001
        for _ in range(3):
            answer = await here.raw("POST", "/", json.dumps(call("list_migrations")).encode(), wrong)
        assert answer.status == 429
        assert answer.header(b"retry-after") is not None
        assert json.loads(answer.body)["error"]["code"] == -32002
        assert answer.header(b"content-type") == b"application/json"


def _refused(code, message):
    data = {"code": "unauthorized", "message": message, "retryable": False}
    data["hint"] = "send it as: Authorization: Bearer KEY"
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message, "data": data}}


async def test_a_scope_that_is_too_low_is_told(here):
    key = await here.key("read")
    assert (await here.rpc("list_migrations", key=key))[0] == 200
    status, told = await here.rpc("start_migration", {"migration_id": "x"}, key=key)
    assert (status, told["error"]["code"]) == (403, -32001)


async def test_batches_and_notifications(here):
    note = {"jsonrpc": "2.0", "method": "list_migrations"}
    assert await post(here, note) == (204, None)
    assert await post(here, [note, note]) == (204, None)
    assert await post(here, {**note, "method": "nothing"}) == (204, None)
    status, told = await post(
        here, [call("list_migrations", number="a"), note, 1, call("nothing", number=None)]
    )
    assert status == 200
    assert [one["id"] for one in told] == ["a", None, None]
    assert [one.get("error", {}).get("code") for one in told] == [None, -32600, -32601]
    assert (await post(here, [note] * 51))[0] == 400


async def test_the_way_of_a_migration(here, tmp_path):
    status, told = await here.rpc("migration_status", {"migration_id": "docs"})
    assert (status, told["result"]) == (
        200,
        {
            "migration_id": "docs",
            "status": "not_started",
            "progress": {"total_records": 0, "migrated_records": 0, "percentage": 0.0},
            "batches_processed": 0,
            "started_at": None,
            "ended_at": None,
        },
    )
    _, told = await here.rpc(
        "start_migration", {"migration_id": "docs", **two_stores(tmp_path), "batch_size": "7"}
    )
    assert told["result"]["state"] == "running"
    assert told["result"]["migration_id"] == "docs"
    await here.finished({"id": told["result"]["operation_id"]})
    _, told = await here.rpc("migration_status", {"migration_id": "docs"})
    found = told["result"]
    assert found["status"] == "completed"
    assert found["progress"] == {"total_records": 30, "migrated_records": 30, "percentage": 100.0}
    assert found["batches_processed"] >= 5
    assert found["started_at"].endswith(("Z", "+00:00"))
    assert found["ended_at"]
    _, told = await here.rpc("validate_migration", {"migration_id": "docs", "sample_size": "10"})
    assert (await here.finished({"id": told["result"]["operation_id"]})).result["compared"] == 10
    _, told = await here.rpc("stop_migration", {"migration_id": "docs"})
    assert (await here.finished({"id": told["result"]["operation_id"]})).error["code"] == "illegal_transition"


async def test_a_page_of_migrations(here, tmp_path):
    given = two_stores(tmp_path)
    for name in ("b", "a", "c"):
        _, told = await here.rpc(
            "start_migration", {"migration_id": name, **given, "target_url": str(tmp_path / f"{name}.db")}
        )
        await here.finished({"id": told["result"]["operation_id"]})

    async def listed(**params):
        _, told = await here.rpc("list_migrations", params)
        return [one["migration_id"] for one in told["result"]["migrations"]], told["result"]["total"]

    assert await listed() == (["c", "a", "b"], 3)
    assert await listed(sort_by="migration_id", sort_order="asc", limit="2") == (["a", "b"], 3)
    assert await listed(sort_by="migration_id", offset=1) == (["b", "a"], 3)
    assert await listed(status="failed") == ([], 0)
    assert (await listed(status="completed"))[1] == 3
    _, told = await here.rpc("list_migrations", {"limit": 1})
    (line,) = told["result"]["migrations"]
    assert set(line) == {"migration_id", "status", "created_at", "progress"}
    assert line["progress"] == {"total": 30, "current": 30, "percent": 100.0}


async def test_a_recommendation(here):
    _, told = await here.rpc("schema_recommendation", {"source_type": "pinecone", "target_type": "qdrant"})
    found = told["result"]
    assert set(found) == {"source_type", "target_type", "field_mappings", "overall_confidence", "warnings"}
    assert {one["source_field"]: one["confidence"] for one in found["field_mappings"]}["title"] == 0.95


# The lines of the predecessor's document, but for host and key.

LINES = (
    """{"jsonrpc":"2.0","id":1,"method":"migration_status","params":{"migration_id":"mig-123"}}""",
    """{"jsonrpc":"2.0","id":2,"method":"list_migrations","params":{"limit":10}}""",
    """{"jsonrpc":"2.0","id":3,"method":"schema_recommendation","params":{"source_type":"pinecone","target_type":"qdrant"}}""",
)


@NEEDS_CURL
async def test_the_lines_that_everybody_knows(here):
    for number, line in enumerate(LINES, 1):
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sS", "--noproxy", "*", "-X", "POST", f"http://127.0.0.1:{here.address.port}"),
            *("-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json", "-d", line),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        told = json.loads(out)
        assert (told["jsonrpc"], told["id"]) == ("2.0", number)
        assert told["result"]
