"""The settings of `[live]`, as what the live migrations of a process go by. Their catalogue is `live_settings.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vectormigrate.engine.cutover.gate import Limits as GateLimits
from vectormigrate.engine.dualwrite.terms import Terms

from .config import Merged
from .live_settings import GATES, SHADOW, TERMS
from .setting import Setting


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What live migrations of this process go by."""

    terms: Terms = field(default_factory=Terms)
    gates: GateLimits = field(default_factory=GateLimits)
    shadow: float = 0.0
    """Share of the searches that is asked of the secondary as well."""


def settle_live(merged: Merged) -> LiveSettings:
    """The settings of `[live]`."""

    def values(settings: Sequence[Setting], prefix: str = "") -> dict[str, Any]:
        return {one.key.removeprefix(prefix): merged[one.name].value for one in settings}

    return LiveSettings(
        Terms(**values(TERMS)), GateLimits(**values(GATES, "gate_")), float(values([SHADOW])["shadow"])
    )
