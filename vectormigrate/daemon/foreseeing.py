"""What would keep a live migration from starting, asked before its id is taken. Opens both sides, writes nothing."""

from __future__ import annotations

from collections.abc import Callable

from vectormigrate.engine import preflight
from vectormigrate.model.errors import ConfigInvalid, GateRefused
from vectormigrate.model.specification import Mode, Specification
from vectormigrate.stores import registry

from .secrets import Secrets
from .tasks import Stores


async def check_startable(spec: Specification, secrets: Secrets, monotonic: Callable[[], float]) -> None:
    """Raises what the stores say, ConfigInvalid, MappingRefused, TargetNotEmpty, and GateRefused for a capture that is
    not sound.
    """
    try:
        source, target = (secrets.resolve(side, spec.id) for side in (spec.source, spec.target))
    except ConfigInvalid as error:
        error.hint = "the daemon has to find it: set it there and start the daemon again; nothing was changed"
        raise
    async with Stores.open(source, target, spec.mapping.selection) as stores:
        await stores.greet()
        found = await preflight.examine(spec, stores.source, stores.target, monotonic)
        preflight.check_startable(spec, found)
    if spec.mode is Mode.CAPTURED:
        async with registry.open_capture(source, spec.source.collection) as capture:
            problems = await capture.check()
        if problems:
            raise GateRefused(
                f"changes of the source may pass unseen: {problems[0]}",
                hint=f"`vectormigrate capture install {spec.id}` with the same flags, then this again",
                store=spec.source.kind,
                collection=spec.source.collection,
            )
