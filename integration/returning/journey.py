"""One store's records to another store and home again, and the verdict: as the plan says, bit for bit or not."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from integration.matrix.kinds import MARK, Table
from integration.matrix.side import Held, Side, mapped
from tests.conformance.compare import same_bits, same_value
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.foreseeing import plan
from vectormigrate.daemon.homeward import went
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.collection import VectorKind
from vectormigrate.model.errors import FinishedWithFindings, MappingRefused
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.record import Record
from vectormigrate.model.specification import Specification, StoreRef

_BATCH = 500
_EXAMPLES = 3
_ULPS = 2
"""Units in the last place that rounding may move a number by, of a vector that was at length one and of a long double."""
_ROUNDED = ("to the rounding of ", " units in their last place off")
"""The plan's words for that."""
_SPARSE = "sparse_values"
"""What sparse vectors are called in Pinecone, where they have no names."""
_NARROW = ("pinecone", "qdrant")
"""Stores whose keys hold some ids of a kind and not others."""


@dataclass
class Told:
    """What became of one collection."""

    collection: str
    records: int
    seconds: float = 0.0
    left_at_home: list[str] = field(default_factory=list)
    """Losses that the plan refused by name: without these parts the records went."""
    unrestored: list[str] = field(default_factory=list)
    """What would come back otherwise, in the plan's words; empty where it promises that all comes back as it was."""
    refused: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    rounded: int = 0
    """Of the different ones, those in which nothing is further off than `_ULPS`."""
    ulps: float = 0.0
    """How far an element of a vector is off at most, in units of the last place that it had."""
    columns: bool = True
    """Whether columns came back in their types."""
    examples: list[str] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        return self.columns and not (self.refused or self.missing or self.extra or self.different)

    @property
    def truthful(self) -> bool:
        """Whether the plan was right: what it promised came back, and what it warned of did not, and that by no more than it said."""
        by_rounding = all(any(words in line for words in _ROUNDED) for line in self.unrestored)
        no_further = self.rounded == self.different or not by_rounding
        return self.identical == (not self.unrestored) and no_further


class Journey:
    """Between two stores, with a state file of its own. `home` holds the source collections already."""

    def __init__(self, control: Control, secrets: Secrets, home: Side, away: Side) -> None:
        self._control = control
        self._secrets = secrets
        self._home = home
        self._away = away

    async def go(self, table: Table, at: str) -> Told:
        """There and back with the table that is at home under the name `at`."""
        began = time.monotonic()
        name = f"{at}-{self._away.kind}"
        names = [f"away-{name}", f"back-{name}", f"part-{name}"]
        try:
            told = await self._go(table, at, *names)
        finally:
            await asyncio.to_thread(self._away.drop, names[0])
            for made in names[1:]:
                await asyncio.to_thread(self._home.drop, made)
        told.seconds = round(time.monotonic() - began, 1)
        return told

    async def _go(self, table: Table, at: str, away: str, back: str, part: str) -> Told:
        told = Told(table.name, len(table.records))
        there = self._there(table, at, away)
        document = await plan(there, self._secrets)
        lost = [loss.name for loss in document.named_losses if not loss.accepted]
        told.left_at_home = [name for name in lost if not name.startswith("last-digit:")]
        if told.left_at_home:
            await self._must_refuse(there)
            table, at = _without(table, told.left_at_home), part
            await asyncio.to_thread(self._home.make, at, table)
            there = self._there(table, at, away)
        there = replace(there, mapping=replace(there.mapping, accept=tuple(lost)))
        document = await plan(there, self._secrets)
        assert not document.refused, document.refused
        assert not document.no_way_back, document.no_way_back
        told.unrestored = list(document.unrestored)
        await self._run(there)
        target = _dense_only(self._home.ref(back, table, target=True), table)
        _, way = went(self._control.state, there.id)
        await self._run(
            replace(there, id=back, source=there.target, target=target, mapping=MappingOptions(), back=way)
        )
        told.refused = self._letters(there.id) + self._letters(back)
        before, after = [await asyncio.to_thread(self._home.read, one) for one in (at, back)]
        compare(told, before, after)
        columns = [self._home.columns(one) for one in (at, back)]
        told.columns = columns[0] == columns[1]
        if not told.columns:
            told.examples.append(f"columns: {columns[0]} became {columns[1]}")
        return told

    def _there(self, table: Table, at: str, away: str) -> Specification:
        options = MappingOptions(metric=table.shape.vectors[0].metric, surrogates=self._away.kind in _NARROW)
        source = _dense_only(self._home.ref(at, table), table)
        target = self._away.ref(away, table, target=True)
        return Specification(away, source, target, options, batch_size=_BATCH, workers=1, quarantine=0.0)

    async def _run(self, spec: Specification) -> None:
        await self._control.create(spec)
        with suppress(FinishedWithFindings):
            await self._control.run(spec.id)

    async def _must_refuse(self, spec: Specification) -> None:
        refused = replace(spec, id=f"refused-{spec.id}")
        await self._control.create(refused)
        try:
            await self._control.run(refused.id)
        except MappingRefused:
            return
        raise AssertionError(f"{spec.id} would lose something, and ran")

    def _letters(self, migration_id: str) -> int:
        with Viewer.open(self._control.state) as viewer:
            return viewer.status(migration_id).dead_letters


def _dense_only(ref: StoreRef, table: Table) -> StoreRef:
    """A Pinecone index under dot may have sparse vectors, unless it is said that it has none."""
    if ref.kind != "pinecone" or any(one.kind is VectorKind.SPARSE for one in table.shape.vectors):
        return ref
    return replace(ref, options={**ref.options, "sparse": "no"})


def _without(table: Table, losses: Sequence[str]) -> Table:
    """The table without the vectors and fields of these losses."""
    gone = {loss.partition(":")[2] for loss in losses}
    if _SPARSE in gone:
        gone |= {vector.name for vector in table.shape.vectors if vector.kind is VectorKind.SPARSE}

    def parted(record: Record) -> Record:
        return replace(
            record,
            dense=_rest(record.dense, gone),
            sparse=_rest(record.sparse, gone),
            payload=_rest(record.payload, gone),
        )

    shape = table.shape
    vectors = tuple(one for one in shape.vectors if one.name not in gone)
    fields = tuple(one for one in shape.fields if one.name not in gone)
    return replace(mapped(table, parted), shape=replace(shape, vectors=vectors, fields=fields))


def _rest(held: Mapping[str, Any], gone: set[str]) -> dict[str, Any]:
    return {name: value for name, value in held.items() if name not in gone}


def compare(told: Told, before: Sequence[Held], after: Sequence[Held]) -> None:
    """Record by record, by the mark that each carries."""
    were, are = ({str(one.payload.get(MARK)): one for one in held} for held in (before, after))
    assert len(were) == len(before) == told.records, "not all of them were at home"
    told.missing = len(were.keys() - are.keys())
    told.extra = len(after) - len(were.keys() & are.keys())
    for mark, one in were.items():
        found = are.get(mark)
        difference = found and _difference(one, found)
        if not found or not difference:
            continue
        told.different += 1
        told.rounded += not _difference(one, found, _ULPS)
        told.ulps = max(
            told.ulps, *(_ulps(one.vectors[name], found.vectors.get(name)) for name in one.vectors)
        )
        if len(told.examples) < _EXAMPLES:
            told.examples.append(f"{mark}: {difference}")


def _ulps(vector: Any, other: Any) -> float:
    """How far the elements of a vector are from what they were at most, in units of their last place; infinite where they are not
    the same elements at all.
    """
    if other is None or same_bits(vector, other):
        return math.inf if other is None else 0.0
    arrays = isinstance(vector, np.ndarray) and isinstance(other, np.ndarray)
    if not arrays or vector.dtype.kind != "f" or (vector.dtype, vector.shape) != (other.dtype, other.shape):
        return math.inf
    return float((np.abs(vector - other) / np.spacing(np.abs(vector))).max())


def _difference(one: Held, other: Held, ulps: int = 0) -> str:
    """The first difference of two records that is more than `ulps` units in the last place; empty when there is none."""
    if type(one.id) is not type(other.id) or one.id != other.id:
        return f"id {one.id!r} became {other.id!r}"
    if one.vectors.keys() != other.vectors.keys():
        return f"vectors {sorted(one.vectors)} became {sorted(other.vectors)}"
    for name, vector in one.vectors.items():
        back = other.vectors[name]
        if _ulps(vector, back) > ulps if ulps else not same_bits(vector, back):
            return f"vector {name!r} changed"
    for key in sorted(one.payload.keys() | other.payload.keys()):
        if key not in one.payload or key not in other.payload:
            return f"{key!r} {'appeared' if key in other.payload else 'is missing'}"
        if not same_value(one.payload[key], other.payload[key], ulps):
            return f"{key!r}: {one.payload[key]!r:.80} became {other.payload[key]!r:.80}"
    return "" if one.place == other.place else f"place {one.place!r} became {other.place!r}"
