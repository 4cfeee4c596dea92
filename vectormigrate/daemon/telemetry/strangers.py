"""Connections that never came to be a request: counted each, and told in the log once a minute.

They have no row in the audit: there is nobody to be named in it, and a row in a chain of digests for every byte that a scan of
ports sends would let anybody who can connect fill the disk of the state file.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

from vectormigrate.model.clock import Clock

logger = logging.getLogger(__name__)

_EVERY = 60.0
"""Seconds between two lines of the same kind."""
_WORDS = {
    "no_http": "spoke no HTTP",
    "head": "had a head over the limit",
    "slow": "never sent a whole head",
    "tls": "did not agree on TLS",
    "crowded": "were too many at a time",
}


@dataclass(slots=True)
class _Told:
    at: float
    since: int = 0
    """Counted behind the last line."""


@dataclass(slots=True)
class Strangers:
    """Of all listeners."""

    clock: Clock
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By listener and reason."""
    _told: dict[tuple[str, str], _Told] = field(default_factory=dict)

    def turned_away(self, listener: str, reason: str, address: str) -> None:
        """One more; the first is told at once, those of the minute behind it together with the next."""
        key, now = (listener, reason), self.clock.monotonic()
        self.seen[key] += 1
        told = self._told.get(key)
        if told is not None and now - told.at < _EVERY:
            told.since += 1
            return
        since = 1 if told is None else told.since + 1
        self._told[key] = _Told(now)
        whence = f", the last from {address}" if address else ""
        logger.warning("%s: connections that %s: %d%s", listener, _WORDS[reason], since, whence)
