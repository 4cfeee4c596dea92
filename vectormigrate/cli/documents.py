"""Results of commands that only a terminal has: what was written to files, how serving ended."""

from __future__ import annotations

from dataclasses import dataclass

from vectormigrate.daemon.announced import Listening


@dataclass(frozen=True, slots=True)
class Written:
    """Files that a report went to."""

    migration_id: str
    verdict: str
    ok: bool
    html: str = ""
    output: str = ""
    signed_by: str = ""
    """Fingerprint of the key that signed the JSON."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A signed document that is whole."""

    file: str
    signed_by: str
    """Fingerprint of the key."""
    verdict: str = ""
    """What it says."""
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Bundled:
    """An archive for somebody who is to help."""

    file: str
    parts: list[str]


@dataclass(frozen=True, slots=True)
class ServeEnded:
    """How serving ended."""

    listeners: list[Listening]
    drained: bool
    """Whether everything that was under way was answered."""
