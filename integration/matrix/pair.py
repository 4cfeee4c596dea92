"""One ordered pair of stores: every table of kinds moved, read by the target's client, moved back, read by the source's.

A kind that the plan refuses takes its whole collection with it, so it is noted, nothing may have been written, and the
others are moved without it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from vectormigrate.daemon.control import Control
from vectormigrate.daemon.foreseeing import plan
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.collection import Metric
from vectormigrate.model.errors import FinishedWithFindings, MappingRefused, ShapeMismatch, Unsupported
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.phase import Phase
from vectormigrate.model.record import Record, id_text
from vectormigrate.model.specification import Specification, StoreRef, WayBack
from vectormigrate.model.status import PlanDocument
from vectormigrate.state import migrations

from .kinds import TABLES, Table, mark
from .oracle import Fate, Names, Verdict, alike, judge
from .side import Held, Side, by_mark

Outcomes = dict[str, Verdict]
"""By "group: kind"."""
OPTIONS = MappingOptions(metric=Metric.EUCLID)
REFUSALS = (MappingRefused, ShapeMismatch, Unsupported)
_COUNTED = re.compile(r"([\d,]+) of [\d,]+ sampled records would end in the dead letters")


class Pair:
    """A source and a target, and the state file of what is moved between them."""

    def __init__(self, control: Control, secrets: Secrets, source: Side, target: Side) -> None:
        self._control = control
        self._secrets = secrets
        self._source = source
        self._target = target
        self._made: list[tuple[Side, str]] = []

    async def outcomes(self, tables: Iterable[Table] = TABLES) -> Outcomes:
        """What became of every kind."""
        found: Outcomes = {}
        for table in tables:
            own = self._source.own(table)
            told = {kind: Verdict(Fate.NOT_HELD) for kind in table.rows}
            if own.rows:
                told |= await self._moved(own, table.name)
            found |= {f"{table.group}: {kind}": verdict for kind, verdict in told.items()}
        for side, name in self._made:
            await asyncio.to_thread(side.drop, name)
        return found

    async def _moved(self, table: Table, name: str, attempt: int = 0) -> Outcomes:
        at = f"m-{self._source.kind}-{self._target.kind}-{name}-{attempt}"
        here, there = f"{at}-a", f"{at}-b"
        await asyncio.to_thread(self._source.make, here, table)
        held = by_mark(await asyncio.to_thread(self._source.read, here))
        self._made += [(self._source, here), (self._target, there)]
        spec = self._specification(
            at, self._source.ref(here, table), self._target.ref(there, table, target=True), table
        )
        try:
            document = await plan(spec, self._secrets)
        except REFUSALS as error:
            return await self._all_refused(table, spec, there, error.message)
        refused = _refused(table, document)
        if refused:
            await self._nothing_written(spec, there)
            rest = table.only(set(table.rows) - refused.keys())
            return refused | (await self._moved(rest, name, attempt + 1) if rest.rows else {})
        return await self._arrived(table, spec, there, document, held)

    async def _arrived(
        self,
        table: Table,
        spec: Specification,
        there: str,
        document: PlanDocument,
        held: dict[str, list[Held]],
    ) -> Outcomes:
        """Run what the plan lets through, read it, and go back."""
        await self._run(spec)
        letters = self._letters(spec.id)
        counted = _COUNTED.search("\n".join(document.notes))
        foretold = int(counted[1].replace(",", "")) if counted else 0
        arrived = by_mark(await asyncio.to_thread(self._target.read, there))
        back = await self._back(spec, table)
        names = Names(
            {str(one["source"]): str(one["target"]) for one in document.fields},
            {str(one["source"]): str(one["target"]) for one in document.vectors},
        )
        told: Outcomes = {}
        refused = 0
        for kind, records in table.rows.items():
            verdicts = []
            for number, record in enumerate(records):
                known = mark(kind, number)
                why = letters.get(_letter(record, letters))
                if why is not None:
                    refused += 1
                    verdicts.append(_refusal(why, known, arrived))
                else:
                    verdicts.append(
                        _compared(
                            table, record, held[known], arrived.get(known, []), back.get(known, []), names
                        )
                    )
            told[kind] = max(verdicts, key=lambda one: one.rank)
        assert refused == len(letters), f"{spec.id}: of {letters}, {refused} are of kinds"
        assert foretold == refused, (
            f"{spec.id}: the plan foretold {foretold} refusals, and there were {letters}"
        )
        return told

    async def _back(self, spec: Specification, table: Table) -> dict[str, list[Held]]:
        """What the source's client reads in a new collection after the way back."""
        name = f"{spec.id}-c"
        self._made.append((self._source, name))
        with Viewer.open(self._control.state) as viewer:
            mapping = viewer.mapping(spec.id)
        assert mapping is not None
        shape = self._control.database.read(lambda tx: migrations.get(tx, spec.id).source_shape)
        assert shape is not None
        way = WayBack(spec.id, spec.source.kind, shape, mapping)
        back = self._specification(
            f"{spec.id}-back", spec.target, self._source.ref(name, table, target=True), table
        )
        back = replace(back, back=way)
        await self._run(back)
        return by_mark(await asyncio.to_thread(self._source.read, name))

    async def _run(self, spec: Specification) -> None:
        """To its end; records that were refused are looked at by whoever asked."""
        await self._control.create(spec)
        with suppress(FinishedWithFindings):
            status = await self._control.run(spec.id)
            assert status.phase is Phase.VERIFIED, status

    def _specification(self, name: str, source: StoreRef, target: StoreRef, table: Table) -> Specification:
        metric = next((one.metric for one in table.shape.vectors if one.metric), Metric.EUCLID)
        mapping = replace(OPTIONS, metric=metric)
        return Specification(name, source, target, mapping, workers=1, quarantine=0.0)

    def _letters(self, name: str) -> dict[str, str]:
        with Viewer.open(self._control.state) as viewer:
            return {str(one["id"]): str(one["message"]) for one in viewer.dead_letters(name, 1000, 0)}

    async def _all_refused(self, table: Table, spec: Specification, there: str, why: str) -> Outcomes:
        await self._nothing_written(spec, there)
        return {kind: Verdict(Fate.REFUSED, why) for kind in table.rows}

    async def _nothing_written(self, spec: Specification, there: str) -> None:
        """A migration that its plan refuses ends without a trace on the target."""
        try:
            await self._control.create(spec)
            status = await self._control.run(spec.id)
        except REFUSALS:
            pass
        else:
            raise AssertionError(f"{spec.id} was refused by its plan and ran: {status}")
        exists = await asyncio.to_thread(self._target.exists, there)
        assert not exists, f"{spec.id} was refused by its plan and made a collection"


def _refused(table: Table, document: PlanDocument) -> Outcomes:
    """The kinds that a plan refuses by the losses that it names."""
    told: Outcomes = {}
    for loss in document.named_losses:
        assert not loss.accepted, loss
        what, _, name = loss.name.partition(":")
        for kind, records in table.rows.items():
            if what in ("partition", "undeclared") or any(name in _parts(one, what) for one in records):
                told[kind] = Verdict(Fate.REFUSED, loss.reason)
    if document.refused and not told:
        return {kind: Verdict(Fate.REFUSED, document.refused[0]) for kind in table.rows}
    return told


def _parts(record: Record, what: str) -> set[str]:
    """The names in a record that a loss of this kind may be about."""
    if what in ("field", "last-digit"):
        return set(record.payload)
    return {*record.dense, *record.sparse, *record.multi}


def _letter(record: Record, letters: Mapping[str, str]) -> str:
    """The dead letter of a record, by its id as the migration calls it."""
    names = [id_text(record.id)]
    if isinstance(record.id, (str, UUID)):
        names.append(id_text((record.partition or "", record.id)))
    return next((name for name in (*names, *(one[:200] for one in names)) if name in letters), "")


def _refusal(why: str, known: str, arrived: Mapping[str, list[Held]]) -> Verdict:
    if known in arrived:
        return Verdict(Fate.WRONG, f"refused ({why}) and there all the same")
    return Verdict(Fate.REFUSED, why)


def _compared(
    table: Table, record: Record, was: list[Held], there: list[Held], back: list[Held], names: Names
) -> Verdict:
    """One record that arrived, and came back."""
    if len(there) != 1:
        return Verdict(Fate.WRONG, f"{len(there)} records arrived of one")
    verdict = judge(table.group, record, was[0], there[0], names)
    if verdict.fate is Fate.WRONG or (len(back) == 1 and alike(was[0], back[0], there[0])):
        return verdict
    return Verdict(Fate.WRONG, f"back again it is {back!r:.400}, and was {was[0]!r:.400}")
