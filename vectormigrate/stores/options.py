"""An endpoint's URL and options, which are text, as what they mean to more than one adapter."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from vectormigrate.model.errors import ConfigInvalid

from .base import Endpoint


def seconds(endpoint: Endpoint, name: str, default: float) -> float:
    """An option that is a time. Raises ConfigInvalid."""
    text = endpoint.options.get(name, "")
    if not text:
        return default
    try:
        given = float(text)
    except ValueError:
        given = 0.0
    if not given > 0:
        raise ConfigInvalid(f"the {endpoint.kind} option {name!r} must be seconds above zero, not {text!r}")
    return given


def port(endpoint: Endpoint, name: str, example: str) -> int | None:
    """An option that is a port; None when it is not given. Raises ConfigInvalid."""
    given = endpoint.options.get(name, "")
    if given and not (given.isdecimal() and 0 < int(given) < 65536):
        raise ConfigInvalid(
            f"the {endpoint.kind} option {name!r} must be a port, not {given!r}", hint=example
        )
    return int(given) if given else None


@dataclass(frozen=True, slots=True)
class Url:
    """An address of HTTP, in its parts."""

    host: str
    port: int | None
    secure: bool
    path: str
    """Without a slash at its end."""


def read_url(endpoint: Endpoint, example: str) -> Url:
    """The URL of an endpoint that is reached by HTTP. Raises ConfigInvalid, and shows nothing of what it holds."""
    kind, parts = endpoint.kind, urlsplit(endpoint.url)
    try:
        number = parts.port
    except ValueError:
        raise ConfigInvalid(f"the port in the {kind} URL is no number", hint=example) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        wrong = f"the {kind} URL cannot be read" if endpoint.url else f"{kind} needs a URL"
        raise ConfigInvalid(wrong, hint=example)
    if parts.username or parts.password:
        raise ConfigInvalid(
            f"the {kind} URL holds a name or a password", hint="give the API key as a setting of its own"
        )
    return Url(parts.hostname, number, parts.scheme == "https", parts.path.rstrip("/"))


def bracketed(host: str) -> str:
    """A host as it stands before a colon and a port."""
    return f"[{host}]" if ":" in host else host
