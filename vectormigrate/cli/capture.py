"""`capture install|check|remove`: what tells us of changes in a source, where no proxy stands in front of it."""

from __future__ import annotations

from vectormigrate.daemon.capture import Action
from vectormigrate.daemon.specify import Request, check_id, overlay, specify
from vectormigrate.model.errors import UsageError

from .call import Answer, Call
from .doors import stored, watch

FAILED = 1


async def capture(call: Call) -> Answer:
    """Do one of the three to the source of a migration, whether or not the migration has begun."""
    check_id(call.migration_id)
    known = stored(call)
    request = overlay(known, call.merged) if known else _foreseen(call)
    action = Action(call.words["action"] or "")
    report = await watch(call, request, action)
    if action is Action.INSTALL and report.done:
        call.remark("every later change is seen; start copying only now")
    return Answer(report, FAILED if report.problems else 0)


def _foreseen(call: Call) -> Request:
    """The migration as its flags describe it, before it is made. Raises UsageError."""
    try:
        return specify(call.migration_id, call.merged)
    except UsageError as error:
        if "there are missing" not in error.message:
            raise
        raise UsageError(
            error.message,
            hint=f"until {call.migration_id!r} is made by `migrate`, nothing remembers its source: give the same flags each time",
        ) from None
