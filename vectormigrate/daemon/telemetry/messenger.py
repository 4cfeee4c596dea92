"""Tells hooks and webhooks what happens, each in its own turn, and asks those that may forbid a step.

Nobody waits for what is told: each receiver has a queue of its own, in order, and loses the oldest when it is hopelessly
behind. The daemon ends without waiting longer than a few seconds for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from vectormigrate.model.events import Event

from .happenings import Happening, happenings
from .hooks import HookFailed, Hooks
from .telemetry import Telemetry
from .webhooks import Webhook, WebhookFailed, Webhooks

logger = logging.getLogger(__name__)
_WAITING = 1000
_LAST = 5.0
"""Seconds for what is still to be told when the daemon ends."""


class _Queue:
    """What one receiver is still to be told."""

    def __init__(
        self, wants: Callable[[Happening], bool], tell: Callable[[Happening], Awaitable[object]]
    ) -> None:
        self._wants = wants
        self._tell = tell
        self._waiting: deque[Happening] = deque(maxlen=_WAITING)
        self._more = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()

    def offer(self, happening: Happening) -> None:
        """Tell it, if it is wanted."""
        if not self._wants(happening):
            return
        if len(self._waiting) == _WAITING:
            logger.warning("%s is not told: its receiver is too far behind", self._waiting[0].name)
        self._waiting.append(happening)
        self.idle.clear()
        self._more.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            while self._waiting:
                await self._tell(self._waiting.popleft())
            self.idle.set()
            self._more.clear()
            await self._more.wait()


class Messenger:
    """Both kinds."""

    def __init__(self, hooks: Hooks | None, webhooks: Webhooks, telemetry: Telemetry) -> None:
        self._hooks = hooks
        self._webhooks = webhooks
        self._telemetry = telemetry
        self._hooked = _Queue(lambda _: hooks is not None, self._hook)
        self._sent = [
            _Queue(receiver.wants, partial(self._send, receiver)) for receiver in webhooks.receivers
        ]

    def start(self, spawn_lasting: Callable[..., None]) -> None:
        """Tell from now on."""
        for queue in (self._hooked, *self._sent):
            spawn_lasting(queue.run(), name="telling")

    def on_event(self, event: Event) -> None:
        """Something happened."""
        for happening in happenings(event):
            self.tell(happening)

    def tell(self, happening: Happening) -> None:
        """The same for what is no event."""
        for queue in (self._hooked, *self._sent):
            queue.offer(happening)

    async def ask(self, step: str, migration_id: str) -> None:
        """Whether a step may happen: "cutover" or "revert". Raises GateRefused when a hook forbids it."""
        happening = Happening(f"before_{step}", migration_id, {})
        if self._hooks is not None:
            await self._hooks.call(happening)
        for queue in self._sent:
            queue.offer(happening)

    async def close(self) -> None:
        """Give what is still to be told a moment."""
        try:
            async with asyncio.timeout(_LAST):
                for queue in (self._hooked, *self._sent):
                    await queue.idle.wait()
        except TimeoutError:
            logger.warning("not everything could be told before the end")
        await self._webhooks.close()

    async def _hook(self, happening: Happening) -> None:
        assert self._hooks is not None
        if self._hooks.of(happening.name):
            await self._counted(happening, self._hooks.call(happening))

    async def _send(self, receiver: Webhook, happening: Happening) -> None:
        await self._counted(happening, self._webhooks.send(receiver, happening))

    async def _counted(self, happening: Happening, telling: Coroutine[Any, Any, object]) -> None:
        try:
            await telling
        except (HookFailed, WebhookFailed) as error:
            logger.warning("%s: %s", happening.name, error)
            self._telemetry.hooks[happening.name, "failed"] += 1
        else:
            self._telemetry.hooks[happening.name, "ok"] += 1
