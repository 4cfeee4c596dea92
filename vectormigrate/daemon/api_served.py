"""What our own API is asked for, checked as a whole: where it listens, with which key, certificates and limits.

Without any key only this machine may connect: an address that others could reach becomes one of loopback when it is given as
`:PORT`, and is refused when it is given in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vectormigrate.model.errors import UsageError

from .config import Given, Merged
from .listeners import Address, Limits, Tls
from .secrets import Secrets, is_reference
from .served import tls_of

OFF = "off"
_LOOPBACK = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 what `:PORT` asks for
LIMITS = Limits(body=1024 * 1024, head=16 * 1024, connections=256, idle=75.0, arrival=15.0)
"""Requests to the API are small; who sends one slowly holds a connection for nothing."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The API of one daemon."""

    listen: Address
    everywhere: bool
    """The address was given as `:PORT`: every address of this machine, once there is a key."""
    asked_for: bool
    """Somebody gave the address: that it cannot be had is an error."""
    key: str = field(repr=False)
    """"" when the configuration gives none."""
    tls: Tls | None
    hosts: frozenset[str]
    per_minute: float
    burst: int
    audit_log: Path | None
    warnings: tuple[str, ...] = ()

    def address(self, *, keyless: bool) -> Address:
        """Where to listen. Raises UsageError for a place that others reach while nobody has a key."""
        if self.everywhere:
            return Address(host=_LOOPBACK if keyless else _EVERYWHERE, port=self.listen.port)
        if keyless and not self.listen.loopback:
            raise UsageError(
                f"the API may not listen at {self.listen} before there is a key: others could reach it",
                hint="make one (vectormigrate keys create), or give one with --api-key-file",
            )
        return self.listen


def settle(merged: Merged, environ: Mapping[str, str]) -> ApiSettings | None:
    """None when no API is wanted. Raises UsageError, ConfigInvalid."""

    def value(name: str) -> Any:
        return merged[name].value

    addr = str(value("addr"))
    if addr == OFF:
        return None
    everywhere = addr.startswith(":")
    given = merged["addr"]
    address = Address.parse(f"{_LOOPBACK}{addr}" if everywhere else addr, given.origin)
    warnings = []
    if merged["api-key"].layer == "flag" and not is_reference(str(value("api-key"))):
        warnings.append("the process list shows --api-key: give it by --api-key-file, or as env:NAME")
    return ApiSettings(
        address,
        everywhere,
        given.layer != "default",
        key_of(merged, environ),
        _tls(merged),
        frozenset(name.lower() for name in value("api-host")),
        value("api-rate"),
        value("api-burst"),
        Path(value("audit-log")).expanduser() if value("audit-log") else None,
        tuple(warnings),
    )


def key_of(merged: Merged, environ: Mapping[str, str]) -> str:
    """The key of the API, as it is; "" for none. Raises ConfigInvalid when it cannot be had."""
    file = merged["api-key-file"].value
    reference = f"file:{file}" if file else str(merged["api-key"].value or "")
    key = Secrets({}, environ).look_up(reference, "the API")
    if file and not key:
        raise UsageError(f"{file} holds no key")
    return key


def _tls(merged: Merged) -> Tls | None:
    certificate, key, client_ca = (
        _path(merged[f"api-{name}"]) for name in ("tls-cert", "tls-key", "client-ca")
    )
    return tls_of(certificate, key, client_ca, "the API")


def _path(given: Given) -> Path | None:
    return Path(str(given.value)).expanduser() if given.value else None
