"""What a migration would do, and what would keep it from starting, asked before its id is taken. Opens both sides, writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vectormigrate.engine import preflight
from vectormigrate.model.clock import Clock
from vectormigrate.model.division import whole_of
from vectormigrate.model.errors import ConfigInvalid, GateRefused
from vectormigrate.model.specification import Mode, Specification
from vectormigrate.model.status import PlanDocument
from vectormigrate.model.whole import plan_of
from vectormigrate.stores import registry
from vectormigrate.stores.capture import TAKEN, taken
from vectormigrate.stores.unanswered import unanswered

from .crewing import worker_count
from .parting import parts_of
from .placing import settled
from .promise import digest, digest_of_parts
from .secrets import Secrets
from .tasks import Stores, SystemClock


async def plan(
    spec: Specification, secrets: Secrets, clock: Clock | None = None, *, strict: bool = False
) -> PlanDocument:
    """What a migration would do. Reads both sides, writes nothing anywhere. With `strict`, raises what would keep it
    from starting: MappingRefused, TargetNotEmpty.
    """
    spec = await settled(spec, secrets)
    if spec.division:
        plans = []
        for part in await parts_of(spec, secrets):
            lent = secrets.lent(spec.source, part.source).lent(spec.target, part.target)
            plans.append(await plan(part, lent, clock, strict=strict))
        whole = plan_of(spec, plans)
        return replace(whole, digest=digest_of_parts(whole.parts))
    monotonic = (clock or SystemClock()).monotonic
    source, target = [await secrets.reach(side, spec.id) for side in (spec.source, spec.target)]
    async with Stores.open(source, target, spec.mapping.selection, spec.back) as stores:
        await stores.greet()
        found = await preflight.examine(spec, stores.source, stores.target, monotonic)
        if strict:
            preflight.check_startable(spec, found)
        told = await preflight.document(spec, found, stores.source, workers=worker_count(spec))
        told = replace(told, digest=digest(spec, found))
        if spec.mode is not Mode.PROXIED:
            return told
        kinds = spec.source.kind, spec.target.kind
        several = spec.target.placement is not None
        lost = unanswered(kinds[0], found.mapping, target=kinds[1], source=found.source, several=several)
        return replace(told, unanswered=lost)


async def check_startable(
    spec: Specification, secrets: Secrets, monotonic: Callable[[], float], *, reader: str = ""
) -> None:
    """Raises what the stores say, ConfigInvalid, MappingRefused, TargetNotEmpty, GateRefused for a capture that is not sound, and
    CaptureTaken for one that another than `reader` reads, which is the state file's identity.
    """
    try:
        source, target = [await secrets.reach(side, spec.id) for side in (spec.source, spec.target)]
    except ConfigInvalid as error:
        error.hint = "the daemon has to find it: set it there and start the daemon again; nothing was changed"
        raise
    async with Stores.open(source, target, spec.mapping.selection) as stores:
        await stores.greet()
        found = await preflight.examine(spec, stores.source, stores.target, monotonic)
        preflight.check_startable(spec, found)
    if spec.mode is Mode.CAPTURED:
        async with registry.open_capture(source, spec.source.collection) as capture:
            capture.reader = reader
            problems = await capture.check()
        if TAKEN in problems:
            raise taken(spec.source.kind, spec.source.collection)
        if problems:
            raise GateRefused(
                f"changes of the source may pass unseen: {problems[0]}",
                hint=f"`vectormigrate capture install {whole_of(spec.id) or spec.id}` with the same flags, then this again",
                store=spec.source.kind,
                collection=spec.source.collection,
            )
