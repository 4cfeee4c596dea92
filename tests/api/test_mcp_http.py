"""MCP at its address: only behind the door, without sessions; the tools are tried in `test_tools.py`."""

import json

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
