"""The way from a request to its row in a facade's table, by method and path.

Slashes are trimmed and merged, and pieces of a path are unquoted: servers that this stands for do the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from .facade import Endpoint

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods of a request that changes nothing, whatever its path."""


@dataclass(frozen=True, slots=True)
class Route(Endpoint):
    """A row of a table, and the operation that it stands for."""

    operation: str = ""

    @property
    def known(self) -> bool:
        """Whether it stands in the table."""
        return bool(self.path)

    @property
    def names(self) -> tuple[str, ...]:
        """What the values in its path are called."""
        return tuple(piece[1:-1] for piece in _pieces(self.path) if piece.startswith("{"))


def _pieces(path: str) -> tuple[str, ...]:
    return tuple(piece for piece in path.split("/") if piece)


@dataclass(slots=True)
class _Node:
    """A place in the tree of paths."""

    literal: dict[str, _Node] = field(default_factory=dict)
    value: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)

    def find(self, method: str, pieces: tuple[str, ...]) -> tuple[Route, tuple[str, ...]] | None:
        """The row for what is left of a path. A name may be spelt like a literal: the longest literal way wins."""
        if not pieces:
            route = self.routes.get(method)
            return None if route is None else (route, ())
        onward = self.literal.get(pieces[0])
        found = None if onward is None else onward.find(method, pieces[1:])
        if found is None and self.value is not None:
            found = self.value.find(method, pieces[1:])
            if found is not None:
                return found[0], (pieces[0], *found[1])
        return found


class Paths:
    """The paths of a table's rows."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for piece in _pieces(route.path):
                if piece.startswith("{"):
                    node.value = node.value or _Node()
                    node = node.value
                else:
                    node = node.literal.setdefault(piece, _Node())
            node.routes[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        """The row of a request, with the values that stand in its path; None when it stands in no row."""
        return self._root.find(method, tuple(map(unquote, _pieces(path))))
