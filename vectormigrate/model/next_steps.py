"""What can sensibly be done with a migration now, as commands to be typed. Pure; every snapshot carries them.

A live migration runs in the daemon, so without one the next step is to start it.
"""

from __future__ import annotations

from .phase import Phase
from .specification import Mode

_PROGRAM = "vectormigrate"
_RUNNING = (Phase.PREFLIGHT, Phase.BACKFILL, Phase.CATCH_UP)

_FREE: dict[Phase, tuple[str, ...]] = {
    Phase.CREATED: ("resume {id}",),
    Phase.PREFLIGHT: ("resume {id}",),
    Phase.BACKFILL: ("resume {id}", "rollback {id}"),
    Phase.CATCH_UP: ("resume {id}", "rollback {id}"),
    Phase.VERIFIED: ("validate {id} --full", "report {id}", "rollback {id}"),
    Phase.PAUSED: ("resume {id}", "rollback {id}"),
    Phase.FAILED: ("resume {id}", "rollback {id}"),
    Phase.ROLLING_BACK: ("rollback {id}",),
}
"""Offline, and no process owns the state file."""

_HOSTED: dict[Phase, tuple[str, ...]] = {
    Phase.PREFLIGHT: ("pause {id}",),
    Phase.PASSTHROUGH: ("pause {id}",),
    Phase.BACKFILL: ("gates {id}", "pause {id}"),
    Phase.CATCH_UP: ("gates {id}", "pause {id}"),
    Phase.VERIFIED: ("validate {id} --full", "cutover {id}", "rollback {id}"),
    Phase.REVERSED: ("revert {id}", "commit {id}"),
    Phase.PAUSED: ("resume {id}", "rollback {id}"),
    Phase.FAILED: ("resume {id}", "rollback {id}"),
    Phase.ROLLING_BACK: ("rollback {id}",),
}
"""Live, in a daemon that runs."""

_OVER = (Phase.ROLLED_BACK, Phase.ABORTED)


def next_steps(
    migration_id: str,
    mode: Mode,
    phase: Phase,
    *,
    owned: bool,
    attested: bool = False,
    differs: bool = False,
    untouched: bool = False,
) -> tuple[str, ...]:
    """Commands. `owned`: some process owns the state file; `attested`: somebody vouched for the writers; `differs`: the last
    comparison found something; `untouched`: nothing was put into the target.
    """
    told = _offline(phase, owned=owned) if mode is Mode.OFFLINE else _live(mode, phase, owned, attested)
    if differs and phase is Phase.VERIFIED:
        told = ("findings {id}", *(["repair {id}"] if mode is Mode.OFFLINE else []), *told)
    if told and untouched and phase in (Phase.PAUSED, Phase.FAILED):
        told = (told[0], "abort {id}", *told[1:])
    return tuple(f"{_PROGRAM} {step.format(id=migration_id)}" for step in told)


def _offline(phase: Phase, *, owned: bool) -> tuple[str, ...]:
    if not owned:
        return _FREE.get(phase, ())
    if phase in _RUNNING:
        return ("pause {id}",)
    return ("report {id}",) if phase is Phase.VERIFIED else ()


def _live(mode: Mode, phase: Phase, hosted: bool, attested: bool) -> tuple[str, ...]:
    captured = mode is Mode.CAPTURED
    if phase in _OVER or (captured and phase is Phase.COMMITTED):
        return ("capture remove {id}",) if captured else ()
    if not hosted:
        return ("serve",)
    told = _HOSTED.get(phase, ())
    if phase is Phase.PASSTHROUGH and not (attested or captured):
        return ("attest {id}", *told)
    if phase is Phase.VERIFIED and captured:
        return tuple(f"{step} --no-way-back" if step.startswith("cutover") else step for step in told)
    return told
