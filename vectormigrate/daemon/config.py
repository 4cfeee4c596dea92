"""Where each value comes from: flags over environment over file over defaults, with the origin of every one kept.

The file is one TOML: settings at the top, a table for each group of commands (`[migrate]`, `[validate]`, ...), stores
by name (`[stores.NAME]`), listeners (`[listeners.NAME]`), receivers (`[webhooks.NAME]`) and whole migrations
(`[migrations.ID]`, which beats `[migrate]`). A profile (`[profiles.NAME]`, chosen by `--profile`) holds any of these, and lies
over the rest: what has a name is replaced whole, groups of commands key by key. `${VAR}` and
`${VAR:-default}` are filled in before anything is checked, on texts only; `$$` is a dollar. The surprise: addresses
and keys are checked but *not* filled in here. They go on as references, so that the state never learns a secret.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vectormigrate.model.errors import ConfigInvalid, UsageError

from .expansion import expand
from .notice_settings import WEBHOOK
from .serving_settings import LISTENER
from .setting import Kind, Setting, Value
from .settings import GLOBAL, SETTINGS, STORE_KINDS

DEFAULT_FILE = "vectormigrate.toml"

_STORE_KEYS: dict[str, Setting] = {
    "kind": Setting(name="kind", choices=STORE_KINDS, help="Kind of the store."),
    "url": Setting(name="url", help="Where it is.", reference=True),
    "api_key": Setting(name="api-key", help="How to get in.", secret=True, reference=True),
    "options": Setting(name="options", kind=Kind.PAIRS, help="Settings of the adapter."),
}
_LISTENER_KEYS = {setting.key: setting for setting in LISTENER}
_WEBHOOK_KEYS = {setting.key: setting for setting in WEBHOOK}
_NAMED = ("stores", "migrations", "listeners", "webhooks")
_TOP = {setting.key: setting for setting in GLOBAL if setting.name != "config"}
_SECTIONS = {
    section: {setting.key: setting for setting in SETTINGS if setting.section == section}
    for section in dict.fromkeys(setting.section for setting in SETTINGS if setting.section)
}


@dataclass(frozen=True, slots=True)
class Config:
    """A checked file. Values are of their settings' types; addresses and keys are still references."""

    path: str = ""
    """"" when there is none."""
    top: dict[str, Value] = field(default_factory=dict)
    sections: dict[str, dict[str, Value]] = field(default_factory=dict)
    stores: dict[str, dict[str, Value]] = field(default_factory=dict)
    migrations: dict[str, dict[str, Value]] = field(default_factory=dict)
    listeners: dict[str, dict[str, Value]] = field(default_factory=dict)
    webhooks: dict[str, dict[str, Value]] = field(default_factory=dict)
    unset: dict[str, ConfigInvalid] = field(default_factory=dict)
    """What is wrong with each value that could not be had, by its table and key: it wants a variable that is not set. Raised
    to whoever uses it; addresses and keys are not among them, but looked up when they are dialled.
    """


@dataclass(frozen=True, slots=True)
class Given:
    """One value, and who gave it: "flag", "environment", "file" or "default"."""

    value: Value
    layer: str
    origin: str
    """In full, for people: `--batch-size`, `VECTORMIGRATE_BATCH_SIZE`, `vectormigrate.toml [migrate]`, "default"."""


Merged = dict[str, Given]
"""By the setting's name."""


def find(given: str | None, directory: Path) -> Path | None:
    """The file to read: the one asked for, or the one of this directory if there is one."""
    if given:
        return Path(given).expanduser()
    usual = directory / DEFAULT_FILE
    return usual if usual.is_file() else None


def load(path: Path, environ: Mapping[str, str], profile: str | None = None, *, whole: bool = True) -> Config:
    """Read and check a file, as a profile of it has it, which may be named in the file as well. Raises ConfigInvalid that
    names the file and the line or key; unless it is wanted as a `whole`, not for variables that are not set: in a shell at
    night there are few, and a way back wants none of them.
    """
    try:
        text = path.read_bytes().decode()
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(
            f"{path} is not valid TOML: {error}", hint=f"see `vectormigrate config check --config {path}`"
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigInvalid(f"{path} is not UTF-8 text (line {line})") from None
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}") from None
    checker = _Checker(path, text, environ)
    config = checker.check(document, profile)
    if whole and checker.missing:
        raise checker.missing[0]
    return config


class _Checker:
    """One pass over a parsed document; knows the text so that it can name lines."""

    def __init__(self, path: Path, text: str, environ: Mapping[str, str]) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._environ = environ
        self._profile = ""
        self._unset: dict[str, ConfigInvalid] = {}
        self.missing: list[ConfigInvalid] = []
        """What is wrong with values, references too, that want a variable which is not set."""

    def check(self, document: dict[str, Any], profile: str | None) -> Config:
        document = self._overlaid(document, profile)
        tables = {*_NAMED, *_SECTIONS}
        self._known(document, {*_TOP, *tables}, "")
        for name in tables & document.keys():
            if not isinstance(document[name], dict):
                raise self._wrong(name, "", "must be a table")
        config = Config(
            str(self._path),
            self._values({key: document[key] for key in document.keys() - tables}, _TOP, ""),
            {
                section: self._values(document[section], known, section)
                for section, known in _SECTIONS.items()
                if section in document
            },
            self._named(document.get("stores", {}), _STORE_KEYS, "stores"),
            self._named(document.get("migrations", {}), _SECTIONS["migrate"], "migrations"),
            self._named(document.get("listeners", {}), _LISTENER_KEYS, "listeners"),
            self._named(document.get("webhooks", {}), _WEBHOOK_KEYS, "webhooks"),
            self._unset,
        )
        for migration_id, values in config.migrations.items():
            self._profiles(values, config.stores, f"migrations.{migration_id}")
        self._profiles(config.sections.get("migrate", {}), config.stores, "migrate")
        return config

    def _overlaid(self, document: dict[str, Any], profile: str | None) -> dict[str, Any]:
        """The document with a profile over it, and without the others."""
        profiles = document.pop("profiles", {})
        if not isinstance(profiles, dict) or not all(isinstance(one, dict) for one in profiles.values()):
            raise self._wrong("profiles", "", "must hold a table for each name")
        chosen = profile or document.get("profile")
        if not chosen:
            return document
        if chosen not in profiles:
            known = ", ".join(sorted(profiles)) or "none"
            raise self._wrong("profiles", "", f"has no profile {chosen!r}", f"profiles there: {known}")
        self._profile = f"profiles.{chosen}"
        for key, given in profiles[chosen].items():
            below = document.get(key)
            if isinstance(below, dict) and isinstance(given, dict):
                document[key] = {**below, **given}
            else:
                document[key] = given
        return document

    def _named(
        self, tables: dict[str, Any], known: dict[str, Setting], group: str
    ) -> dict[str, dict[str, Value]]:
        for name, table in tables.items():
            if not isinstance(table, dict):
                raise self._wrong(name, group, "must be a table")
        return {name: self._values(table, known, f"{group}.{name}") for name, table in tables.items()}

    def _values(self, table: dict[str, Any], known: dict[str, Setting], where: str) -> dict[str, Value]:
        self._known(table, known, where)
        values: dict[str, Value] = {}
        for key, given in table.items():
            setting = known[key]
            refers, filled = setting.reference and isinstance(given, str), given
            try:
                filled = self._fill(given, key, where)
            except ConfigInvalid as error:
                self.missing.append(error)
                if not refers:
                    self._unset[self._named_key(key, where)] = error
                    continue
            origin = f"{self._place(key, where)}: {self._named_key(key, where)}"
            try:
                values[key] = setting.parse(given if refers else filled, origin)
            except UsageError as error:
                raise ConfigInvalid(error.message, hint=error.hint) from None
        return values

    def _fill(self, given: Any, key: str, where: str) -> Any:
        """Fill in variables, in lists and tables too. References are filled in as well, to check them."""
        if isinstance(given, str):
            try:
                return expand(given, self._environ)
            except KeyError as error:
                raise self._wrong(
                    key,
                    where,
                    f"needs the environment variable {error.args[0]}, which is not set",
                    f"set it, or give a default: ${{{error.args[0]}:-default}}",
                ) from None
        if isinstance(given, list):
            return [self._fill(item, key, where) for item in given]
        if isinstance(given, dict):
            return {name: self._fill(item, key, where) for name, item in given.items()}
        return given

    def _known(self, table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key, list(known), n=1)
                hint = f"did you mean {near[0]}?" if near else f"it may hold: {', '.join(sorted(known))}"
                raise self._wrong(key, where, "is not known", _elsewhere(key) or hint)

    def _profiles(self, values: dict[str, Value], stores: dict[str, Any], where: str) -> None:
        for side in ("source", "target"):
            name = values.get(side)
            if name is not None and name not in stores:
                raise self._wrong(side, where, f"names the store {name!r}, which is not in the file")

    def _named_key(self, key: str, where: str) -> str:
        return f"{where}.{key}" if where else key

    def _place(self, key: str, where: str) -> str:
        """The file, and the line of the key where it can be told: the parser does not keep lines."""
        profiled = f"{self._profile}.{where}".rstrip(".") if self._profile else where
        number = self._line(key, profiled) or self._line(key, where)
        return f"{self._path}, line {number}" if number else str(self._path)

    def _line(self, key: str, where: str) -> int | None:
        inside = not where
        for number, line in enumerate(self._lines, 1):
            bare = line.strip()
            if bare.startswith("["):
                table = bare.strip("[] ").replace('"', "")
                if table == self._named_key(key, where):
                    return number
                inside = table == where
            elif inside and bare.partition("=")[0].strip().strip('"') == key:
                return number
        return None

    def _wrong(self, key: str, where: str, what: str, hint: str = "") -> ConfigInvalid:
        return ConfigInvalid(f"{self._place(key, where)}: {self._named_key(key, where)} {what}", hint=hint)


def _elsewhere(key: str) -> str:
    """Where a key belongs that stands in the wrong table; empty when it belongs nowhere."""
    homes = [f"[{section}]" for section, known in _SECTIONS.items() if key in known]
    homes += ["no table, at the top of the file"] if key in _TOP else []
    return f"{key} belongs in {' or '.join(homes)}" if homes else ""


def merge(
    settings: Iterable[Setting],
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    config: Config,
    migration_id: str | None = None,
) -> Merged:
    """Every setting with its value and origin. `flags` holds what was given, by name, as texts."""
    chosen = list(settings)
    layers = _layers(chosen, flags, environ, config, migration_id)
    merged: Merged = {}
    for setting in chosen:
        given = next((layer[setting.name] for layer in layers if setting.name in layer), None)
        merged[setting.name] = given or Given(setting.default, "default", "default")
    return merged


def _layers(
    settings: list[Setting],
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    config: Config,
    migration_id: str | None,
) -> list[Merged]:
    """Best first. A store profile stands right behind the layer that names it."""
    by_flag, by_variable = {}, {}
    for setting in settings:
        if setting.name in flags:
            flag = f"--{setting.name}"
            by_flag[setting.name] = Given(setting.parse(flags[setting.name], flag), "flag", flag)
        elif environ.get(setting.variable):
            value = setting.parse(environ[setting.variable], setting.variable)
            by_variable[setting.name] = Given(value, "environment", setting.variable)
    layers: list[Merged] = [by_flag, by_variable]
    if migration_id in config.migrations:
        layers.append(
            _from_file(settings, config.migrations[migration_id], config, f"[migrations.{migration_id}]")
        )
    by_section: Merged = {}
    for setting in settings:
        values = config.sections.get(setting.section, {}) if setting.section else config.top
        where = f"[{setting.section}]" if setting.section else "at the top"
        by_section.update(_from_file([setting], values, config, where))
    layers.append(by_section)
    return _with_profiles(layers, config)


def _from_file(settings: list[Setting], values: Mapping[str, Value], config: Config, where: str) -> Merged:
    origin = f"{config.path} {where}"
    table = where.strip("[]") + "." if where.startswith("[") else ""
    for setting in settings:
        if (error := config.unset.get(table + setting.key)) is not None:
            raise error
    return {
        setting.name: Given(values[setting.key], "file", origin)
        for setting in settings
        if setting.key in values
    }


def _with_profiles(layers: list[Merged], config: Config) -> list[Merged]:
    behind: list[Merged] = []
    described: set[str] = set()
    for layer in layers:
        behind.append(layer)
        for side in ("source", "target"):
            named = layer.get(side)
            if f"{side}-type" in layer or f"{side}-url" in layer:
                # Described afresh: the key of a profile further down must not go to another address.
                described.add(side)
            if named is None or side in described:
                continue
            described.add(side)
            behind.append(_profile(side, str(named.value), config))
    return behind


def _profile(side: str, name: str, config: Config) -> Merged:
    store = config.stores.get(name)
    if store is None:
        known = ", ".join(sorted(config.stores)) or "none"
        raise ConfigInvalid(
            f"there is no store {name!r} in {config.path or 'a configuration file'}",
            hint=f"stores there: {known}",
        )
    for key, error in config.unset.items():
        if key.startswith(f"stores.{name}."):
            raise error
    origin = f"{config.path} [stores.{name}]"
    names = {"kind": "type", "url": "url", "api_key": "api-key", "options": "option"}
    return {f"{side}-{names[key]}": Given(value, "file", origin) for key, value in store.items()}
