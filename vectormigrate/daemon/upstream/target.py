"""Where the vendor's server is, how long to wait for it and whom to trust that it is the one."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vectormigrate.model.errors import ConfigInvalid, UsageError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """An upstream's URL, taken apart."""

    scheme: str
    """"http" or "https": for gRPC the same two words say plain text or TLS."""
    host: str
    port: int
    prefix: str
    """Of every path, without a slash at its end; gRPC has no such thing."""

    @classmethod
    def parse(cls, url: str, origin: str) -> Target:
        """Raises UsageError that names where the URL came from, and shows nothing that may be secret."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UsageError(f"{origin} is not a URL") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UsageError(
                f"{origin} must begin with http:// or https:// and name a host",
                hint="for example http://qdrant.internal:6333",
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise UsageError(
                f"{origin} may hold a host, a port and a path, nothing else",
                hint="the application's own key is passed on; this process needs none to forward",
            )
        return cls(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], parts.path.rstrip("/"))

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """`host:port`, as a name to dial and as a name for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Everything that leaves is bounded: what never ends could land at any time."""

    connect: float = 5.0
    answer: float = 120.0
    """From the request to the end of its answer; between two pieces of one that is passed on while it arrives. Bounds a
    gRPC call as well, unless its caller's own deadline is nearer.
    """
    idle: float = 4.0
    """For which an idle connection is kept: less than the 5 s after which Qdrant, and many others, end one, so that no
    request meets a connection that is just being closed.
    """


def certificates(ca: Path | None) -> ssl.SSLContext:
    """Whom to trust: the system's authorities, or those of a PEM file alone. Raises ConfigInvalid."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        why = (
            error.strerror if isinstance(error, FileNotFoundError) else "it is not a PEM file of certificates"
        )
        raise ConfigInvalid(f"the authorities of {ca} cannot be used: {why}") from None


def pem(ca: Path | None) -> bytes | None:
    """The same for gRPC, which wants the bytes; None is its own list of authorities. Raises ConfigInvalid."""
    if ca is None:
        return None
    certificates(ca)
    return ca.read_bytes()
