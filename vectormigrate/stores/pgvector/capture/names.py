"""What the objects of a capture are called: one name, made of the owner and the collection, is the root of all.

A digest, because a migration's id and a table's name together are longer than an identifier may be. The slot's name
carries the database too: slots, alone of all this, belong to the whole cluster.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from vectormigrate.stores.pgvector.names import quote

PREFIX = "vectormigrate_"
TRIGGERS = ("new", "old", "moved", "truncated")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one capture."""

    root: str
    """Schema, publication, and the beginning of the triggers' names."""

    @classmethod
    def of(cls, owner: str, collection: str) -> Names:
        digest = hashlib.sha256(f"{owner}\0{collection}".encode()).hexdigest()
        return cls(PREFIX + digest[:12])

    @property
    def schema(self) -> str:
        return quote(self.root)

    @property
    def changes(self) -> str:
        """The outbox."""
        return f"{self.schema}.changes"

    @property
    def publication(self) -> str:
        return quote(self.root)

    def trigger(self, kind: str) -> str:
        return quote(f"{self.root}_{kind}")

    def slot(self, database: int) -> str:
        """The slot, bare. `database` is the database's oid."""
        return f"{self.root}_{database}"
