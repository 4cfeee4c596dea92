"""The reference store: the whole port in plain Python, exact, and able to misbehave on request.

`memory://NAME` is a database of this process that every store opened on that url shares; an empty url is a new
private one. `Database.capabilities` may be narrowed and `Database.faults` set, before or after opening.
"""

from __future__ import annotations

from vectormigrate.stores.base import Endpoint

from .database import CAPABILITIES, Database, forget, shared
from .faults import Faults, Outcome
from .store import MemoryStore

__all__ = ["CAPABILITIES", "Database", "Faults", "MemoryStore", "Outcome", "forget", "open_store", "shared"]


def open_store(endpoint: Endpoint) -> MemoryStore:
    """Open the shared database that the url names, or a private one when the url is empty."""
    return MemoryStore(endpoint, shared(endpoint.url) if endpoint.url else Database())
