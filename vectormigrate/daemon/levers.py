"""What can be set of a migration while it runs, in the words of its settings: `workers=4`, `batch-size=none`."""

from __future__ import annotations

from difflib import get_close_matches

from vectormigrate.model.errors import UsageError

from .config import Merged
from .setting import Setting, Value
from .settings import MIGRATE

LEVERS: dict[str, Setting] = {
    one.name: one
    for one in MIGRATE
    if one.name in ("max-rate", "workers", "batch-size", "validate-every", "max-retries")
}
AS_ASKED = "none"
"""In place of a value: what the migration was asked for."""


def change_of(text: str) -> dict[str, Value]:
    """One change, by the name of the field. Raises UsageError."""
    name, equals, value = text.partition("=")
    setting = LEVERS.get(name.strip().replace("_", "-"))
    if setting is None:
        near = get_close_matches(name, LEVERS, n=1)
        raise UsageError(
            f"{name[:80]!r} cannot be set while a migration runs",
            hint=f"did you mean {near[0]}?" if near else f"these can: {', '.join(LEVERS)}",
        )
    if not equals or not value.strip():
        raise UsageError(
            f"{setting.name} needs a value", hint=f"say {setting.name}=VALUE, or =none for as asked"
        )
    if value.strip() == AS_ASKED:
        return {setting.key: None}
    return {setting.key: setting.parse(value.strip(), setting.name)}


def rate_of(merged: Merged) -> dict[str, Value]:
    """The change that `throttle` asks for. Raises UsageError when it names no rate."""
    given = merged["max-rate"]
    if given.layer not in ("flag", "environment"):
        raise UsageError("throttle needs a rate", hint="say --max-rate N in records a second, 0 for no limit")
    return {"max_rate": given.value}
