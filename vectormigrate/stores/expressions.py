"""Which expressions of somebody else's catalogue may become part of a statement of ours.

A like table is made of texts that came from elsewhere: from the catalogue of another server, or from the manifest of a snapshot that
anybody may have written. Such a text is said again only where every part of it is known: constants, names, operators, brackets that
match, and calls of functions that only compute. What cannot be told to be one expression, or calls anything else (and there are
functions that read files, run queries or load code), is left out, and a plan lists it. It is a matter of words, not of meaning:
whether names and types fit is for the server to say. Which functions compute is for each store to name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


def words(text: str) -> frozenset[str]:
    """The words of a text, for tables of names."""
    return frozenset(text.split())


_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>'(?:[^']|'')*')
    |(?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
    |(?P<name>"(?:[^"]|"")+")
    |(?P<number>\.?\d[\w.]*)
    |(?P<word>[^\W\d]\w*)
    |(?P<mark>[()\[\],.])
    |(?P<operator>[-+*/<>=~!@\#%^&|:?]+)""",
    re.VERBOSE | re.DOTALL,
)

_PAIRS = {")": "(", "]": "["}
_REMARKS = ("--", "/*")
_BEFORE_BRACKETS = words(
    "all and any as between by case distinct else from ilike in is like not or similar some then to when"
)
"""Words that a bracket may follow without being called."""
_QUERIES = words("select table values")


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a database's expressions are made of, beside what all have in common."""

    calls: frozenset[str]
    """Functions that only compute, and types that take a length, in small letters."""
    schema: str = ""
    """The one schema that may stand before a function."""
    backslashes: bool = True
    """Whether a backslash in a text is one, always, and there are no texts with an E before them in which it is none."""
    arrays: bool = False
    """Whether square brackets are those of arrays; else they quote a name, and are not said again."""

    def fault(self, expression: str, *, also: frozenset[str] = frozenset()) -> str:
        """Why this is not said again, or "" for one expression of known parts. `also` may stand before a bracket, too."""
        open_: list[str] = []
        last: list[tuple[str, str]] = [("", ""), ("", "")]
        place = 0
        while place < len(expression):
            found = _TOKEN.match(expression, place)
            if found is None:
                return f"it holds {expression[place]!r}"
            place, kind, part = found.end(), found.lastgroup or "", found.group()
            if kind == "space":
                continue
            fault = self._part(kind, part, last[-1][1]) or _nesting(part, open_)
            if part == "(" and not fault:
                fault = self._called(last, also)
            if fault:
                return fault
            last = [last[-1], (kind, part)]
        if open_:
            return "its brackets do not match"
        return "" if last[-1][1] else "it is empty"

    def _part(self, kind: str, part: str, behind: str) -> str:
        if kind == "operator" and any(one in part for one in _REMARKS):
            return "it holds a remark"
        if kind == ("escaped" if self.backslashes else "text") and "\\" in part:
            return "it holds a backslash"
        if kind == "word" and part.lower() in _QUERIES:
            return f"it says {part}"
        if part == "[" and not self.arrays:
            return "it holds '['"
        return f"it says {behind}." if part == "." and behind != self.schema else ""

    def _called(self, last: list[tuple[str, str]], also: frozenset[str]) -> str:
        """What is wrong with what stands before a bracket."""
        (_, before), (kind, behind) = last
        if kind in ("", "operator") or behind in ("(", "[", ","):
            return ""
        name = behind[1:-1] if kind == "name" else behind.lower()
        word = kind == "word" and before != "."
        known = name in self.calls if kind in ("word", "name") else False
        return "" if known or (word and name in _BEFORE_BRACKETS | also) else f"it calls {behind}"


def _nesting(part: str, open_: list[str]) -> str:
    """What is wrong with the brackets up to here; `open_` is kept up to date."""
    if part in _PAIRS.values():
        open_.append(part)
    elif part in _PAIRS and (not open_ or open_.pop() != _PAIRS[part]):
        return "its brackets do not match"
    return "it is more than one" if part == "," and not open_ else ""
