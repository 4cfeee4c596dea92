"""What things are called: the collection that a class, or one tenant of it, is, and the key of an object in it.

A class with tenants is one collection whose keys are pairs of tenant and id, or each of its tenants is a collection,
`Class/tenant`. Which of these holds is decided by what is under migration. Getting this wrong would let a write pass
unmarked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from vectormigrate.model.record import RecordId
from vectormigrate.stores.front import Front

from .endpoints import canonical


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects of a class, or of one tenant of it, are."""

    collection: str
    class_name: str
    tenant: str = ""
    """As the request says."""
    alone: bool = False
    """The collection holds this tenant and no other, so that its keys are ids."""

    def key(self, object_id: UUID) -> RecordId:
        """The key of an object."""
        return (self.tenant, object_id) if self.tenant and not self.alone else object_id

    def object_id(self, key: RecordId) -> UUID:
        """The id of the object that has a key. Raises ValueError for the key of another store."""
        last = key[-1] if isinstance(key, tuple) else key
        if not isinstance(last, UUID):
            raise ValueError(f"{key!r} is no id of an object")  # noqa: TRY004 the value is wrong
        return last

    def is_here(self, key: RecordId) -> bool:
        """Whether a key of the collection is one of this tenant."""
        return self.alone or not isinstance(key, tuple) or key[0] == self.tenant


class Names:
    """The names of everything behind one front."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def place(self, class_name: str, tenant: str = "") -> Place:
        """Where the objects of a class, of one tenant if it is named, are."""
        name = canonical(class_name)
        for one, only in self._tenants(name) if tenant else ():
            if only == tenant:
                return Place(one, name, tenant, alone=True)
        return Place(name, name, tenant)

    def collections(self, class_name: str) -> Sequence[str]:
        """All collections that a class may be: itself, and those of its tenants that are under migration."""
        name = canonical(class_name)
        return [name, *(one for one, _ in self._tenants(name))]

    def _tenants(self, name: str) -> Iterator[tuple[str, str]]:
        """The tenants of a class, by its name or an alias, that are under migration by themselves, and their names."""
        real = self._front.known_as(name)
        for one in self._front.concerned():
            class_name, _, only = one.partition("/")
            if only and self._front.known_as(class_name) == real:
                yield one, only

    def everywhere(self, tenant: str) -> Sequence[Place]:
        """All places under migration where an object may be whose class nobody names."""
        places = []
        for one in self._front.concerned():
            name, _, only = one.partition("/")
            if not only or only == tenant:
                places.append(Place(one, name, tenant, alone=bool(only)))
        return places
