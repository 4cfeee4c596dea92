"""What was said for a command here, as a request says it to a daemon, or to a later run: values as JSON has them, files by their text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import mapping_file
from .config import Merged
from .setting import Setting, Value
from .specify import SIDES, Request

_GIVEN = ("flag", "environment")
"""What a file says of a command is for this machine alone."""


def said(setting: Setting, value: Value) -> Any:
    """One value. Raises ConfigInvalid for a file that cannot be read."""
    if setting.name == "mapping" and value:
        return mapping_file.text_of(str(value))
    return list(value) if isinstance(value, tuple) else value


def worded(settings: Iterable[Setting], merged: Merged) -> dict[str, Any]:
    """Every one that was given by a flag or a variable, by its name in a request."""
    return {
        setting.key: said(setting, merged[setting.name].value)
        for setting in settings
        if merged[setting.name].layer in _GIVEN
    }


def sealed(words: dict[str, Any], request: Request) -> dict[str, Any]:
    """The same without any secret by value."""
    refs = {side: getattr(request.specification, side) for side in SIDES}
    safe = {f"{side}_url": ref.url for side, ref in refs.items()}
    safe |= {f"{side}_api_key": ref.api_key for side, ref in refs.items()}
    told = {name: safe.get(name, value) for name, value in words.items()}
    return {name: value for name, value in told.items() if value not in (None, "")}
