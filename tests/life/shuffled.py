"""The writes of a life in any order, several at once, over a migration whose roles are swapped now and then. What their order was in
the end only the primary knows: after every swap the new one must answer as the old one did.

What the simulation of `tests/simulation/live` does with a network of its own, this does with real facades, stores and clients; its
moments are the machine's, so that a seed says what is asked, and not what is found.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Collection, Mapping
from typing import Any

from .answers import Call
from .daemon import Daemon
from .story import Ask, Life, Tally, Telling

CLIENTS = 3
_BURST = 9
_PAUSES = (0.0, 0.0, 0.0, 0.0, 0.005, 0.02, 0.06)


def shuffled(seed: int, bursts: int = 20) -> Telling:
    """So many bursts of writes, and a swap behind most of them. Ask with `CLIENTS` threads."""
    rng = random.Random(seed)

    async def tell(
        life: Life,
        _theirs: Mapping[str, Any],
        daemon: Daemon,
        migration: str,
        through: Ask,
        direct: Ask,
        _may_refuse: Collection[str] = (),
    ) -> Tally:
        tally = Tally()
        changes = [call for call in life.writes if not call.name.startswith("after ")]
        verbs, asking = ("cutover", "revert"), (direct, through)
        for burst in range(bursts):
            drawn = [rng.choice(rng.choice((life.seed, changes))) for _ in range(rng.randrange(2, _BURST))]
            calls = [_later(call, rng.choice(_PAUSES), place) for place, call in enumerate(drawn)]
            await asyncio.gather(*(through(calls[first::CLIENTS]) for first in range(CLIENTS)))
            if burst + 1 < bursts and rng.random() < 0.4:
                continue
            await daemon.settled(migration)
            before = await asking[0](life.look)
            await daemon.swap(verbs[0], migration)
            names = ", ".join(call.name for call in calls)
            tally.compare(f"seed {seed}, {verbs[0]} behind {names}", await asking[1](life.look), before, ())
            verbs, asking = verbs[::-1], asking[::-1]
        return tally

    return tell


def _later(call: Call, pause: float, number: int) -> Call:
    def ask(client: Any) -> Any:
        time.sleep(pause)
        return call.ask(client)

    return Call(f"{number} {call.name}", ask)
