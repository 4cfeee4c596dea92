"""A migration of several parts: what makes a part, what it is called, and where its records go.

Each part is a migration like any other, with ranges, cursors, a phase, findings and dead letters of its own. Its id is
the id of the whole, a colon, and its name spelled so that the id fits a shell, an address and a file name. The surprise:
an id tells its name only as long as that is no longer than 200 characters; a longer one is told by its hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

NAME = "{name}"
"""Stands for the name of a part, in the name of its target."""
REST = "~rest"
"""Spells the part that has every record which no other has. No name is spelled so."""
_SEPARATOR = ":"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Division:
    """What makes the parts: one of the first three, or nothing, which is a migration of one piece."""

    collections: tuple[str, ...] = ()
    """Each collection of the source that is called like one of these; `*`, `?` and `[...]` as in a shell."""
    partitions: tuple[str, ...] = ()
    """Each partition, namespace or tenant of the source's collection that is called like one of these."""
    value_of: str = ""
    """Each value of this payload field."""
    into: dict[str, str] = field(default_factory=dict)
    """Names of parts, to the collections that they go to; the others go where the target's name says."""
    rest: str = ""
    """Where records go that have no value of the field, or one that no part can be made of."""

    def __bool__(self) -> bool:
        return bool(self.collections or self.partitions or self.value_of)

    @property
    def patterns(self) -> tuple[str, ...]:
        """What parts are called like; nothing where they are told by a value."""
        return self.collections or self.partitions


WHOLE = Division()
"""No division at all."""


def part_id(whole: str, name: str) -> str:
    """The id of the part of that name."""
    return of_part(whole, spelled(name))


def of_part(whole: str, spelling: str) -> str:
    """The id of the part whose name is spelled so."""
    return f"{whole}{_SEPARATOR}{spelling}"


def spelled(name: str) -> str:
    """A name of letters, digits, dots, hyphens and underscores as it is; each other byte of its UTF-8 as `~` and two
    hexadecimal digits, the empty name as `~`.
    """
    text = "".join(chr(byte) if byte in _PLAIN else f"~{byte:02X}" for byte in name.encode())
    if len(text) > _LONGEST:
        return f"{text[: _LONGEST - 20]}~~{digest(name, 16)}"
    return text or "~"


def digest(name: str, length: int) -> str:
    """Hexadecimal digits of a name's SHA-256."""
    return hashlib.sha256(name.encode()).hexdigest()[:length]


def whole_of(migration_id: str) -> str:
    """The id of the migration that this one is a part of; "" for one that is no part."""
    whole, colon, _ = migration_id.partition(_SEPARATOR)
    return whole if colon else ""


def part_bounds(whole: str) -> tuple[str, str]:
    """Between these two texts, bytewise, lie the ids of its parts, and no others."""
    return f"{whole}{_SEPARATOR}", f"{whole}{chr(ord(_SEPARATOR) + 1)}"


def called(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The names that are like one of the patterns, in order; a pattern is always like itself."""
    return sorted(
        name for name in names if any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)
    )


def unmet(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Plain names among the patterns that nothing is called."""
    there = set(names)
    return [pattern for pattern in patterns if not set(pattern) & set("*?[") and pattern not in there]


class Places:
    """Names on the target, one for each part, as its grammar allows; never two alike, whatever their case."""

    def __init__(self, template: str, pattern: str, taken: Iterable[str], *, structured: bool) -> None:
        """`pattern` is of the target's names; `taken` are those of other parts; `structured`: a dot, a slash or a quote in a
        name means on the target what it means on the source.
        """
        self._template = template
        self._pattern = re.compile(pattern, re.DOTALL)
        self._taken = {name.casefold() for name in taken}
        self._structured = structured or "/" in template

    def claim(self, name: str, *, as_it_is: bool) -> str | None:
        """A name for a part, which no other gets; None when none can be had. `as_it_is`: without a change."""
        for candidate in [name] if as_it_is else _changed(name):
            if as_it_is and not self._structured and set(name) & set('./"'):
                continue
            whole = self._template.replace(NAME, candidate)
            if whole.casefold() not in self._taken and self._pattern.fullmatch(whole):
                self._taken.add(whole.casefold())
                return whole
        return None


def _changed(name: str) -> list[str]:
    """The same in letters, digits and underscores; then with a hash; then as stricter grammars have it."""
    plain = re.sub(r"[^0-9A-Za-z_]+", "_", name)
    hashed = f"{plain[:40]}_{digest(name, 8)}"
    tried = [changed for one in (plain, hashed) for changed in (one, one[:1].upper() + one[1:])]
    tried += [re.sub(r"[^0-9a-z]+", "-", one.lower()).strip("-") for one in (plain, hashed)]
    return [*tried, f"p_{hashed}", f"P_{hashed}"]
