"""As much of GraphQL as reads objects: `{ Get { Class(arguments) { properties _additional { ... } } } }`, parsed.

A hand-written reader of that one shape is smaller than a language of which the rest would be refused. Variables and
named fragments are not known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

_TOKEN = re.compile(
    r'[\s,\ufeff]+|#[^\n]*|(?P<block>"""(?:\\"""|.)*?""")|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[_A-Za-z][_0-9A-Za-z]*)|(?P<sign>\.\.\.|[{}()\[\]:!$=@|&])",
    re.DOTALL,
)


class NoQuery(ValueError):
    """What is no GraphQL, or not as much of it as is known here."""


@dataclass(frozen=True, slots=True)
class Selected:
    """One field: its arguments, and what is selected of it, fragments by the class that they are on."""

    name: str
    alias: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    fields: tuple[Selected, ...] = ()
    on: Mapping[str, tuple[Selected, ...]] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """What it is called in the answer."""
        return self.alias or self.name


def parse(text: str) -> tuple[Selected, ...]:
    """The fields of a query. Raises NoQuery."""
    reader = _Reader(_tokens(text))
    if reader.take("query"):
        reader.name()
    if not reader.at("{"):
        raise NoQuery(f"Syntax Error: unexpected {reader.peek()[1]!r}")
    fields, _ = reader.selection()
    if reader.peek()[0] != "end":
        raise NoQuery(f"Syntax Error: unexpected {reader.peek()[1]!r}")
    return fields


def classes_of(body: bytes) -> list[tuple[str, str]]:
    """The classes, with their tenants, that the queries of a request are about. Raises NoQuery."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NoQuery(str(error)) from None
    found = []
    for one in given if isinstance(given, list) else [given]:
        if not isinstance(one, dict) or not isinstance(one.get("query"), str):
            raise NoQuery("no query")
        for top in parse(one["query"]):
            found += [(asked.name, str(asked.arguments.get("tenant") or "")) for asked in top.fields]
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise NoQuery(f"Syntax Error: unexpected character {text[place]!r}")
        if match.lastgroup is not None:
            tokens.append((match.lastgroup, match.group()))
        place = match.end()
    tokens.append(("end", "EOF"))
    return tokens


class _Reader:
    """Reads tokens from the first to the last."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._place]

    def at(self, text: str) -> bool:
        kind, found = self.peek()
        return found == text and kind in ("sign", "name")

    def take(self, text: str) -> bool:
        if not self.at(text):
            return False
        self._place += 1
        return True

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise NoQuery(f"Syntax Error: expected {text}, found {self.peek()[1]}")

    def name(self) -> str:
        """A name if there is one."""
        kind, text = self.peek()
        if kind != "name":
            return ""
        self._place += 1
        return text

    def _named(self) -> str:
        name = self.name()
        if not name:
            raise NoQuery(f"Syntax Error: expected Name, found {self.peek()[1]}")
        return name

    def selection(self) -> tuple[tuple[Selected, ...], dict[str, tuple[Selected, ...]]]:
        """`{ ... }`: fields, and fragments by class."""
        self.expect("{")
        fields: list[Selected] = []
        on: dict[str, tuple[Selected, ...]] = {}
        while not self.take("}"):
            if self.take("..."):
                self.expect("on")
                name = self._named()
                on[name], _ = self.selection()
            else:
                fields.append(self._field())
        return tuple(fields), on

    def _field(self) -> Selected:
        name, alias = self._named(), ""
        if self.take(":"):
            name, alias = self._named(), name
        arguments = self._pairs("(", ")") if self.at("(") else {}
        if not self.at("{"):
            return Selected(name, alias, arguments)
        fields, on = self.selection()
        return Selected(name, alias, arguments, fields, on)

    def _pairs(self, opening: str, closing: str) -> dict[str, Any]:
        self.expect(opening)
        pairs = {}
        while not self.take(closing):
            name = self._named()
            self.expect(":")
            pairs[name] = self._value()
        return pairs

    def _value(self) -> Any:
        if self.at("{"):
            return self._pairs("{", "}")
        if self.take("["):
            items = []
            while not self.take("]"):
                items.append(self._value())
            return items
        kind, text = self.peek()
        self._place += 1
        match kind:
            case "string":
                return _text(text)
            case "block":
                return text[3:-3].replace('\\"""', '"""')
            case "number":
                return float(text) if set(text) & set(".eE") else int(text)
            case "name":
                return {"true": True, "false": False, "null": None}.get(text, text)
            case _:
                raise NoQuery(f"Syntax Error: unexpected {text}")


def _text(quoted: str) -> str:
    try:
        return str(msgspec.json.decode(quoted))
    except msgspec.DecodeError as error:
        raise NoQuery(f"Syntax Error: {error}") from None
