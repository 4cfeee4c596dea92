"""The tools over standard input and output, by a daemon's socket and by its URL."""

import os
import sys

from mcp import Client, StdioServerParameters, stdio_client

from tests.fakes.api import KEY, site, two_stores


def server(directory, *words):
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "VECTORMIGRATE_STATE": str(directory / "state.db"),
    }
    command = ["-m", "vectormigrate", "mcp", *words]
    return stdio_client(StdioServerParameters(command=sys.executable, args=command, env=environ))


async def test_by_the_socket_of_this_machine_and_by_a_url(tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    async with site(tmp_path) as here:
        async with Client(server(tmp_path)) as client:
            given = {"migration_id": "docs", **two_stores(tmp_path)}
            begun = (await client.call_tool("migrate", given)).structured_content
            assert begun["command"] == "migrate"
            await here.finished(begun)
            status = await client.call_tool("status", {"migration_id": "docs"})
            assert status.structured_content["phase"] == "verified"
            planned = (await client.call_tool("rollback", {"migration_id": "docs"})).structured_content
            assert (planned["done"], planned["plan"]["deleted"]) == (False, 30)
        async with Client(server(away, "--url", here.url, "--api-key", KEY)) as client:
            assert len((await client.list_tools()).tools) > 25
            found = await client.call_tool("migration_status", {"migration_id": "docs"})
            assert found.structured_content["status"] == "completed"
            refused = await client.call_tool("status", {"migration_id": "none"})
            assert refused.is_error
