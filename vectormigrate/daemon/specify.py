"""Settings to a specification: what a migration is asked to do, checked as a whole and free of secrets.

Every problem of a kind is told at once (all missing flags in one error). An id that exists already is laid under the
settings: what was given again must be what was given then, and what was not given stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vectormigrate.model.collection import Metric
from vectormigrate.model.division import NAME, Division, whole_of
from vectormigrate.model.errors import MigrationExists, UsageError
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.phase import STEPS
from vectormigrate.model.specification import Existing, Mode, Specification, StoreRef, WayBack

from . import mapping_file, secrets
from .config import Given, Merged
from .secrets import Literal, StoreKey
from .throttle_settings import CRITICAL, PACE, THROTTLE

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(:[A-Za-z0-9._~-]{1,200})?")
"""Of a migration, or of a part of one."""
SIDES = ("source", "target")
_NO_ADDRESS = ("memory", "pinecone")
_ON_DISK = ("sqlite", "milvus", "parquet")
_FILES = ("parquet",)
_NAMES = ("drop", "spread", "narrow", "accept")
"""Settings of the mapping that are lists of names."""
_DIVIDING = {"each-collection": "collections", "each-partition": "partitions", "each-value": "value_of"}
"""Settings that make parts, to the fields of a division; one of them at a time."""
_PARTS = {**_DIVIDING, "into": "into", "rest": "rest"}
_PLAIN = (
    *(one.name for one in (*PACE, *THROTTLE, CRITICAL)),
    "batch-size",
    "max-retries",
    "validate-every",
    "workers",
    "quarantine",
    "approval",
)
"""Settings that are fields of a specification as they are."""


@dataclass(frozen=True, slots=True)
class Request:
    """A checked wish: what to store, what only this run knows, and what the user should hear."""

    specification: Specification
    literals: dict[StoreKey, Literal] = field(repr=False)
    warnings: tuple[str, ...]


def check_id(migration_id: str) -> str:
    """The id as it is, or UsageError."""
    if not ID_PATTERN.fullmatch(migration_id):
        raise UsageError(
            f"{migration_id[:140]!r} cannot be the id of a migration",
            hint="1 to 128 letters, digits, dots, hyphens and underscores, a letter or digit first",
        )
    return migration_id


Went = Callable[[str], tuple[Specification, WayBack]]
"""What a migration of the state file was asked for, and the way back of it. Raises UsageError where there is none."""


def _nowhere(migration_id: str) -> tuple[Specification, WayBack]:
    raise UsageError(f"of {migration_id!r} there is nothing to go back by here")


def specify(migration_id: str, merged: Merged, went: Went = _nowhere) -> Request:
    """A new migration; `went` is asked when it shall be the way back of another. Raises UsageError that names every missing
    flag.
    """
    check_id(migration_id)
    if whole_of(migration_id):
        raise UsageError(
            f"there is no part {migration_id!r}, and a part is not made by itself",
            hint=f"parts are made with the whole: vectormigrate migrate {whole_of(migration_id)} --help",
        )
    back_of = _value(merged, "back-of")
    if back_of:
        specification = _back(migration_id, merged, went(str(back_of)))
    else:
        specification = Specification(migration_id, _side("source", merged), _side("target", merged))
    missing = [name for side in SIDES for name in _missing(side, getattr(specification, side))]
    if missing:
        raise UsageError(
            f"there is no migration {migration_id!r} to go on with, and to make one there are missing:"
            f" {', '.join('--' + name for name in missing)}",
            hint="give them as flags, as VECTORMIGRATE_* variables or in vectormigrate.toml;"
            " `vectormigrate migrate --help` shows examples",
        )
    return _seal(_apply(specification, merged, lambda given: True), merged)


def _back(migration_id: str, merged: Merged, went: tuple[Specification, WayBack]) -> Specification:
    """From where the other migration went to where it came from, another collection there; flags beat both places."""
    there, back = went
    if _value(merged, "mode") != Mode.OFFLINE:
        raise UsageError(
            "a way back is gone offline: nothing may be written meanwhile", hint="leave --mode out"
        )
    came_to, came_from = replace(there.target, redact_key=""), replace(there.source, collection="")
    source, target = (
        _given_over(ref, _side(side, merged)) for side, ref in (("source", came_to), ("target", came_from))
    )
    if (source.kind, source.collection) != (there.target.kind, there.target.collection):
        raise UsageError(
            f"the way back of {back.of!r} begins in {there.target.kind}:{there.target.collection},"
            f" not in {source.kind}:{source.collection}",
            hint="leave --source-type and --source-index out",
        )
    return Specification(migration_id, source, target, back=back)


def _given_over(ref: StoreRef, given: StoreRef) -> StoreRef:
    """A side with what was given in place of what it had. An address and a key belong to a kind of store."""
    if given.kind and given.kind != ref.kind:
        return replace(given, collection=given.collection or ref.collection)
    return replace(
        ref,
        url=given.url or ref.url,
        collection=given.collection or ref.collection,
        api_key=given.api_key or ref.api_key,
        options=given.options or ref.options,
    )


_UNNAMED = "unnamed"
"""In place of an id, of what is asked of stores and of no migration."""


def described(merged: Merged) -> Request:
    """A source to be looked at, and a target of which the kind is enough. Raises UsageError that names every missing flag."""
    specification = Specification(_UNNAMED, _side("source", merged), _side("target", merged))
    source = specification.source
    missing = [f"{side}-type" for side in SIDES if not getattr(specification, side).kind]
    if source.collection and not source.url and source.kind not in _NO_ADDRESS:
        missing.append("source-url")
    if missing:
        raise UsageError(
            f"there are missing: {', '.join('--' + name for name in missing)}",
            hint="name the source with its collection, or two kinds of store; `vectormigrate schema --help` shows examples",
        )
    return _seal(_apply(specification, merged, lambda given: True), merged)


def mapped(merged: Merged) -> tuple[MappingOptions, Division]:
    """What was said about a mapping and about parts, without knowing of what. Raises as `specify` does."""
    told = _apply(Specification(_UNNAMED, StoreRef("", "", ""), StoreRef("", "", "")), merged, lambda _: True)
    return told.mapping, told.division


def overlay(stored: Specification, merged: Merged) -> Request:
    """An existing migration and what was given with its id. Raises MigrationExists naming what differs.

    A key that is given now is for this run, by reference or not: the stored migration keeps the one it has.
    """
    wished = _apply(stored, merged, lambda given: given.layer != "default")
    for side in SIDES:
        ref, given = getattr(wished, side), _side(side, merged)
        wished = _with_side(wished, side, replace(_given_over(ref, given), api_key=given.api_key))
    request = _seal(wished, merged)
    differing = _differences(stored, request.specification)
    went, back_of = (stored.back.of if stored.back else ""), _value(merged, "back-of")
    if back_of and back_of != went:
        differing.append(f"back-of is {_show(went)}, not {back_of}")
    if differing:
        raise MigrationExists(
            f"migration {stored.id!r} exists with other settings: {'; '.join(differing)}",
            hint=f"go on with it as it is: vectormigrate resume {stored.id}; or choose another id",
        )
    literals = dict(request.literals)
    for side in SIDES:
        now = getattr(request.specification, side).api_key
        if now:
            place = secrets.key(getattr(stored, side))
            literals[place] = replace(literals.get(place, Literal()), api_key=now)
    return replace(request, specification=stored, literals=literals)


def _value(merged: Merged, name: str) -> Any:
    given = merged.get(name)
    return given.value if given is not None else None


def _missing(side: str, ref: StoreRef) -> list[str]:
    needed = {"type": ref.kind, "url": ref.url or ref.kind in _NO_ADDRESS, "index": ref.collection}
    return [f"{side}-{name}" for name, given in needed.items() if not given]


def _side(side: str, merged: Merged) -> StoreRef:
    kind = _value(merged, f"{side}-type") or ""
    return StoreRef(
        kind,
        _address(kind, _value(merged, f"{side}-url") or ""),
        _value(merged, f"{side}-index") or _index_of_parts(side, merged),
        _value(merged, f"{side}-api-key") or "",
        dict(_value(merged, f"{side}-option") or {}),
    )


def _index_of_parts(side: str, merged: Merged) -> str:
    """What stands for the collection of a side where every part has its own."""
    if side == "source":
        return ", ".join(_value(merged, "each-collection") or ())
    divided = any(_value(merged, name) for name in _DIVIDING)
    return NAME if divided or (_value(merged, "mapping") and _split(merged)) else ""


def _split(merged: Merged) -> Division:
    """What the mapping file makes parts by."""
    return mapping_file.division(str(_value(merged, "mapping")))


def _address(kind: str, url: str) -> str:
    """Paths are made absolute: a later command may run in another directory."""
    if (kind and kind not in _ON_DISK) or not url or "://" in url or url.startswith(("$", ":")):
        return url
    if not kind and "=" in url:
        return url
    return str(Path(url).expanduser().absolute())


def _apply(stored: Specification, merged: Merged, take: Callable[[Given], bool]) -> Specification:
    """Put the wanted values over those of a specification."""

    def wanted(name: str) -> bool:
        return name in merged and take(merged[name])

    plain: dict[str, Any] = {name.replace("-", "_"): merged[name].value for name in _PLAIN if wanted(name)}
    if wanted("existing"):
        plain["existing"] = Existing(str(merged["existing"].value))
    if wanted("mode"):
        plain["mode"] = Mode(str(merged["mode"].value))
    parts = {
        attribute: _value(merged, name)
        for name, attribute in _PARTS.items()
        if wanted(name) and _value(merged, name)
    }
    split = _split(merged) if wanted("mapping") and _value(merged, "mapping") else None
    plain["division"] = replace(split or stored.divided, **parts)
    if wanted("redact-key") and _value(merged, "redact-key"):
        plain["target"] = replace(stored.target, redact_key=_reference(str(merged["redact-key"].value)))
    return replace(stored, mapping=_mapping(stored.mapping, merged, wanted), **plain)


def _mapping(stored: MappingOptions, merged: Merged, wanted: Callable[[str], bool]) -> MappingOptions:
    """The mapping file, if one is given, and the flags over it: they add to its names and beat its values."""
    path = _value(merged, "mapping") if wanted("mapping") else None
    below = mapping_file.load(str(path)) if path else None
    given: dict[str, Any] = {}
    if wanted("rename"):
        renames = dict(_value(merged, "rename") or {})
        given["rename"] = {**((below and below.rename) or {}), **renames} or None
    for name in _NAMES:
        if wanted(name):
            named = tuple(_value(merged, name) or ())
            given[name] = tuple(dict.fromkeys((*(getattr(below, name) if below else ()), *named)))
    if wanted("metric") and _value(merged, "metric"):
        given["metric"] = Metric(str(merged["metric"].value))
    for side in SIDES:
        if wanted(f"{side}-layout") and _value(merged, f"{side}-layout"):
            given[f"{side}_layout"] = str(merged[f"{side}-layout"].value)
    if below is not None and below.lengths is None:
        given["lengths"] = stored.lengths
    options: MappingOptions = replace(stored if below is None else below, **given)
    return options


def _check_approval(wished: Specification) -> None:
    """Raise UsageError for a step that nothing is called."""
    for step in wished.approval:
        if step not in STEPS:
            raise UsageError(f"no step is called {step!r}", hint=f"these can wait: {', '.join(STEPS)}")


def _check_division(wished: Specification, merged: Merged) -> None:
    """Raise UsageError for parts that cannot be meant."""
    division, source, live = wished.division, wished.source, wished.mode is not Mode.OFFLINE
    given = [f"--{name}" for name, attribute in _DIVIDING.items() if getattr(division, attribute)]
    problems = (
        (
            len(given) > 1,
            f"parts are made by {' or by '.join(given)}, not by both",
            "leave one of them out",
        ),
        (
            not division and bool(division.into or division.rest),
            "--into and --rest are for a migration of several parts",
            "say what makes the parts: --each-collection, --each-partition or --each-value",
        ),
        (
            bool(division.rest) and not division.value_of,
            "--rest goes with --each-value",
            "name every part, or a pattern that all are like",
        ),
        (
            bool(division.collections) and bool(_value(merged, "source-index")),
            "--each-collection stands in place of --source-index",
            "leave --source-index out",
        ),
        (
            bool(division.partitions)
            and bool(wished.mapping.selection.partitions)
            and wished.target.placement is None,
            "--each-partition moves partitions one by one, and the mapping file chooses among them for one migration",
            "leave one of them out: --each-partition takes names",
        ),
        (
            bool(division) and NAME not in wished.target.collection,
            f"several parts cannot all go to {wished.target.collection!r}",
            f"put {NAME} into --target-index: it stands for the name of each part",
        ),
        (
            wished.splits and wished.existing is not Existing.FAIL,
            f"--existing {wished.existing} is for a target that holds records; what a collection in use is split into is new or empty",
            "leave --existing out, and name collections that nobody uses",
        ),
        (
            bool(division) and wished.back is not None,
            "a way back is gone one part at a time",
            "name the part: --back-of ID:PART",
        ),
        (
            live and source.kind == "milvus" and "/" in source.collection,
            "a partition of a Milvus collection is no collection to whoever writes to it",
            f"name {source.collection.partition('/')[0]!r}, and choose it with `partitions` under [records] of --mapping",
        ),
    )
    for wrong, problem, hint in problems:
        if wrong:
            raise UsageError(problem, hint=hint)


def _reference(key: str) -> str:
    if not secrets.is_reference(key):
        raise UsageError(
            "the key of redactions cannot be given by value: every later run needs it, and it is never stored",
            hint="say where it is: --redact-key env:NAME, file:PATH or command:LINE",
        )
    return key


def _seal(wished: Specification, merged: Merged) -> Request:
    _check_division(wished, merged)
    _check_approval(wished)
    _refuse_same(wished)
    _refuse_files(wished)
    literals: dict[StoreKey, Literal] = {}
    warnings: list[str] = []
    for side in SIDES:
        given = getattr(wished, side)
        variable = merged.get(f"{side}-api-key")
        if (
            variable is not None
            and variable.layer == "environment"
            and not secrets.is_reference(given.api_key)
        ):
            given = replace(given, api_key=f"env:{variable.origin}")
        sealed = secrets.seal(given)
        wished = _with_side(wished, side, sealed.ref)
        if sealed.literal is not None:
            literals[secrets.key(sealed.ref)] = sealed.literal
            warnings += _advice(side, sealed.literal, merged)
    return Request(wished, literals, tuple(warnings))


def _advice(side: str, literal: Literal, merged: Merged) -> list[str]:
    told = []
    for name, value, way in (
        (f"{side}-api-key", literal.api_key, f"--{side}-api-key env:NAME, file:PATH or command:LINE"),
        (f"{side}-url", literal.url, f"'${{NAME}}' in its place in --{side}-url"),
    ):
        if not value:
            continue
        given = merged.get(name)
        seen = "; the process list shows it" if given is not None and given.layer == "flag" else ""
        what = "key" if name.endswith("key") else "password"
        told.append(
            f"the {what} of the {side} is not stored, so later commands need it again{seen}: give it by reference, {way}"
        )
    return told


def _refuse_files(wished: Specification) -> None:
    files = [ref.kind for ref in (wished.source, wished.target) if ref.kind in _FILES]
    if files and wished.mode is not Mode.OFFLINE:
        raise UsageError(
            f"a store of type {files[0]} answers no application, so no migration with live writes can have it on a side",
            hint="leave --mode out: an export of a collection that is written to holds each record as it was when it was read",
        )


def _refuse_same(wished: Specification) -> None:
    source, target = wished.source, wished.target
    if (
        source.kind == target.kind
        and bool(target.collection)
        and source.collection == target.collection
        and not wished.division
        and _place(source) == _place(target)
    ):
        raise UsageError(
            "source and target are the same collection",
            hint="nothing to do: name another --target-index or --target-url",
            store=source.kind,
            collection=source.collection,
        )


def _place(ref: StoreRef) -> str:
    """Where an address leads, without who goes there and with which options."""
    url = secrets.seal(ref).ref.url
    if "://" in url:
        scheme, _, rest = url.partition("://")
        host = rest.rpartition("@")[2].partition("?")[0].rstrip("/").lower()
        return "postgres://" + host if scheme.startswith("postgres") else f"{scheme.lower()}://{host}"
    if ref.kind in _ON_DISK and url and not url.startswith((":", "$")):
        return str(Path(url).resolve())
    return " ".join(sorted(word for word in url.split() if not word.startswith("user=")))


def _differences(stored: Specification, wished: Specification) -> list[str]:
    then, asked = settings_of(stored), settings_of(wished)
    return [
        f"{name} is {_show(then[name])}, not {_show(asked[name])}"
        for name in then
        if then[name] != asked[name]
    ]


def settings_of(specification: Specification) -> dict[str, Any]:
    """By the names of the flags. Keys are left out: how to get in is no property of a migration."""
    values: dict[str, Any] = {}
    for side in SIDES:
        ref: StoreRef = getattr(specification, side)
        values |= {f"{side}-type": ref.kind, f"{side}-url": ref.url, f"{side}-index": ref.collection}
        values[f"{side}-option"] = ref.options
    for name in ("existing", "mode", *_PLAIN):
        values[name] = getattr(specification, name.replace("-", "_"))
    for name in ("rename", *_NAMES, "metric", "edits", "selection", "surrogates", "lengths"):
        values[name] = getattr(specification.mapping, name)
    for side in SIDES:
        values[f"{side}-layout"] = getattr(specification.mapping, f"{side}_layout")
    for name, attribute in _PARTS.items():
        values[name] = getattr(specification.divided, attribute)
    values["redact-key"] = specification.target.redact_key
    return values


def _with_side(specification: Specification, side: str, ref: StoreRef) -> Specification:
    return replace(specification, source=ref) if side == "source" else replace(specification, target=ref)


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items()) or "nothing"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value in (None, "") else str(value)
