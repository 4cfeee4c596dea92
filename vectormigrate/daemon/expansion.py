"""`${VAR}`, `${VAR:-default}` and `$$` in a text. A dollar before anything else is a dollar.

The value of a variable is not looked at again: what a secret holds is never expanded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_PATTERN = re.compile(r"\$\$|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}")


def expand(text: str, environ: Mapping[str, str], encode: Callable[[str], str] = lambda value: value) -> str:
    """Fill in the variables, each value through `encode`. An empty variable counts as unset where there is a default,
    as in a shell. Raises KeyError with the name of one that is not set and has none.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name is None:
            return "$"
        if default is not None:
            return encode(environ.get(name) or default[2:])
        return encode(environ[name])

    return _PATTERN.sub(value, text)


def has_variable(text: str) -> bool:
    """Whether the text refers to a variable."""
    return any(match["name"] for match in _PATTERN.finditer(text))
