"""Events told to other programs by HTTP, signed as the Standard Webhooks specification has it.

The body is one JSON document: type, timestamp, data. `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256, under
the shared secret, of the id, the timestamp and the body, joined by dots: whoever receives it knows that it is ours, whole and
recent. An answer of 2xx ends it; anything else is tried again, some times over some minutes, with the same id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import msgspec
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from vectormigrate.model.clock import Clock

from .happenings import Happening

_ATTEMPTS = 6
_WAIT = 2.0
"""Seconds before the second attempt, or less; doubled from then on."""
_LONGEST = 60.0
_TIMEOUT = aiohttp.ClientTimeout(total=15)
_PREFIX = "whsec_"


class WebhookFailed(Exception):
    """It was not taken."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One receiver."""

    name: str
    url: str = field(repr=False)  # may hold a token
    secret: str = field(repr=False)
    """Shared with the receiver: `whsec_` and base64, or any text; empty for no signature."""
    events: frozenset[str] = frozenset()
    """Names of what is told; empty for everything."""

    def wants(self, happening: Happening) -> bool:
        """Whether this is to be told."""
        return not self.events or happening.name in self.events


class Webhooks:
    """Sends. An async context manager: its connections close with the block."""

    def __init__(
        self, receivers: tuple[Webhook, ...], clock: Clock, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self.receivers = receivers
        self._clock = clock
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None

    async def send(self, receiver: Webhook, happening: Happening) -> None:
        """Until it is taken. Raises WebhookFailed after the last attempt, or for an answer that says never again (410)."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        session = self._session
        message_id = f"msg_{uuid.uuid4().hex}"
        body = msgspec.json.encode(
            {
                "type": happening.name,
                "timestamp": self._clock.now().isoformat(),
                "data": {"migration_id": happening.migration_id, **happening.values},
            }
        )

        async def attempt() -> None:
            stamp = str(int(self._clock.now().timestamp()))
            headers = {
                "content-type": "application/json",
                "webhook-id": message_id,
                "webhook-timestamp": stamp,
            }
            if receiver.secret:
                headers["webhook-signature"] = sign(receiver.secret, message_id, stamp, body)
            async with session.post(
                receiver.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                if response.status == 410:
                    raise WebhookFailed(f"the webhook {receiver.name} wants no more of them (410)")
                if response.status >= 300:
                    raise aiohttp.ClientError(f"answered {response.status}")

        attempts = AsyncRetrying(
            sleep=self._sleep,
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=_WAIT, max=_LONGEST),
            retry=retry_if_exception_type((aiohttp.ClientError, TimeoutError, OSError)),
            reraise=True,
        )
        try:
            await attempts(attempt)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = (
                str(error)
                if isinstance(error, aiohttp.ClientError) and "answered" in str(error)
                else type(error).__name__
            )
            raise WebhookFailed(f"the webhook {receiver.name} did not take it: {why}") from None

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()


def sign(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    """The value of `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(_PREFIX)) if secret.startswith(_PREFIX) else secret.encode()
    content = b".".join((message_id.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
