"""An endpoint's options, which are text, as what they mean to more than one adapter."""

from __future__ import annotations

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
