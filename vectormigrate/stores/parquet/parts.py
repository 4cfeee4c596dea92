"""The parts of a snapshot: records in key order, in row groups of which the manifest knows the last id each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from vectormigrate.model.record import RecordId, parse_id

from .files import Files, Group, Place
from .manifest import Manifest
from .order import Order

_COARSE = 8
"""Row groups a range from which on ranges are cut between row groups and no id is read for it."""


class Parts:
    """The parts that a manifest names. Not to be shared between threads."""

    def __init__(self, manifest: Manifest, files: Files, order: Order) -> None:
        self._files = files
        self._order = order
        self._groups = [
            Group(part.file, number) for part in manifest.parts for number in range(len(part.last))
        ]
        self._sizes = [size for part in manifest.parts for size in part.groups]
        self._last = [parse_id(text) for part in manifest.parts for text in part.last]

    def after(self, lower: RecordId | None, upper: RecordId | None) -> Iterator[tuple[RecordId, Place]]:
        """Records of `(lower, upper]` in key order, with their places; a row group is read when it is come to."""
        for number in range(self._order.behind(self._last, lower), len(self._groups)):
            group = self._groups[number]
            ids = self._files.ids(group)
            for row in range(self._order.behind(ids, lower), len(ids)):
                if self._order.is_behind(ids[row], upper):
                    return
                yield ids[row], Place(group, row)

    def find(self, ids: Iterable[RecordId]) -> dict[RecordId, Place]:
        """Where these are, as far as they are there; of sorted ids each row group is read once."""
        found: dict[RecordId, Place] = {}
        for one in ids:
            number = self._order.at(self._last, one)
            if number == len(self._groups):
                continue
            held = self._files.ids(self._groups[number])
            row = self._order.at(held, one)
            if row < len(held) and held[row] == one:
                found[one] = Place(self._groups[number], row)
        return found

    def weights(self, ranges: int) -> Iterator[tuple[RecordId, int]]:
        """Ids in key order, each with the number of records from behind the one before it: as many as so many ranges need."""
        for group, last, size in zip(self._groups, self._last, self._sizes, strict=True):
            if len(self._groups) >= ranges * _COARSE:
                yield last, size
                continue
            ids = self._files.ids(group)
            edges = sorted(
                {len(ids) * step // (ranges * _COARSE) for step in range(ranges * _COARSE)} | {len(ids)}
            )
            for before, behind in pairwise(edges):
                yield ids[behind - 1], behind - before
