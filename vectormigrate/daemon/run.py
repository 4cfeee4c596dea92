"""One offline migration that a process works on, as those see it who stop, pause or adjust it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from vectormigrate.engine.migration import Conductor


@dataclass(slots=True, eq=False)
class Run:
    """It is there from before its stores are opened: that can take long, and what is said meanwhile goes for it too."""

    conductor: Conductor | None = None
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: bool = False
    pausing: bool = False
    """It is to rest where it comes to."""

    def stop(self) -> None:
        """What is under way ends behind its batches; what is yet to begin ends at once."""
        self.stopping = True
        if self.conductor is not None:
            self.conductor.stop()

    def adjust(self, *, anew: bool) -> None:
        """Go by what was set; what is yet to begin reads it then."""
        if self.conductor is not None:
            self.conductor.adjust(anew=anew)

    def take(self, conductor: Conductor) -> Conductor:
        """Its stores are open."""
        self.conductor = conductor
        if self.stopping:
            conductor.stop()
        return conductor
