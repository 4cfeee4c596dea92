"""What a comparison found is marked by the source's id, and so copied anew from the side that answers: no other way of writing
to a side is needed to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable

from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.identity import to_source
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.record import id_text, parse_id
from vectormigrate.state import findings, journal, waivers
from vectormigrate.state.database import Transaction
from vectormigrate.state.sessions import Session

_PAGE = 5_000


def mark(
    tx: Transaction,
    session: Session,
    migration_id: str,
    plan: MappingPlan,
    found: Iterable[Finding],
    *,
    at: str,
    reason: str,
) -> None:
    """Mark these. What no source id leads to is not ours, and is left out; so is what somebody goes without."""
    ids = [one for one in (_source_id(plan, finding) for finding in found) if one is not None]
    without = waivers.among(tx, migration_id, ids)
    ids = [one for one in ids if one not in without]
    journal.mark(
        tx,
        migration_id,
        ids,
        epoch=session.epoch,
        sequence=session.next_sequence(),
        reason=reason,
        at=at,
    )


def mark_held(tx: Transaction, session: Session, migration_id: str, plan: MappingPlan, *, at: str) -> None:
    """Mark all that the last validation left. That a record is absent then says nothing of who deleted it: such a delete is
    confirmed, and guarded, as any that nobody asked for.
    """
    after = ("", "", "")
    while found := findings.page(tx, migration_id, after, _PAGE):
        mark(tx, session, migration_id, plan, found, at=at, reason="finding")
        after = (found[-1].kind.value, found[-1].id, found[-1].detail)


def _source_id(plan: MappingPlan, finding: Finding) -> str | None:
    if finding.kind is not FindingKind.EXTRA:
        return finding.id
    source = to_source(plan.id_rule, parse_id(finding.id))
    return None if source is None else id_text(source)
