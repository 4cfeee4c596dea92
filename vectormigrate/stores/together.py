"""Several requests to a store at once, as one: what the first failure of them says of all.

Of reads any failure is that of all. Writes that belong together are applied or not, and where some are and some are not
nobody can say which of the two it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from vectormigrate.model.errors import StoreDown, StoreError, Unresolved

from .place import unresolved

T = TypeVar("T")


async def together(asked: Sequence[Awaitable[T]]) -> list[T]:
    """What each read answers. Raises what the first of them raised."""
    found = await _tried(asked)
    for one in found:
        if isinstance(one, StoreError):
            raise one
    return [one for one in found if not isinstance(one, StoreError)]


async def written(asked: Sequence[Awaitable[T]]) -> list[T]:
    """What each write answers. Raises Unresolved where some were applied, or may have been, and others were not."""
    found = await _tried(asked)
    failed = [one for one in found if isinstance(one, StoreError)]
    unknown = [one for one in failed if isinstance(one, Unresolved | StoreDown)]
    if failed and not unknown and len(failed) < len(found):
        raise unresolved(failed[0])
    for one in (*unknown, *failed):
        raise one
    return [one for one in found if not isinstance(one, StoreError)]


async def _tried(asked: Sequence[Awaitable[T]]) -> list[T | StoreError]:
    async def one(work: Awaitable[T]) -> T | StoreError:
        try:
            return await work
        except StoreError as error:
            return error

    if len(asked) == 1:
        return [await one(asked[0])]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(work)) for work in asked]
    return [task.result() for task in tasks]
