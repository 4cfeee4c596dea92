"""Installing, checking and removing what tells us of changes in a source. Owns no state: the source itself remembers."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from vectormigrate.model.specification import Specification
from vectormigrate.model.status import CaptureReport
from vectormigrate.stores import registry

from .secrets import Secrets


class Action(StrEnum):
    """What to do to a capture."""

    INSTALL = "install"
    CHECK = "check"
    REMOVE = "remove"


async def capture(action: Action, spec: Specification, secrets: Secrets, way: str | None) -> CaptureReport:
    """Do it to the capture of a migration's source. `way` is for stores that have several; None leaves it to them.

    Raises Unsupported for a source that cannot tell of its changes, and what the store raises.
    """
    endpoint = secrets.resolve(spec.source, spec.id)
    if way is not None:
        endpoint = replace(endpoint, options={**endpoint.options, "capture": way})
    async with registry.open_capture(endpoint, spec.source.collection) as opened:
        done: list[str] = []
        if action is Action.INSTALL:
            done = await opened.install()
        if action is Action.REMOVE:
            done = await opened.remove()
        problems = [] if action is Action.REMOVE else await opened.check()
        lag = await opened.lag() if action is Action.CHECK else None
    source = f"{spec.source.kind}:{spec.source.collection}"
    return CaptureReport(spec.id, source, str(action), done, problems, lag)
