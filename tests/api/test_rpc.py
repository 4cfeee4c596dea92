"""JSON-RPC to the letter of the promise: codes, statuses, batches, notifications, the lines of the predecessor's document."""

import asyncio
import base64
import json
import os

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


async def written_down(here, outcome, count):
    """So many rows of the audit that say so; they are written behind the answer."""
    async with asyncio.timeout(10):
        while len(rows := [row for row in await here.audit() if row["outcome"] == outcome]) < count:
            await asyncio.sleep(0.01)
            here.clock.advance(1)
    return rows


async def test_every_call_of_a_batch_counts_and_it_is_done_whole_or_not_at_all(tmp_path):
    async with site(tmp_path, per_minute=60.0, burst=10) as here:

        def statuses(told):
            return [one.get("error", {}).get("code", 0) for one in told]

        status, told = await post(here, [call("list_migrations", number=n) for n in range(7)])
        assert (status, statuses(told)) == (200, [0] * 7)
        begin = call("start_migration", {"migration_id": "docs", **two_stores(tmp_path)})
        answer = await here.raw(
            "POST", "/", json.dumps([begin] + [call("list_migrations")] * 3).encode(), GOOD
        )
        assert answer.status == 429
        assert json.loads(answer.body)["error"]["code"] == -32002
        assert answer.header(b"retry-after") == b"2"  # two are left of the three: the request itself was one
        here.clock.advance(2)
        status, told = await post(here, [call("migration_status", {"migration_id": "docs"})] * 4)
        assert (status, told[0]["result"]["status"]) == (200, "not_started")
        assert (await post(here, call("list_migrations")))[0] == 429
        here.clock.advance(60)
        (row,) = [one for one in await written_down(here, "429", 1) if one["verb"] == "POST /"]
    assert row["detail"] == "-32002: 4 calls: too many requests"


async def test_a_batch_that_the_limit_can_never_allow_is_refused_with_how_many_may_come(tmp_path):
    async with site(tmp_path, per_minute=60.0, burst=10) as here:
        status, told = await post(here, [call("list_migrations")] * 11)
        assert (status, told["error"]["code"]) == (400, -32600)
        assert "1 to 10 calls" in told["error"]["message"]
        basic = b"Authorization: Basic " + base64.b64encode(b"me:" + KEY.encode())
        assert (await post(here, [call("list_migrations")] * 50, basic))[0] == 200  # six times as many
        status, told = await post(here, [call("list_migrations")] * 51, basic)
        assert "1 to 50 calls" in told["error"]["message"]
        here.clock.advance(60)
        rows = await written_down(here, "400", 2)
    assert [row["detail"].split(":")[1] for row in rows] == [" 11 calls", " 51 calls"]


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


# The lines of the predecessor's documents, but for host and key.

LINES = (
    """curl -X POST http://localhost:8080 \\
  -H "Authorization: Bearer your-secret-key" \\
  -H "Content-Type: application/json" \\
  -d '{"jsonrpc":"2.0","id":1,"method":"migration_status","params":{"migration_id":"mig-123"}}'""",
    """curl -X POST http://localhost:8080 \\
  -H "Authorization: Bearer your-secret-key" \\
  -H "Content-Type: application/json" \\
  -d '{"jsonrpc":"2.0","id":2,"method":"list_migrations","params":{"limit":10}}'""",
    """curl -X POST http://localhost:8080 \\
  -H "Authorization: Bearer your-secret-key" \\
  -H "Content-Type: application/json" \\
  -d '{"jsonrpc":"2.0","id":3,"method":"schema_recommendation","params":{"source_type":"pinecone","target_type":"qdrant"}}'""",
    """curl -X POST http://localhost:8080 \\
  -H "Authorization: Bearer my-key" \\
  -H "Content-Type: application/json" \\
  -d '{
    "jsonrpc": "2.0",
    "id": 1,
    "method": "schema_recommendation",
    "params": {
      "source_type": "pinecone",
      "target_type": "weaviate",
      "source_schema": {
        "document_id": "string",
        "chunk_text": "text",
        "embedding": "vector",
        "metadata": "object"
      }
    }
  }'""",
)


async def shelled(here, line):
    """What a command line of theirs prints, with our port for theirs, and our key for the one they had made."""
    line = line.replace("localhost:8080", f"localhost:{here.address.port}")
    process = await asyncio.create_subprocess_shell(
        line.replace("curl", "curl -sS --noproxy '*'"),
        env={**os.environ, "KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
    )
    return json.loads((await process.communicate())[0])


@NEEDS_CURL
async def test_the_lines_that_everybody_knows(here):
    told = []
    for line in LINES:
        ours = line.replace("Bearer your-secret-key", "Bearer $KEY").replace("Bearer my-key", "Bearer $KEY")
        told.append(await shelled(here, ours))
    assert [(one["jsonrpc"], one["id"]) for one in told] == [("2.0", number) for number in (1, 2, 3, 1)]
    status, listed, plain, fields = (one["result"] for one in told)
    assert (status["migration_id"], status["status"]) == ("mig-123", "not_started")
    assert (listed["migrations"], listed["total"], listed["limit"], listed["offset"]) == ([], 0, 10, 0)
    assert (plain["source_type"], plain["target_type"]) == ("pinecone", "qdrant")
    assert [one["source_field"] for one in plain["field_mappings"]] == ["id", "title", "url", "content"]
    assert [one["source_field"] for one in fields["field_mappings"]] == [
        "document_id",
        "chunk_text",
        "embedding",
        "metadata",
    ]


CUSTOM = """{
    "source_type": "pinecone",
    "target_type": "weaviate",
    "source_schema": {
        "id": "string",
        "title": "string",
        "custom_field": "text"
    }
}"""
CALLED = (
    ("migration_status", '{"migration_id": "test-123"}', ("status", "not_started")),
    ("list_migrations", '{"limit": 10, "offset": 0}', ("total", 0)),
    ("list_migrations", '{"limit": 5, "offset": 10}', ("offset", 10)),
    (
        "schema_recommendation",
        '{"source_type": "pinecone", "target_type": "qdrant"}',
        ("target_type", "qdrant"),
    ),
    ("schema_recommendation", CUSTOM, ("target_type", "weaviate")),
)
"""What the script that tried its server calls, and something of each answer."""


@NEEDS_CURL
async def test_the_script_that_tried_its_server_finds_ours_as_good(here):
    for number, (method, params, (name, value)) in enumerate(CALLED, 1):
        told = await shelled(here, _call(method, params, number, "$KEY"))
        assert (told["id"], told["result"][name]) == (number, value)
    told = await shelled(here, _call("schema_recommendation", '{"target_type": "qdrant"}', 6, "$KEY"))
    assert (told["error"]["code"], "source_type" in told["error"]["message"]) == (-32602, True)
    # It wanted an error here: two stores of one kind are a move between clusters now.
    told = await shelled(
        here,
        _call("schema_recommendation", '{"source_type": "pinecone", "target_type": "pinecone"}', 7, "$KEY"),
    )
    assert told["result"]["overall_confidence"] > 0.9
    told = await shelled(here, _call("migration_status", "{}", 8, "wrong-key"))
    assert told["error"]["code"] == -32001


def _call(method, params, number, key):
    return f"""curl -s -X POST "http://localhost:8080" \\
        -H "Authorization: Bearer {key}" \\
        -H "Content-Type: application/json" \\
        -d '{{"jsonrpc": "2.0", "id": {number}, "method": "{method}", "params": {params}}}'"""


async def test_calls_that_come_to_no_tool_are_written_down_too(here):
    good = {"jsonrpc": "2.0", "id": 1, "method": "list_migrations"}
    for sent in (
        {**good, "method": "steal"},
        {**good, "params": []},
        {**good, "params": {"limit": "x"}},
        {"id": 1},
        [{**good, "method": "steal"}, good],
        {"jsonrpc": "2.0", "method": "steal"},
        good,
    ):
        await here.ask("POST", "/", sent)
    await here.raw("POST", "/", b"{", b"Authorization: Bearer " + KEY.encode())

    async def told():
        rows = [row for row in await here.audit() if row["verb"] == "POST /"]
        return [(row["outcome"], row["detail"].partition(":")[0]) for row in rows]

    async with asyncio.timeout(10):  # the row comes behind the answer
        while len(await told()) < 7:
            await asyncio.sleep(0.01)
    assert await told() == [
        ("400", "-32601"),
        ("400", "-32602"),
        ("400", "-32602"),
        ("400", "-32600"),
        ("ok", "-32601"),
        ("ok", "-32601"),
        ("400", "-32700"),
    ]
