"""What is told of a listener that accepts. Light: results are printed by commands that never serve."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listening:
    """One listener. Texts, because they are shown."""

    name: str
    dialect: str
    address: str
    grpc_address: str
    """Empty when gRPC has no address of its own."""
    url: str
    """As clients reach it."""
    behind: str
    """What answers."""
