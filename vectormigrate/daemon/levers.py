"""What can be set of a migration while it runs, in the words of its settings: `workers=4`, `batch-size=none`, `max-rate=?`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from vectormigrate.model.errors import UsageError

from .config import Merged
from .setting import Setting, Value
from .settings import MIGRATE
from .throttle_settings import CRITICAL, PACE, THROTTLE

LEVERS: dict[str, Setting] = {
    one.name: one
    for one in MIGRATE
    if one in (*PACE, *THROTTLE, CRITICAL)
    or one.name in ("workers", "batch-size", "validate-every", "max-retries")
}
THROTTLING = (*PACE, *THROTTLE)
"""Those that slow it down, or let it wait."""
AS_ASKED = "none"
"""In place of a value: what the migration was asked for."""
_PRESENT = "?"
"""In place of a value: what is it now?"""
ALIASES = {
    "rate": "max-rate",
    "concurrency": "workers",
    "max-lag": "throttle-lag",
    "max-load": "throttle-source-latency",
    "critical-load": "critical-source-latency",
}
"""What others call some of them. The load that can be seen from outside is how slowly the source answers."""
_HOLD = "throttle_hold"
_ANEW = frozenset({"workers", "batch_size", "validate_every", "max_retries"})


def change_of(text: str) -> dict[str, Value]:
    """One change, by the name of the field; none when only the present value is asked for. Raises UsageError."""
    name, _, value = text.partition("=")
    setting = _setting(name)
    if not value.strip() or value.strip() == _PRESENT:
        return {}
    if value.strip() == AS_ASKED:
        return {setting.key: None}
    return {setting.key: setting.parse(value.strip(), setting.name)}


def asked_of(text: str) -> tuple[str, ...]:
    """The fields that a change is about, to be shown: one, or all of them for no text. Raises UsageError."""
    if not text:
        return tuple(one.key for one in LEVERS.values())
    return (_setting(text.partition("=")[0]).key,)


def _setting(name: str) -> Setting:
    name = name.strip().replace("_", "-")
    setting = LEVERS.get(ALIASES.get(name, name))
    if setting is None:
        near = get_close_matches(name, (*LEVERS, *ALIASES), n=1)
        raise UsageError(
            f"{name[:80]!r} cannot be set while a migration runs",
            hint=f"did you mean {near[0]}?" if near else f"these can: {', '.join(LEVERS)}",
        )
    return setting


def throttling(merged: Merged) -> dict[str, Value]:
    """The changes that `throttle` asks for: to wait, when it says nothing else."""
    given = {
        one.key: merged[one.name].value
        for one in THROTTLING
        if one.name in merged and merged[one.name].layer in ("flag", "environment")
    }
    return given or {_HOLD: True}


def released(*, held: bool) -> dict[str, Value]:
    """The changes that `unthrottle` asks for: whatever was set goes back to what was asked for, and nobody holds it, even where
    that was asked for (`held`).
    """
    back: dict[str, Value] = {one.key: None for one in THROTTLING}
    return back | {_HOLD: False} if held else back


def anew(changes: Mapping[str, object]) -> bool:
    """Whether workers must begin anew to go by these."""
    return not _ANEW.isdisjoint(changes)
