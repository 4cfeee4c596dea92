"""Who asks, and what that one may: three scopes, each holding those below it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a key, or a person at a shell, may do."""

    READ = "read"
    """Look."""
    OPERATE = "operate"
    """Also change migrations, between stores that the configuration names."""
    ADMIN = "admin"
    """Also keys, the audit, and stores that a request describes."""

    def allows(self, needed: Scope) -> bool:
        """Whether this one is enough."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER = (Scope.READ, Scope.OPERATE, Scope.ADMIN)


@dataclass(frozen=True, slots=True)
class Principal:
    """One that was let in."""

    name: str
    """As the audit has it: "key " and the id of a key, or "user " and who owns the shell."""
    scope: Scope
    way: str
    """By which door: "rest", "rpc", "mcp" or "socket"."""
