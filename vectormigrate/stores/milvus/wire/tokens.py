"""Milvus' expression language taken apart into tokens, by hand.

Texts may be quoted either way and are escaped as Python and Go escape them, because pymilvus writes lists of ids by
Python's `repr`. A backslash before anything else stays, which is how `like` hides its `%`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class ExpressionInvalid(ValueError):
    """A text that is no expression, or one that does not fit the collection."""


class Kind(Enum):
    """What a token is."""

    NAME = auto()
    NUMBER = auto()
    TEXT = auto()
    SYMBOL = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `text` as written, `value` for numbers and texts."""

    kind: Kind
    text: str
    value: Any = None
    place: int = 0


_SYMBOLS = ("**", "==", "!=", "<=", ">=", "<<", ">>", "&&", "||", *"<>!()[]{},+-*/%&|^~")
_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "\\": "\\",
    '"': '"',
    "'": "'",
    "0": "\0",
    "a": "\a",
    "b": "\b",
} | {
    "f": "\f",
    "v": "\v",
}
_CODES = {"x": 2, "u": 4, "U": 8}


def tokens(text: str) -> list[Token]:
    """The tokens of an expression, END behind the last. Raises ExpressionInvalid."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token, place = _token(text, place)
        found.append(token)
    found.append(Token(Kind.END, "", place=len(text)))
    return found


def _token(text: str, place: int) -> tuple[Token, int]:
    letter = text[place]
    if letter in "\"'":
        return _quoted(text, place)
    if letter.isdigit() or (letter == "." and text[place + 1 : place + 2].isdigit()):
        return _number(text, place)
    if letter.isalpha() or letter in "_$":
        end = place + 1
        while end < len(text) and (text[end].isalnum() or text[end] in "_$"):
            end += 1
        return Token(Kind.NAME, text[place:end], place=place), end
    for symbol in _SYMBOLS:
        if text.startswith(symbol, place):
            return Token(Kind.SYMBOL, symbol, place=place), place + len(symbol)
    raise ExpressionInvalid(f"unexpected {letter!r} at {place}")


def _number(text: str, place: int) -> tuple[Token, int]:
    end = place
    while end < len(text) and (
        text[end].isalnum() or text[end] == "." or (text[end] in "+-" and _is_exponent(text, place, end))
    ):
        end += 1
    word = text[place:end]
    try:
        return Token(Kind.NUMBER, word, _value(word), place), end
    except ValueError:
        raise ExpressionInvalid(f"{word!r} at {place} is no number") from None


def _is_exponent(text: str, start: int, end: int) -> bool:
    return text[end - 1] in "eE" and not text.startswith(("0x", "0X"), start)


def _value(word: str) -> int | float:
    lower = word.lower()
    if lower.startswith(("0x", "0b")):
        return int(lower, 0)
    return int(word) if word.isdigit() else float(word)


def _quoted(text: str, start: int) -> tuple[Token, int]:
    quote, place = text[start], start + 1
    letters: list[str] = []
    while place < len(text):
        letter = text[place]
        if letter == quote:
            value = "".join(letters)
            return Token(Kind.TEXT, text[start : place + 1], value, start), place + 1
        if letter == "\\":
            meant, place = _escaped(text, place + 1)
            letters.append(meant)
        else:
            letters.append(letter)
            place += 1
    raise ExpressionInvalid(f"the text that begins at {start} has no end")


def _escaped(text: str, place: int) -> tuple[str, int]:
    letter = text[place : place + 1]
    if letter in _CODES:
        end = place + 1 + _CODES[letter]
        try:
            return chr(int(text[place + 1 : end], 16)), end
        except (ValueError, OverflowError):
            raise ExpressionInvalid(f"there is a wrong escape at {place}") from None
    return _ESCAPES.get(letter, "\\" + letter), place + 1
