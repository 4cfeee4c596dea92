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
    answer: asyncio.Future[HttpResponse]


class Idempotency:
    """The answers of the last keyed requests."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def once(self, request: HttpRequest, answer: Callable[[], Awaitable[HttpResponse]]) -> HttpResponse:
        """Answer a request, or give the answer that its key has got. Raises UsageError for a key of another request.

        An answer that says that nothing was done (5xx) is not kept: the request may be sent again.
        """
        key = request.header(b"idempotency-key")
        if key is None:
            return await answer()
        if not key or len(key) > _LONGEST:
            raise UsageError(f"an idempotency key has 1 to {_LONGEST} characters")
        digest = hashlib.blake2b(
            b"\0".join((request.method.encode(), request.path.encode(), request.body)), digest_size=16
        ).digest()
        known = self._known.get(key)
        if known is not None:
            if known.digest != digest:
                raise UsageError("this idempotency key was given to another request", hint="make a new one")
            return await asyncio.shield(known.answer)
        return await self._first(key, digest, answer)

    async def _first(
        self, key: bytes, digest: bytes, answer: Callable[[], Awaitable[HttpResponse]]
    ) -> HttpResponse:
        known = self._known[key] = _Known(digest, asyncio.get_running_loop().create_future())
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        try:
            given = await answer()
        except BaseException as error:
            self._known.pop(key, None)
            known.answer.set_exception(error)
            known.answer.exception()  # whoever waits is told; nobody need be waiting
            raise
        if given.status >= 500:
            self._known.pop(key, None)
        known.answer.set_result(given)
        return given
