"""`throttle`, `unthrottle` and `set`: a word to whoever runs the migration, a daemon or another command, or into the state
file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vectormigrate.api.reception import account
from vectormigrate.daemon import rehearsing
from vectormigrate.daemon.control_socket import SET, ask_owner
from vectormigrate.daemon.levers import asked_of, change_of, released, throttling
from vectormigrate.model.errors import StateLocked
from vectormigrate.model.status import MigrationStatus

from .asked import offered
from .call import Answer, Call
from .doors import own, view


async def throttle(call: Call) -> Answer:
    """So many records a second, or none at all."""
    return await _put(call, throttling(call.merged))


async def unthrottle(call: Call) -> Answer:
    """As it was asked for."""
    with view(call) as viewer:
        changes = released(held=viewer.specification(call.migration_id).throttle_hold)
    return await _put(call, changes)


async def change(call: Call) -> Answer:
    """One setting, or what is set."""
    text = call.words["change"] or ""
    wanted, changes = asked_of(text), change_of(text) if text else {}
    if changes:
        return await _put(call, changes)
    with view(call) as viewer:
        status = viewer.status(call.migration_id)
    lines = [f"{name.replace('_', '-')} = {status.in_force[name]}" for name in wanted]
    return Answer(status, text="\n".join(lines))


async def _put(call: Call, changes: Mapping[str, Any]) -> Answer:
    with view(call) as viewer:
        status = viewer.status(call.migration_id)
    if call.value("dry-run"):
        return Answer(rehearsing.adjusted(status, changes))
    by = account()
    try:
        told = await offered(call)
    except StateLocked:  # by another command, not by a daemon
        told = await ask_owner(call.state, SET, call.migration_id, {"changes": dict(changes), "by": by})
    if told is not None:
        return Answer(msgspec.convert(told, MigrationStatus))
    async with own(call, {}, lambda event: None) as control:
        return Answer(await control.adjust(call.migration_id, changes, by=by))
