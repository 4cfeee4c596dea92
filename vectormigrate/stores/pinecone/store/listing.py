"""The ids of a namespace in bytewise order, from any id on.

Pinecone lists ids in order, by prefix, a hundred a page, and goes on by a token that it does not promise to keep. So
the last id is the cursor: behind it come the ids that it is a prefix of, then, for each of its own prefixes from
long to short, those that go on with a greater letter. To spare most of those requests, the shortest prefix whose ids
fit one page is looked for first. A list says nothing of how many ids there are, so nothing better can be had by prefix.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from itertools import pairwise

from vectormigrate.model.errors import StoreBroken, StoreError, Unsupported
from vectormigrate.stores.pinecone.errors import NamespaceMissing, TokenExpired, unreadable
from vectormigrate.stores.pinecone.wire.records import sent_namespace

from .catalog import Catalog, Opened
from .inventory import Inventory
from .link import together

PAGE = 100
"""Most ids that one answer lists."""
_AT_ONCE = 16
"""Prefixes that are asked for side by side."""
_LETTERS = [chr(code) for code in range(1, 128)]


class Listing:
    """Lists ids of the indexes of a catalog."""

    def __init__(self, catalog: Catalog, inventory: Inventory) -> None:
        self._catalog = catalog
        self._inventory = inventory

    async def after(
        self, opened: Opened, namespace: str, lower: str | None, upper: str | None
    ) -> AsyncGenerator[list[str], None]:
        """Pages of ids in `(lower, upper]`, ascending; no page is empty. Raises Unsupported for pods without inventory."""
        if not opened.lists:
            if not self._inventory:
                raise opened.place.error(
                    Unsupported,
                    "a pod index cannot list its ids",
                    "name a file of them by the option inventory, or copy the index into a serverless one",
                )
            async for ids in self._inventory.after(namespace, lower, upper):
                yield ids
            return
        last, tried = lower, False
        while True:
            try:
                async for ids in self._walk(opened, namespace, last, upper):
                    _check_order(opened, last, ids)
                    last, tried = ids[-1], False
                    yield ids
            except TokenExpired:
                if tried:  # twice on the same page: it is not its age
                    raise
                tried = True
                continue
            return

    async def holds(self, opened: Opened, namespace: str, given: str) -> bool:
        """Whether an id is listed."""
        ids, _ = await self._page(opened, namespace, given)
        return ids[:1] == [given]

    async def _walk(
        self, opened: Opened, namespace: str, lower: str | None, upper: str | None
    ) -> AsyncGenerator[list[str], None]:
        """Pages behind `lower`; those that lie before it or behind `upper` are left out."""
        prefix = "" if not lower else await self._shortest(opened, namespace, lower)
        prefixes = [prefix, *_behind(prefix, lower or "")]
        if upper is not None:
            prefixes = [one for one in prefixes if one <= upper]
        for start in range(0, len(prefixes), _AT_ONCE):
            some = prefixes[start : start + _AT_ONCE]
            firsts = await together(partial(self._page, opened, namespace), some)
            for one, first in zip(some, firsts, strict=True):
                async for ids in self._pages(opened, namespace, one, first):
                    if within := _within(ids, lower, upper):
                        yield within
                    if upper is not None and ids[-1] > upper:
                        return

    async def _shortest(self, opened: Opened, namespace: str, lower: str) -> str:
        """The shortest prefix of an id that no more ids begin with than one page holds; the id itself if none is."""
        low, high = 0, len(lower)
        while low < high:
            middle = (low + high) // 2
            _, token = await self._page(opened, namespace, lower[:middle])
            low, high = (middle + 1, high) if token else (low, middle)
        return lower[:high]

    async def _pages(
        self, opened: Opened, namespace: str, prefix: str, first: tuple[list[str], str]
    ) -> AsyncGenerator[list[str], None]:
        ids, token = first
        while True:
            if ids:
                yield ids
            if not token:
                return
            ids, token = await self._page(opened, namespace, prefix, token)

    async def _page(
        self, opened: Opened, namespace: str, prefix: str, token: str = ""
    ) -> tuple[list[str], str]:
        query = [("namespace", sent_namespace(namespace)), ("limit", str(PAGE))]
        if prefix:
            query.append(("prefix", prefix))
        if token:
            query.append(("paginationToken", token))
        try:
            answer = await self._catalog.call(opened, "GET", "/vectors/list", query=query)
        except NamespaceMissing:
            return [], ""
        except StoreError as error:
            if token and type(error) is StoreError:  # a 400, and nothing but the token can be wrong
                raise opened.place.error(TokenExpired, error.message) from None
            raise
        try:
            ids = [one["id"] for one in answer.body.get("vectors") or []]
            return ids, (answer.body.get("pagination") or {}).get("next") or ""
        except (KeyError, TypeError, AttributeError) as error:
            raise unreadable(opened.place, f"a list of ids: {error!r}") from None


def _behind(prefix: str, lower: str) -> list[str]:
    """Prefixes, ascending, that all ids behind `lower` have which do not begin with `prefix`."""
    return [
        lower[:place] + letter
        for place in range(len(prefix) - 1, -1, -1)
        for letter in _LETTERS
        if letter > lower[place]
    ]


def _check_order(opened: Opened, last: str | None, ids: Sequence[str]) -> None:
    """A list out of order has lost ids; better to stop than to go on from its last."""
    if (last is not None and ids[0] <= last) or any(not left < right for left, right in pairwise(ids)):
        raise opened.place.error(StoreBroken, "pinecone listed ids out of their order")


def _within(ids: Sequence[str], lower: str | None, upper: str | None) -> list[str]:
    return [one for one in ids if (lower is None or one > lower) and (upper is None or one <= upper)]
