"""A reader of a capture that takes everything, as the engine does: poll, keep, acknowledge."""

from __future__ import annotations

from typing import NamedTuple

from vectormigrate.model.record import RecordId
from vectormigrate.stores.capture import Capture


class Drained(NamedTuple):
    """What was told until there was nothing more."""

    ids: set[RecordId]
    everything: bool


async def drain(capture: Capture, limit: int = 1000) -> Drained:
    """Poll and acknowledge until there is nothing left."""
    ids: set[RecordId] = set()
    everything = False
    while (changes := await capture.poll(limit)) is not None:
        assert len(changes.ids) == len(set(changes.ids)) <= limit
        ids.update(changes.ids)
        everything |= changes.everything
        await capture.acknowledge(changes.position)
    return Drained(ids, everything)
