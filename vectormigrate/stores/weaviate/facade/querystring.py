"""The query of a request's address: what was given, by name."""

from __future__ import annotations

from urllib.parse import parse_qsl

from .problems import Problem


class Query:
    """Parameters by name, the first of each."""

    def __init__(self, query: bytes) -> None:
        self._given: dict[str, str] = {}
        for name, value in parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True):
            self._given.setdefault(name, value)

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str) -> str:
        """What was given, or ""."""
        return self._given.get(name, "")

    def number(self, name: str, default: int) -> int:
        """A whole number. Raises Problem for anything else."""
        text = self._given.get(name, "")
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise Problem(422, 3, f"{name} in query must be of type int64: {text!r}") from None

    def words(self, name: str) -> list[str]:
        """A list with commas between its words."""
        return [word for word in self.text(name).split(",") if word]
