"""What a listener takes at most. Beyond it the answer is 413, 431, 503 or RESOURCE_EXHAUSTED, never silence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one listener."""

    body: int = 64 * 1024 * 1024
    """Bytes of a request's body. Qdrant's own default is 32 MiB."""
    head: int = 64 * 1024
    """Bytes of a request's line and headers."""
    connections: int = 4096
    """HTTP connections, and as many gRPC calls, at a time."""
    backlog: int = 2048
    """Connections that the kernel holds until they are accepted, over a restart with an inherited socket too."""
    idle: float = 75.0
    """Seconds for which a connection without a request stays open: longer than any client keeps one, so that it is the
    client who closes and no request meets a connection that is just being closed.
    """
    patience: float = 5.0
    """Seconds for which a body that is too large is read and thrown away, so that its sender hears why."""
    arrival: float = 300.0
    """Seconds from the first byte of a request to its last; a bulk of 64 MiB may come over a slow line."""
    handshake: float = 10.0
    """Seconds for which a client may take to agree on a TLS connection."""
