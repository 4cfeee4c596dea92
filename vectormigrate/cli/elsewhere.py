"""Any command, done by the daemon at `--url`: with this machine's questions asked here, and a long one looked at until it ends."""

from __future__ import annotations

import asyncio
from functools import partial

from vectormigrate.api.elsewhere import by_url
from vectormigrate.api.reception import shell
from vectormigrate.api.remote import Remote
from vectormigrate.daemon.api_served import key_of

from .asked import answer_of, given
from .call import Answer, Call
from .delegated import followed
from .live import confirm


def remote_of(call: Call) -> Remote:
    """The daemon at `--url`. Raises UsageError for what cannot be one, and for a certificate that cannot be shown."""
    return Remote(
        call.value("url"),
        key_of(call.merged, call.environ),
        certificate=call.value("client-cert"),
        key_file=call.value("client-key"),
    )


async def remote(call: Call) -> Answer:
    """Have the daemon at `--url` do it."""
    wanted = given(call)
    if call.command.destroys(wanted) and "yes" in call.merged:
        dry = bool("dry-run" in call.merged and call.value("dry-run"))
        confirm(call, f"has the daemon at {call.value('url')} do {call.command.name}", dry_run=dry)
    client = remote_of(call)
    if not call.command.lasting:
        return answer_of(call, await asyncio.to_thread(client.ask, call.command, wanted))
    door, who = by_url(client), shell()
    begun = await door.begin(who, call.command.name, wanted)
    return await followed(call, begun, partial(door.look, who, begun))
