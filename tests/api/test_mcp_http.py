"""MCP at its address: only behind the door, without sessions, in every revision of the protocol; the tools are tried in
`test_tools.py`.
"""

import json

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION

from tests.fakes.api import KEY

GOOD = b"Authorization: Bearer " + KEY.encode()
BOTH = b"Accept: application/json, text/event-stream"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}


async def test_a_greeting_is_answered_to_who_has_a_key(here):
    body = json.dumps(HELLO).encode()
    assert (await here.raw("POST", "/mcp", body, BOTH, b"Content-Type: application/json")).status == 401
    answer = await here.raw("POST", "/mcp", body, GOOD, BOTH, b"Content-Type: application/json")
    assert answer.status == 200
    assert b"vectormigrate" in answer.body
    assert answer.header(b"mcp-session-id") is None
    assert (await here.raw("POST", "/mcp", b"{", GOOD, BOTH, b"Content-Type: application/json")).status == 400


async def asked(here, method, params, *headers):
    """The result of one request; it comes as JSON, or as the one event of a stream."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    answer = await here.raw("POST", "/mcp", body, GOOD, BOTH, b"Content-Type: application/json", *headers)
    assert answer.status == 200, answer.body
    told = answer.body.partition(b"data: ")[2] or answer.body
    return json.loads(told)["result"]


@pytest.mark.parametrize("revision", HANDSHAKE_PROTOCOL_VERSIONS)
async def test_every_revision_is_spoken(here, revision):
    greeted = await asked(here, "initialize", {**HELLO["params"], "protocolVersion": revision})
    assert greeted["protocolVersion"] == revision
    spoken = b"MCP-Protocol-Version: " + revision.encode()
    listed = await asked(here, "tools/list", {}, spoken)
    assert {"status", "cutover", "migration_status"} <= {tool["name"] for tool in listed["tools"]}
    called = await asked(here, "tools/call", {"name": "list", "arguments": {}}, spoken)
    assert json.loads(called["content"][0]["text"])["migrations"] == []


async def test_a_revision_that_nobody_knows_is_answered_with_the_newest(here):
    greeted = await asked(here, "initialize", {**HELLO["params"], "protocolVersion": "1999-01-01"})
    assert greeted["protocolVersion"] == LATEST_HANDSHAKE_VERSION


async def test_no_stream_is_opened_by_which_nothing_would_come(here):
    """Clients of the handshake ask for one, and take this for an answer; open, it would keep the daemon from ending."""
    answer = await here.raw("GET", "/mcp", b"", GOOD, b"Accept: text/event-stream")
    assert (answer.status, answer.header(b"allow")) == (405, b"POST")
    assert (await here.raw("DELETE", "/mcp", b"", GOOD)).status == 405
