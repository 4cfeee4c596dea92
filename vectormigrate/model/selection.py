"""Which records of a source a migration moves: those of some partitions, those that a filter matches.

Plain data in the words of `exchange`, so that it can stand in a mapping file and in the state. What it leaves out does
not exist for the migration: it is not copied, not counted, not compared, and a record that no longer belongs is taken
out of the target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .batch import Batch
from .collection import IdField
from .exchange import read_filter
from .filter import Filter, matches


@dataclass(frozen=True, slots=True)
class Selection:
    """A choice of records; everything when it says nothing."""

    where: dict[str, Any] | None = None
    """A filter as `exchange.read_filter` reads it."""
    partitions: tuple[str, ...] = ()
    """Names of partitions, namespaces or tenants; all when empty."""

    def __bool__(self) -> bool:
        return self.where is not None or bool(self.partitions)

    def filter(self, key: IdField) -> Filter | None:
        """The filter over records with this key. Raises UsageError for one that cannot be read."""
        return None if self.where is None else read_filter(self.where, key)

    def rows(self, batch: Batch, key: IdField) -> list[int]:
        """The rows of whole records that belong."""
        where = self.filter(key)
        return [
            row
            for row, record_id in enumerate(batch.ids)
            if self._of_partition(batch, row)
            and (where is None or matches(where, record_id, batch.payload[row] if batch.payload else {}))
        ]

    def _of_partition(self, batch: Batch, row: int) -> bool:
        if not self.partitions:
            return True
        return batch.partition is not None and batch.partition[row] in self.partitions


EVERYTHING = Selection()
"""No choice at all."""
