"""Idempotency keys: a request that is sent again under the same key gets the first answer, and is done once.

Kept in memory, the last few thousand. A restart forgets them, which does no harm here: every write of this API may be
done twice and means the same.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vectormigrate.model.errors import UsageError
from vectormigrate.stores.raw import HttpRequest, HttpResponse

_KEPT = 4096
_LONGEST = 255


@dataclass(slots=True, eq=False)
class _Known:
    digest: bytes
    answer: asyncio.Future[HttpResponse | None]
    """None when whoever was to answer has gone without."""


class Idempotency:
    """The answers of the last keyed requests."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def once(self, request: HttpRequest, answer: Callable[[], Awaitable[HttpResponse]]) -> HttpResponse:
        """Answer a request, or give the answer that its key has got. Raises UsageError for a key of another request.

        Only what was done is kept: after an error the same request may be sent again.
        """
        key = request.header(b"idempotency-key")
        if key is None:
            return await answer()
        if not key or len(key) > _LONGEST:
            raise UsageError(f"an idempotency key has 1 to {_LONGEST} characters")
        digest = hashlib.blake2b(
            b"\0".join((request.method.encode(), request.path.encode(), request.body)), digest_size=16
        ).digest()
        while (known := self._known.get(key)) is not None:
            if known.digest != digest:
                raise UsageError("this idempotency key was given to another request", hint="make a new one")
            given = await asyncio.shield(known.answer)
            if given is not None:
                return given
        return await self._first(key, digest, answer)

    async def _first(
        self, key: bytes, digest: bytes, answer: Callable[[], Awaitable[HttpResponse]]
    ) -> HttpResponse:
        known = self._known[key] = _Known(digest, asyncio.get_running_loop().create_future())
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        given: HttpResponse | None = None
        try:
            given = await answer()
            return given
        finally:
            if (given is None or given.status >= 400) and self._known.get(key) is known:
                del self._known[key]
            known.answer.set_result(given)
