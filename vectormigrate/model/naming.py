"""Names on the target: as on the source, as asked for, or as the target's grammar demands, and never two alike."""

from __future__ import annotations

import re

from .capabilities import Capabilities
from .collection import CollectionShape


class Names:
    """Target names: renamed by request or where the grammar demands it, and never two alike."""

    def __init__(self, capabilities: Capabilities, rename: dict[str, str]) -> None:
        self._fields = re.compile(capabilities.name_pattern)
        self._vectors = re.compile(capabilities.vector_pattern or capabilities.name_pattern)
        self._reserved = capabilities.reserved_names
        self._rename = rename
        self.taken: set[str] = set()
        """Names that nothing else may get."""

    def vector(self, source: str) -> str:
        """As `target`, where an unnamed vector may have to be given a name."""
        wanted = self._rename.get(source, source)
        return self._name(wanted if wanted or self._vectors.fullmatch("") else "vector", self._vectors)

    def target(self, source: str) -> str:
        """The name of what the source calls so; no other gets it."""
        return self._name(self._rename.get(source, source), self._fields)

    def _name(self, wanted: str, pattern: re.Pattern[str]) -> str:
        if not pattern.fullmatch(wanted) or wanted in self._reserved:
            wanted = re.sub(r"[^0-9A-Za-z_]", "_", wanted)
            if not pattern.fullmatch(wanted) or wanted in self._reserved:
                wanted = "f_" + wanted
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name


def out_of_the_way(source: CollectionShape, keys: frozenset[str], names: Names) -> dict[str, str]:
    """Other names for undeclared keys that are called like the target's key or a vector of it."""
    names.taken |= keys
    declared = {field.name for field in source.fields} | {vector.name for vector in source.vectors}
    return {key: names.target(key) for key in sorted(keys - declared)}
