"""Commands that a daemon does at once: this one by its socket, or, where none runs, our own desk.

The last is the same code as a daemon's, over a state file that this process owns for a moment.
"""

from __future__ import annotations

from typing import Any

import msgspec

from vectormigrate.api.command import outside
from vectormigrate.api.parts import assembled
from vectormigrate.api.reception import shell
from vectormigrate.api.schemas import result_type
from vectormigrate.daemon.chronicle import Chronicle
from vectormigrate.daemon.control_socket import COMMAND, ask_owner
from vectormigrate.daemon.saying import worded
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.specify import mapped
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.model.documents import LastReport, SchemaDocument
from vectormigrate.model.status import PlanDocument

from .call import Answer, Call
from .doors import own
from .exits import code_of
from .inspect import present
from .keeping import keep


async def asked(call: Call) -> Answer:
    """Have the daemon of this machine do it, or do it here."""
    document = await offered(call)
    if document is None:
        clock = SystemClock()
        async with own(call, {}, lambda event: None) as control, Supervisor() as supervisor:
            secrets = Secrets({}, call.environ)
            chronicle = Chronicle(clock)
            async with assembled(
                None, control, None, supervisor, chronicle, clock, secrets, call.config
            ) as parts:
                result = await parts.dispatcher.ask(shell(), call.command.name, given(call))
                document = msgspec.to_builtins(result, enc_hook=str)
    return answer_of(call, document)


async def offered(call: Call) -> Any:
    """What the daemon of this state file answers; None when none runs. Raises StateLocked when some other command owns it."""
    words = {"name": call.command.name, "given": given(call)}
    return await ask_owner(call.state, COMMAND, call.words.get("id") or "", words, within=None)


def given(call: Call) -> dict[str, Any]:
    """What was said for this command, as a request says it: what a file says of it here is for this machine alone."""
    words: dict[str, Any] = {outside(name): word for name, word in call.words.items() if word is not None}
    return words | worded(call.command.arguments, call.merged)


def answer_of(call: Call, document: Any) -> Answer:
    """What a daemon answered, as the command answers that has done it itself."""
    dry_run = bool("dry-run" in call.merged and call.value("dry-run"))
    result: Any = msgspec.convert(document, result_type(call.command.answers(dry_run=dry_run)))
    if isinstance(result, PlanDocument | SchemaDocument):
        keep(call, result, *mapped(call.merged))
    if isinstance(result, LastReport):
        return present(call, document)
    return Answer(result, code_of(result, call.command.name))
