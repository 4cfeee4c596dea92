"""Answers to requests that carried an idempotency key, given again when the request comes again; restarts do not matter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import msgspec

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import RequestRefused
from vectormigrate.state import operations
from vectormigrate.state.database import Database

_KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


class Answers:
    """Those of the last day."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def claim(self, actor: str, key: str, fingerprint: bytes) -> Answered | None:
        """What was answered under this key; None for a request that is to be done now, and then settled or released.

        Raises RequestRefused for a key of another request (422), and of one that is under way (409).
        """
        now = self._clock.now()
        at, before = now.isoformat(), (now - _KEPT).isoformat()
        found = await self._database.write(
            lambda tx: operations.claim(tx, actor, key, fingerprint, at=at, forget_before=before)
        )
        if found is None:
            return None
        if found.fingerprint != fingerprint:
            raise RequestRefused("this idempotency key was used for another request", status=422)
        if found.status is None:
            raise RequestRefused("the request with this idempotency key is under way", status=409)
        headers = msgspec.json.decode(found.headers, type=dict[str, str])
        return Answered(found.status, headers, found.body)

    async def settle(self, actor: str, key: str, answer: Answered) -> None:
        """Keep it."""
        headers = msgspec.json.encode(answer.headers).decode()
        await self._database.write(
            lambda tx: operations.settle(tx, actor, key, answer.status, headers, answer.body)
        )

    async def release(self, actor: str, key: str) -> None:
        """The request failed in a way that is worth another attempt."""
        await self._database.write(lambda tx: operations.release(tx, actor, key))
