"""What a copy that is under way has not come to yet: absent in the target, and no difference that anybody should look for.

As far as is known: it is said by the cursors of the ranges as they were when the comparison began, and where only the store
knows the order of its keys, everything counts as not copied until the last range is. A comparison behind the copy tells
what was hidden so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from vectormigrate.model.collection import IdField
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.record import RecordId, parse_id
from vectormigrate.state.checkpoints import RangeRow

from .backfill.covers import Covers


class Uncopied:
    """The rest of the ranges of one copy."""

    def __init__(
        self, key: IdField, key_of: Callable[[str], RecordId], ranges: Iterable[RangeRow] = ()
    ) -> None:
        """`key` is the source's, `key_of` reads a cursor."""
        self._rest = Covers(key, key_of, lambda: None)
        for one in ranges:
            if not one.done:
                self._rest.open(one.number, one.start, one.upper)

    def without(self, found: Sequence[Finding]) -> list[Finding]:
        """The findings, without those that say no more than that a record was not copied yet."""
        return [finding for finding in found if not self._holds(finding)]

    def _holds(self, finding: Finding) -> bool:
        absent = finding.kind is FindingKind.MISSING and not finding.detail  # else the target cannot have it
        return absent and bool(len(self._rest)) and self._rest.holds(parse_id(finding.id))
