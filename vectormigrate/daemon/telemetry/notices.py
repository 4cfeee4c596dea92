"""Whom a daemon tells what happens, as it is configured: checked as a whole, secrets looked up."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from vectormigrate.daemon.chronicle import name_of
from vectormigrate.daemon.config import Config, Merged
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.setting import Value
from vectormigrate.model.errors import UsageError
from vectormigrate.model.events import Event, Progress

from .happenings import DERIVED
from .hooks import Hooks
from .webhooks import Webhook

NAMES = (*DERIVED, *(name_of(kind) for kind in get_args(Event) if kind is not Progress))
"""Everything that can be told."""


def hooks_of(merged: Merged, environ: Mapping[str, str]) -> Hooks | None:
    """Raises ConfigInvalid for a folder that others may change."""
    folder = merged["hooks"].value
    if not folder:
        return None
    hooks = Hooks(Path(str(folder)).expanduser(), float(str(merged["hook-timeout"].value)), environ)
    hooks.check()
    return hooks


def webhooks_of(config: Config, environ: Mapping[str, str]) -> tuple[Webhook, ...]:
    """Raises UsageError for what cannot be meant, ConfigInvalid for a secret that cannot be had."""
    secrets = Secrets({}, environ)
    return tuple(_webhook(name, table, secrets) for name, table in config.webhooks.items())


def _webhook(name: str, table: Mapping[str, Value], secrets: Secrets) -> Webhook:
    where = f"webhook {name!r}"
    url = secrets.look_up(str(table.get("url") or ""), where)
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise UsageError(f"{where} needs a url that begins with http:// or https:// and names a host")
    events = table.get("events") or ()
    assert isinstance(events, tuple)
    for one in events:
        if one not in NAMES:
            near = get_close_matches(one, NAMES, n=1)
            raise UsageError(
                f"{where} asks for {one!r}, which nothing is called",
                hint=f"did you mean {near[0]}?" if near else f"there is: {', '.join(sorted(NAMES))}",
            )
    return Webhook(name, url, secrets.look_up(str(table.get("secret") or ""), where), frozenset(events))
