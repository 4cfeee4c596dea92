"""`capture install|check|remove`: what tells us of changes in a source, where no proxy stands in front of it."""

from __future__ import annotations

from vectormigrate.daemon.capture import Action
from vectormigrate.daemon.specify import check_id, overlay, specify

from .call import Answer, Call
from .doors import stored, watch

FAILED = 1


async def capture(call: Call) -> Answer:
    """Do one of the three to the source of a migration, whether or not the migration has begun."""
    check_id(call.migration_id)
    known = stored(call)
    request = overlay(known, call.merged) if known else specify(call.migration_id, call.merged)
    action = Action(call.words["action"] or "")
    report = await watch(call, request, action)
    if action is Action.INSTALL and report.done:
        call.remark("every later change is seen; start copying only now")
    return Answer(report, FAILED if report.problems else 0)
