"""What a redaction would not reach, nor any other edit: the same name inside another value of a sampled record.

Edits are of the keys of a payload. LangChain's documents in Qdrant have their metadata inside an object, and LlamaIndex
writes a node's metadata twice, the second time inside a text of JSON: a redaction of the bare name would leave there what
it was to hide. How values are hidden is `model.edits`; this refuses before anything is written (of a name that is dropped, renamed, cast or given
a default there is a note), and knows what was sampled, no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vectormigrate.model import jsonvalue
from vectormigrate.model.errors import MappingRefused
from vectormigrate.model.plan import MappingOptions
from vectormigrate.model.record import Payload

ACCEPTED = "inside:"
"""What is accepted by this and the name of a field: that the name stands elsewhere, too, and stays readable there."""


def check(options: MappingOptions, payloads: Sequence[Payload]) -> list[str]:
    """Raise MappingRefused when a record has a name that is to be hidden inside of a value that is to be moved; notes of names
    that are left behind or edited otherwise, and stand there, too.
    """
    accepted = {name.removeprefix(ACCEPTED) for name in options.accept if name.startswith(ACCEPTED)}
    hidden = {edit.field for edit in options.edits if edit.redact}
    gone, told = hidden | {*options.drop}, dict[str, str]()
    changed = {edit.field: edit.said() for edit in options.edits if not edit.redact}
    changed |= {name: f"renamed to {new!r}" for name, new in (options.rename or {}).items()}
    if not (wanted := (gone | {*changed}) - accepted):
        return []
    for payload in payloads:
        for key, value in payload.items():
            if key in gone:
                continue
            for name, path in _inside(value, wanted, (key,)):
                where = ".".join(path)
                if name in hidden:
                    raise MappingRefused(
                        f"field {name!r} is to be hidden, and would stay readable inside {key!r} ({where})",
                        hint=f"redact or drop {key!r} itself, or accept that: --accept {ACCEPTED}{name}",
                    )
                becomes = "left behind" if name in gone else changed[name]
                told.setdefault(
                    name, f"field {name!r} is {becomes}, and stays as it is inside {key!r} ({where})"
                )
    return list(told.values())


def _inside(value: Any, wanted: set[str], path: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The wanted names within a value, each with where it stands. A name with dots is a path from the payload."""
    if isinstance(value, str):
        value = _parsed(value, wanted)
    if isinstance(value, Mapping):
        for key, held in value.items():
            here = (*path, str(key))
            for name in (str(key), ".".join(here)):
                if name in wanted and held is not None:
                    yield name, here
            yield from _inside(held, wanted, here)
    elif isinstance(value, list):
        for held in value:
            yield from _inside(held, wanted, path)


def _parsed(text: str, wanted: set[str]) -> Any:
    """What a text of JSON says; None for any other, and for one that cannot have such a name."""
    if not text.lstrip().startswith(("{", "[")) or not any(
        part in text for name in wanted for part in _parts(name)
    ):
        return None
    try:
        return jsonvalue.loads(text)
    except (ValueError, RecursionError):
        return None


def _parts(name: str) -> tuple[str, str]:
    """As it may stand in JSON: whole, or the last key of a path. Beyond ASCII and quotes it may stand as escapes."""
    last = name.rpartition(".")[2]
    plain = name.isascii() and '"' not in name and "\\" not in name
    return (name, last) if plain else ("\\", last)
