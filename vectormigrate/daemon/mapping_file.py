"""The mapping file: TOML that people edit, to `MappingOptions` and a `Division`, and back.

`plan` and `schema` write what would happen (`--write-mapping`), `--mapping` says what shall. Unknown keys are refused with what was
perhaps meant: a wish that is not understood must not be passed over.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from vectormigrate.model.collection import FieldType, IdField, IdKind, Metric
from vectormigrate.model.division import WHOLE, Division
from vectormigrate.model.edits import CASTABLE, Edit, Redaction
from vectormigrate.model.errors import ConfigInvalid, UsageError
from vectormigrate.model.exchange import read_filter
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.plan import Loss
from vectormigrate.model.profiles import FRAMEWORKS
from vectormigrate.model.selection import Selection

_TOP = ("accept", "metric", "surrogates", "lengths", "layout", "records", "split", "fields", "vectors")
_RECORDS = ("where", "partitions")
_SPLIT = ("by", "into", "rest")
_FIELD = ("rename", "drop", "spread", "cast", "default", "redact", "constant")
_VECTOR = ("rename", "drop", "narrow")


def load(path: str) -> MappingOptions:
    """Read and check a file, or its text. Raises ConfigInvalid that names the file and the key."""
    return _Reader(_named(path)).options(_document(path))


def division(path: str) -> Division:
    """What the file makes parts by, if it does. Raises ConfigInvalid as `load` does."""
    return _Reader(_named(path)).division(_document(path))


def is_text(given: str) -> bool:
    """Whether this is what stands in a file, and not its name."""
    return "\n" in given


def text_of(given: str) -> str:
    """What stands in a file, where that is not what was given. Raises ConfigInvalid when it cannot be read."""
    return given if is_text(given) else f"{_read(given)}\n"


def _named(given: str) -> str:
    return "the mapping" if is_text(given) else given


def _document(given: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text_of(given))
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(f"{_named(given)} is not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigInvalid(f"{_named(given)} is nested too deeply") from None


def _read(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}") from None


class _Reader:
    """One pass over a parsed document."""

    def __init__(self, path: str) -> None:
        self._path = path

    def options(self, document: dict[str, Any]) -> MappingOptions:
        self._known(document, _TOP, "")
        fields = self._tables(document, "fields", _FIELD)
        vectors = self._tables(document, "vectors", _VECTOR)
        things = {**fields, **vectors}
        metric = document.get("metric")
        try:
            return MappingOptions(
                rename=self._renames(things) or None,
                drop=tuple(name for name, table in things.items() if self._flag(table, "drop", name)),
                spread=tuple(name for name, table in fields.items() if self._flag(table, "spread", name)),
                narrow=tuple(name for name, table in vectors.items() if self._flag(table, "narrow", name)),
                metric=None if metric is None else Metric(metric),
                edits=tuple(filter(None, (self._edit(name, table) for name, table in fields.items()))),
                selection=self._selection(document.get("records", {})),
                accept=self._names(document.get("accept", []), "accept"),
                surrogates=self._flag(document, "surrogates", ""),
                lengths=self._flag(document, "lengths", "") if "lengths" in document else None,
                source_layout=self._layout(document, "source"),
                target_layout=self._layout(document, "target"),
            )
        except ValueError:
            raise self._wrong("metric", f"must be one of {', '.join(Metric)}") from None

    def division(self, document: dict[str, Any]) -> Division:
        table = document.get("split", {})
        if not isinstance(table, dict):
            raise self._wrong("split", "must be a table")
        self._known(table, _SPLIT, "split.")
        by, into, rest = table.get("by", ""), table.get("into", {}), table.get("rest", "")
        if not isinstance(by, str) or (table and not by):
            raise self._wrong("split.by", "must be the name of a field")
        if not isinstance(into, dict) or not all(isinstance(name, str) and name for name in into.values()):
            raise self._wrong("split.into", "must give a collection for each value")
        if not isinstance(rest, str):
            raise self._wrong("split.rest", "must be a collection")
        return Division(value_of=by, into=into, rest=rest)

    def _renames(self, things: Mapping[str, dict[str, Any]]) -> dict[str, str]:
        renames = {name: table["rename"] for name, table in things.items() if "rename" in table}
        for name, target in renames.items():
            if not isinstance(target, str) or not target:
                raise self._wrong(f"{name}.rename", "must be a name")
        return renames

    def _edit(self, name: str, table: dict[str, Any]) -> Edit | None:
        cast, redact, constant = table.get("cast"), table.get("redact", ""), table.get("constant")
        if cast is not None and cast not in CASTABLE:
            raise self._wrong(f"fields.{name}.cast", f"must be one of {', '.join(CASTABLE)}")
        if redact not in tuple(Redaction):
            raise self._wrong(f"fields.{name}.redact", "must be constant or hash")
        if (redact == Redaction.CONSTANT) != ("constant" in table):
            raise self._wrong(f"fields.{name}.constant", 'goes with redact = "constant", and it with that')
        edit = Edit(
            name, FieldType(cast) if cast else None, table.get("default"), Redaction(redact), constant
        )
        return None if edit == Edit(name) else edit

    def _selection(self, table: Any) -> Selection:
        if not isinstance(table, dict):
            raise self._wrong("records", "must be a table")
        self._known(table, _RECORDS, "records.")
        where = table.get("where")
        if where is not None:
            try:
                read_filter(where, IdField("", IdKind.TEXT))
            except UsageError as error:
                raise self._wrong("records.where", f"is not understood: {error.message}") from None
        return Selection(where, self._names(table.get("partitions", []), "records.partitions"))

    def _layout(self, document: dict[str, Any], side: str) -> str:
        table = document.get("layout", {})
        if not isinstance(table, dict):
            raise self._wrong("layout", "must be a table")
        self._known(table, ("source", "target"), "layout.")
        word = table.get(side, "")
        if word not in ("", *FRAMEWORKS):
            raise self._wrong(f"layout.{side}", f"must be one of {', '.join(FRAMEWORKS)}")
        return str(word)

    def _tables(
        self, document: dict[str, Any], group: str, known: Iterable[str]
    ) -> dict[str, dict[str, Any]]:
        tables = document.get(group, {})
        if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
            raise self._wrong(group, "must hold a table for each name")
        for name, table in tables.items():
            self._known(table, known, f"{group}.{name}.")
        return tables

    def _flag(self, table: dict[str, Any], key: str, name: str) -> bool:
        if not isinstance(table.get(key, False), bool):
            raise self._wrong(f"{name}.{key}".lstrip("."), "must be true or false")
        return bool(table.get(key, False))

    def _names(self, value: Any, key: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "must be a list of names")
        return tuple(value)

    def _known(self, table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key, list(known), n=1)
                hint = f"did you mean {near[0]}?" if near else f"it may hold: {', '.join(known)}"
                raise ConfigInvalid(f"{self._path}: {where}{key} is not known", hint=hint)

    def _wrong(self, key: str, what: str) -> ConfigInvalid:
        return ConfigInvalid(f"{self._path}: {key} {what}")


# Writing.


class Foreseen(Protocol):
    """What is written: a `PlanDocument`, or a `SchemaDocument`."""

    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def vectors(self) -> Iterable[dict[str, object]]: ...
    @property
    def fields(self) -> Iterable[dict[str, object]]: ...
    @property
    def named_losses(self) -> Iterable[Loss]: ...
    @property
    def inferred(self) -> Iterable[dict[str, object]]: ...
    @property
    def layout(self) -> dict[str, object]: ...


def write(path: str, plan: Foreseen, options: MappingOptions, division: Division = WHOLE) -> None:
    """Write a plan as a file to edit. Raises ConfigInvalid when it cannot be written."""
    lines = (*_whole(plan, options), *_split(division), *_lines(plan, options))
    try:
        Path(path).expanduser().write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be written: {error.strerror}") from None


def _lines(plan: Foreseen, options: MappingOptions) -> Iterable[str]:
    edits = {edit.field: edit for edit in options.edits}
    for item in plan.vectors:
        yield from _table("vectors", item, options, {"narrow": str(item["source"]) in options.narrow})
    written = {str(item["source"]) for item in plan.fields}
    named = sorted({*edits, *options.spread} - written)
    unplanned: list[dict[str, object]] = [
        {"source": name, "target": name, "fate": "edited", "reason": ""} for name in named
    ]
    for item in (*plan.fields, *unplanned):
        name = str(item["source"])
        yield from _table("fields", item, options, _edited(edits.get(name), spread=name in options.spread))
    yield from _sampled(plan, written | set(named))


def _whole(plan: Foreseen, options: MappingOptions) -> Iterable[str]:
    """What concerns the whole collection."""
    yield f"# {plan.source} -> {plan.target}: edit, then give it to plan and migrate with --mapping."
    yield "# What each key means: docs/mapping.md."
    yield ""
    yield "# Losses that may happen, by name:"
    for loss in plan.named_losses:
        yield f"#   {loss.name}: {_one_line(loss.reason)}"
    yield f"accept = {_value(list(options.accept))}"
    if options.metric is not None:
        yield f"metric = {_value(options.metric.value)}"
    if options.surrogates:
        yield "surrogates = true"
    if options.lengths is not None:
        yield f"lengths = {_value(options.lengths)}"
    if plan.layout:
        yield "\n[layout]"
        yield f"source = {_value(plan.layout['source'])}"
        yield f"target = {_value(plan.layout['target'])}"
    if options.selection:
        yield "\n[records]"
        if options.selection.where is not None:
            yield f"where = {_value(options.selection.where)}"
        if options.selection.partitions:
            yield f"partitions = {_value(list(options.selection.partitions))}"


def _split(division: Division) -> Iterable[str]:
    """What makes the parts, where values of a field do."""
    if division.value_of:
        yield "\n[split]"
        yield f"by = {_value(division.value_of)}"
        yield f"into = {_value(division.into)}"
        if division.rest:
            yield f"rest = {_value(division.rest)}"


def _sampled(plan: Foreseen, written: set[str]) -> Iterable[str]:
    """Keys that nobody declared, as the sample has them."""
    for seen in plan.inferred:
        name = str(seen["name"])
        if name not in written:
            yield ""
            yield f"# seen in {seen['present']} sampled records as {seen['type']}"
            yield f"# [fields.{_value(name)}]"


def _table(
    group: str, item: Mapping[str, object], options: MappingOptions, more: Mapping[str, Any]
) -> Iterable[str]:
    name, target = str(item["source"]), str(item["target"])
    if name in ("*", "(partition)"):
        return
    yield ""
    yield f"# {item['fate']}" + (f": {_one_line(str(item['reason']))}" if item["reason"] else "")
    yield f"[{group}.{_value(name)}]"
    if target not in ("", name):
        yield f"rename = {_value(target)}"
    if name in options.drop:
        yield "drop = true"
    for key, value in more.items():
        if value is not None and value is not False:
            yield f"{key} = {_value(value)}"


def _edited(edit: Edit | None, *, spread: bool) -> dict[str, Any]:
    if edit is None:
        return {"spread": spread}
    return {
        "spread": spread,
        "cast": edit.cast.value if edit.cast else None,
        "default": edit.default,
        "redact": edit.redact.value or None,
        "constant": edit.constant,
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _value(value: Any) -> str:
    """A TOML value; texts are escaped as JSON does, which TOML reads alike."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case dict():
            return "{ " + ", ".join(f"{_value(key)} = {_value(item)}" for key, item in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            return json.dumps(str(value)).replace("\x7f", "\\u007f")
