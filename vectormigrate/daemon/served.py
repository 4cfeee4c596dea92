"""What `serve` is asked for, checked as a whole: listeners with their upstreams, limits, how to end.

Tables `[listeners.NAME]` of the file make one listener each. What is given by flag or variable describes the one called
`main`, over whatever the file says of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vectormigrate.model.errors import UsageError

from .config import Config, Given, Merged
from .listeners import Address, Limits, Tls
from .serving_settings import LISTENER
from .setting import Value
from .upstream import Target, Timeouts

MAIN = "main"
OWN = "neutral"
"""The dialect that nobody else speaks."""
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """One listener."""

    name: str
    dialect: str
    listen: Address
    upstream: Target | None
    """None for our own API alone."""
    grpc_listen: Address | None = None
    grpc_upstream: Target | None = None
    control_upstream: Target | None = None
    ca: Path | None = None
    advertise: str = ""
    """"" for the address it listens at."""
    index: str = ""
    tls: Tls | None = None
    """What clients are shown; None for none."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """All of it."""

    listeners: tuple[ListenerSettings, ...]
    limits: Limits
    timeouts: Timeouts
    grace: float
    """Seconds."""
    log_level: str
    status_every: float
    """Seconds between two looks that are told; 0 for none."""


def settle(merged: Merged, config: Config) -> ServeSettings:
    """Raises UsageError for what is missing or cannot be meant, by listener and name."""

    def value(name: str) -> Any:
        return merged[name].value

    tables: dict[str, Mapping[str, Value]] = dict(config.listeners)
    given = {
        setting.key: found.value
        for setting in LISTENER
        if (found := merged.get(setting.name, _UNSET)).layer != "default"
    }
    if given:
        tables[MAIN] = {**tables.get(MAIN, {}), **given}
    listeners = tuple(_listener(name, table) for name, table in tables.items())
    _check_apart(listeners)
    return ServeSettings(
        listeners,
        Limits(body=value("max-body") * _MIB, connections=value("max-connections")),
        Timeouts(answer=value("upstream-timeout")),
        value("grace"),
        value("log-level"),
        value("status-every"),
    )


_UNSET = Given(None, "default", "default")


def _listener(name: str, table: Mapping[str, Value]) -> ListenerSettings:
    wanted = ("dialect", "listen") if table.get("dialect") == OWN else ("dialect", "listen", "upstream")
    missing = [key for key in wanted if not table.get(key)]
    if missing:
        flags = ", ".join(f"--{key}" for key in missing)
        raise UsageError(
            f"listener {name!r} lacks {', '.join(missing)}",
            hint=f"give {flags}" if name == MAIN else f"it belongs into [listeners.{name}]",
        )

    def text(key: str) -> str:
        return str(table.get(key) or "")

    def origin(key: str) -> str:
        return f"{key} of listener {name!r}"

    def optional(key: str, parse: Any) -> Any:
        return parse(text(key), origin(key)) if text(key) else None

    certificate, tls_key, client_ca = (_path(text(key)) for key in ("tls_cert", "tls_key", "client_ca"))
    return ListenerSettings(
        name,
        text("dialect"),
        Address.parse(text("listen"), origin("listen")),
        optional("upstream", Target.parse),
        optional("grpc_listen", Address.parse),
        optional("grpc_upstream", Target.parse),
        optional("control_upstream", Target.parse),
        _path(text("source_ca")),
        check_advertised(text("advertise"), origin("advertise")),
        text("index"),
        tls_of(certificate, tls_key, client_ca, f"listener {name!r}"),
    )


def _path(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def tls_of(certificate: Path | None, key: Path | None, client_ca: Path | None, whose: str) -> Tls | None:
    """TLS as it is configured; None for none. Raises UsageError for a part without the rest."""
    if certificate is None:
        if key is not None or client_ca is not None:
            raise UsageError(f"TLS of {whose} needs a certificate")
        return None
    return Tls(certificate, key or certificate, client_ca)


def check_advertised(url: str, origin: str) -> str:
    """The URL as it is, or UsageError for what no client could go to."""
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
        raise UsageError(f"{origin} must be a URL with http:// or https:// and a host")
    return url.rstrip("/")


def _check_apart(listeners: tuple[ListenerSettings, ...]) -> None:
    taken: dict[Address, str] = {}
    for one in listeners:
        if one.grpc_listen == one.listen and one.listen.port:
            raise UsageError(
                f"grpc_listen of listener {one.name!r} is {one.listen} as well, which has HTTP and gRPC anyhow",
                hint="leave it out, or choose another address",
            )
        for key in ("upstream", "grpc_upstream", "control_upstream"):
            target = getattr(one, key)
            if target is not None and any(_leads_to(target, at) for at in (one.listen, one.grpc_listen)):
                raise UsageError(
                    f"{key} of listener {one.name!r} is where it listens itself: {target.authority}",
                    hint="a request would go round for ever; name the address of the vendor's own server",
                )
        for address in filter(None, (one.listen, one.grpc_listen)):
            fixed = bool(address.port or address.path or address.name)
            if fixed and address in taken:
                raise UsageError(f"listeners {taken[address]!r} and {one.name!r} both want {address}")
            taken[address] = one.name


_HERE = ("127.0.0.1", "localhost", "::1")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 what is compared with, not bound


def _leads_to(target: Target, address: Address | None) -> bool:
    """Whether who calls this server calls that address of ours, as far as the words tell."""
    if address is None or not address.port or target.port != address.port:
        return False
    if target.host == address.host:
        return True
    return target.host in (*_HERE, *_EVERYWHERE) and address.host in (*_HERE, *_EVERYWHERE)
