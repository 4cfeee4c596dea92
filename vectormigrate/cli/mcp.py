"""`mcp`: the tools over standard input and output, for assistants that start their servers themselves.

Standard output belongs to the protocol from the first byte; whatever else is said goes to standard error. The work is done by
the daemon of the state file or at `--url`.
"""

from __future__ import annotations

from mcp.server.stdio import stdio_server

from vectormigrate.api.elsewhere import by_socket, by_url
from vectormigrate.api.inherited import Inherited
from vectormigrate.api.plan_tokens import PlanTokens
from vectormigrate.api.reception import shell
from vectormigrate.api.tools import Tools
from vectormigrate.daemon.tasks import SystemClock

from .call import Answer, Call
from .elsewhere import remote_of


async def mcp(call: Call) -> Answer:
    """Serve until the input ends."""
    url = call.value("url")
    door = by_url(remote_of(call)) if url else by_socket(call.state)
    who = shell()
    tools = Tools(door, Inherited(door), PlanTokens(SystemClock().monotonic), lambda ctx: who)
    server = tools.server()
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
    return Answer({"ended": True}, text="")
