"""A source's server asked as a whole, once collections of it are answered elsewhere: what its own lists may lack, and who answers
what a client asks of it to connect, when it is gone.

It may have been told to drop what moved, and an application that makes what it does not find in a list would be told that it is
there. A list that cannot be had is not made up: of what did not move nobody knows. How a list is written is the facades'.
"""

from __future__ import annotations

from collections.abc import Collection

from vectormigrate.model.collection import CollectionShape

from .base import Store
from .front import Front


def lacking(front: Front, told: Collection[str]) -> dict[str, str]:
    """What moved and is not among the names that a list tells: the source's name of it, to the one that the front knows it by,
    which may be an alias. What is only a part (a tenant, a namespace) is told by what it is a part of, `whole/part`.
    """
    found: dict[str, str] = {}
    for name in front.moved():
        real = front.known_as(name.partition("/")[0])
        if real not in told:
            found.setdefault(real, name)
    return found


async def described(front: Front, told: Collection[str]) -> dict[str, CollectionShape]:
    """What is lacking, by the source's name of it, as the store that answers for it describes it by the front's."""
    found = [(real, name, front.primary(name).store) for real, name in lacking(front, told).items()]
    return {real: await store.describe(name) for real, name, store in found if store is not None}


def standing_in(front: Front) -> Store | None:
    """A store that answers for a collection that moved, and for the server when that is gone; None as long as there is none."""
    return next((front.primary(name).store for name in front.moved()), None)
