"""Looking again at findings, generation by generation: a difference is believed only if it stays.

A scan may meet a record in the moment between its write and its visibility. So each finding is looked at again, by
id on both sides, `looks` times, with a pause between: the caller's `pause` waits for the barrier of both stores and
for as long as a write may stay invisible. A difference that is gone at any look healed and is dropped; one that is there at
every look is confirmed. A record that differs in a new way is a new difference and starts anew; what keeps doing so is
`unsettled`: something writes to it, so nothing can be said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.record import RecordId, parse_id

from .sides import Sides

_Key: TypeAlias = tuple[RecordId, FindingKind]

LOOKS = 2
"""Looks after the first sight that a difference must survive."""
GENERATIONS = 6
"""Looks after which a difference that keeps changing is given up."""
_CHUNK = 200


@dataclass(slots=True)
class Rechecked:
    """What became of the findings of one scan, and of differences first seen while looking again."""

    confirmed: list[Finding] = field(default_factory=list)
    """As seen at the last look."""
    healed: list[Finding] = field(default_factory=list)
    unsettled: list[Finding] = field(default_factory=list)

    def leave_out(self, unknowable: Callable[[Finding], bool]) -> None:
        """Believe nothing of records that were being written meanwhile: they count as healed."""
        for kept in (self.confirmed, self.unsettled):
            self.healed += [finding for finding in kept if unknowable(finding)]
            kept[:] = [finding for finding in kept if not unknowable(finding)]


async def recheck(
    sides: Sides, findings: Sequence[Finding], pause: Callable[[], Awaitable[None]], *, looks: int = LOOKS
) -> Rechecked:
    """Look again until every finding is confirmed, healed or given up. Made for a few thousand findings a call."""
    result = Rechecked()
    confirmed: dict[_Key, Finding] = {}
    open_now = {_key(sides, finding): (finding, 0) for finding in findings}
    for _ in range(max(looks, GENERATIONS)):
        if not open_now:
            break
        await pause()
        seen = await _look(sides, [target_id for target_id, _ in open_now])
        still = {}
        for key, (finding, times) in open_now.items():
            if key not in seen:
                result.healed.append(finding)
            elif times + 1 >= looks:
                confirmed[key] = seen[key]
            else:
                still[key] = (seen[key], times + 1)
        news = seen.keys() - open_now.keys() - confirmed.keys()
        open_now = {**still, **{key: (seen[key], 0) for key in seen if key in news}}
    result.confirmed.extend(confirmed.values())
    result.unsettled.extend(finding for finding, _ in open_now.values())
    return result


def _key(sides: Sides, finding: Finding) -> _Key:
    """A difference is told apart by its record, named by the target id, and its kind."""
    record_id = parse_id(finding.id)
    return (record_id if finding.kind is FindingKind.EXTRA else sides.target_id(record_id)), finding.kind


async def _look(sides: Sides, target_ids: Sequence[RecordId]) -> dict[_Key, Finding]:
    """What differs now among these records."""
    found: dict[_Key, Finding] = {}
    distinct = list(dict.fromkeys(target_ids))
    for start in range(0, len(distinct), _CHUNK):
        part = distinct[start : start + _CHUNK]
        source_ids = [
            source_id for target_id in part if (source_id := sides.source_id(target_id)) is not None
        ]
        strangers = [target_id for target_id in part if sides.source_id(target_id) is None]
        look = await sides.look(source_ids, strangers)
        found.update((_key(sides, finding), finding) for finding in look.findings)
    return found
