"""`config show` and `config check`: every value with who gave it, secrets as stars."""

from __future__ import annotations

from typing import Any

from vectormigrate.daemon import config as configuration
from vectormigrate.daemon.config import Given
from vectormigrate.daemon.secrets import is_reference, seal
from vectormigrate.daemon.setting import Setting
from vectormigrate.daemon.settings import SETTINGS
from vectormigrate.model.specification import StoreRef

from .call import Answer, Call, default_state

STARS = "***"


def config(call: Call) -> Answer:
    """Show or check. A file that cannot be used has stopped the command before it came here."""
    if call.words["action"] == "check":
        path = call.config.path
        told = f"{path}: can be used" if path else "there is no configuration file; defaults are used"
        return Answer({"file": path, "ok": True}, text=told)
    document = shown(call)
    return Answer(document, text="\n".join(_lines(document)))


def shown(call: Call) -> dict[str, Any]:
    """Every value with who gave it, secrets as stars."""
    merged = configuration.merge(SETTINGS, {}, call.environ, call.config) | {
        name: given for name, given in call.merged.items() if given.layer == "flag"
    }
    return {
        "file": call.config.path,
        "settings": {setting.name: _shown(setting, merged[setting.name], call) for setting in SETTINGS},
        "stores": {name: _profile(values) for name, values in call.config.stores.items()},
        "migrations": {name: _profile(values) for name, values in call.config.migrations.items()},
        "listeners": {name: _profile(values) for name, values in call.config.listeners.items()},
        "webhooks": {name: _profile(values) for name, values in call.config.webhooks.items()},
    }


def _shown(setting: Setting, given: Given, call: Call) -> dict[str, Any]:
    value: Any = given.value
    if setting.name == "state" and not value:
        value = str(default_state(call.environ))
    return {"value": hidden(setting.key, value), "origin": given.origin, "unit": setting.unit}


def hidden(key: str, value: Any) -> Any:
    """The value, with stars for a secret by value; a reference is no secret."""
    if not isinstance(value, str):
        return value
    if key.endswith(("api_key", "secret")):
        return value if is_reference(value) else STARS
    if key.endswith("url"):
        sealed = seal(StoreRef("", value, "")).ref.url
        return value if sealed == value else f"{sealed} (password {STARS})"
    return value


def _profile(values: dict[str, Any]) -> dict[str, Any]:
    return {key: hidden(key, value) for key, value in values.items()}


def _lines(document: dict[str, Any]) -> list[str]:
    lines = [f"file: {document['file'] or 'none'}", ""]
    width = max(map(len, document["settings"]))
    for name, shown in document["settings"].items():
        unit = f" {shown['unit']}" if shown["unit"] else ""
        lines.append(f"{name:<{width}}  {_text(shown['value'])}{unit}  ({shown['origin']})")
    for group in ("stores", "migrations", "listeners", "webhooks"):
        for name, values in document[group].items():
            lines += ["", f"[{group}.{name}]", *(f"{key} = {_text(value)}" for key, value in values.items())]
    return lines


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(value) or "none"
    return "not set" if value in (None, "") else str(value)
