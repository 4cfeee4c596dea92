"""The capture of one table: chooses between slot and outbox, and keeps the two ends of a poll together.

The outbox's table is there with a slot too, for what the log cannot tell: a fresh install, partitions that came or
went. What it holds is told first. The only memory is what a slot was last seen to hold; losing it costs a second look.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import psycopg

from vectormigrate.model.errors import StoreError, Unsupported, UsageError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.capture import TAKEN, Capture, Changes, taken
from vectormigrate.stores.pgvector.connections import Connection, Connections
from vectormigrate.stores.pgvector.errors import STORE
from vectormigrate.stores.pgvector.names import TableName
from vectormigrate.stores.pgvector.shape import Table, load

from . import outbox, slot, state
from .names import TRIGGERS, Names
from .state import OUTBOX, SLOT, Note
from .stream import Stream

T = TypeVar("T")

AUTO = "auto"
WAYS = (AUTO, SLOT, OUTBOX)
_STALE = 900.0
"""Seconds after which a change that nobody fetched is a problem."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a capture, all of it of one moment."""

    note: Note
    problems: tuple[str, ...]
    mend: bool
    """Something must be written before this look can be believed."""
    ids: tuple[Any, ...] = ()
    whole: bool = False
    seq: int = 0
    snapshot: str = ""
    slot: slot.Slot | None = None


class PgvectorCapture(Capture):
    """See the port. `capture` among the endpoint's options chooses the way: slot, outbox, or auto."""

    def __init__(self, endpoint: Endpoint, collection: str) -> None:
        self._way = endpoint.options.get("capture", AUTO)
        if self._way not in WAYS:
            raise UsageError(f"capture {self._way!r} is none of {', '.join(WAYS)}", store=STORE)
        self._collection = collection
        self._names = Names.of(endpoint.owner, collection)
        self._connections = Connections(endpoint)
        self._table: Table | None = None
        self._pending: deque[tuple[str, slot.Told]] = deque()
        self._stream: Stream | None = None
        self._drained = False
        self._reading = threading.Lock()
        """A poll that was cancelled still reads in its thread for a while."""

    # By command.

    async def install(self, *, dry_run: bool = False) -> list[str]:
        if await self._run(self._is_sound):
            return []
        if dry_run:
            return await self._run(self._foretell)
        await self.remove()
        if self._way == OUTBOX:
            return await self._run(self._install_outbox)
        why = await self._run(self._why_no_slot)
        if not why:
            try:
                return await self._install_slot()
            except StoreError as error:
                await self.remove()
                if self._way == SLOT:
                    raise
                why = error.message
        return _for_want_of_a_slot(await self._run(self._install_outbox), why)

    async def check(self) -> list[str]:
        return await self._run(self._check)

    async def remove(self, *, dry_run: bool = False) -> list[str]:
        if not dry_run:
            self._forget()
        done = await self._run(lambda connection: slot.remove(connection, self._names, dry_run=dry_run))
        return done + await self._run(
            lambda connection: outbox.remove(connection, self._names, dry_run=dry_run)
        )

    # By the engine.

    async def poll(self, limit: int) -> Changes | None:
        if self._pending:
            return self._head()
        look = await self._run(lambda connection: self._look(connection, limit))
        claims = bool(self.reader) and not look.note.reader
        if look.mend or claims:
            await self._run(
                lambda connection: self._mend(connection, unsound=bool(look.problems), claims=claims)
            )
            look = await self._run(lambda connection: self._look(connection, limit))
        if look.problems:
            # Acknowledging it forgets nothing, so it is told once more when the trouble goes away by itself.
            return Changes(look.ids, True, "{}")
        if look.ids or look.whole:
            return Changes(look.ids, look.whole, json.dumps({"seq": look.seq, "snapshot": look.snapshot}))
        held = look.slot
        if held is not None:
            await self._run(lambda connection: self._fill(connection, held, limit), patient=True)
        self._drained = not self._pending
        return self._head() if self._pending else None

    async def acknowledge(self, position: str) -> None:
        told = json.loads(position)
        if "snapshot" in told:
            await self._run(
                lambda connection: outbox.forget(connection, self._names, told["seq"], told["snapshot"])
            )
        elif told.get("last"):
            await self._run(lambda connection: self._let_go(connection, told["end"]))
        if any(held == position for held, _ in self._pending):
            while self._pending.popleft()[0] != position:
                pass

    async def lag(self) -> float | None:
        return await self._run(self._lag)

    async def close(self) -> None:
        self._forget()
        await self._connections.close()

    # Installing. A slot cannot be made in a transaction that has written, so that way takes three.

    async def _install_slot(self) -> list[str]:
        made = await self._run(self._publish)
        name = await self._run(self._create_slot, patient=True)
        await self._run(self._finish_slot)
        return [*made, f"replication slot {name}"]

    def _publish(self, connection: Connection) -> list[str]:
        name, table, note = state.subject(connection, self._collection)
        unlogged = outbox.make_changes(connection, self._names, table)
        slot.publish(connection, self._names, name, table)
        state.write(connection, self._names, replace(note, unlogged=unlogged))
        return self._published()

    def _published(self) -> list[str]:
        return [f"schema {self._names.root}", f"publication {self._names.root}"]

    def _create_slot(self, connection: Connection) -> str:
        name = self._names.slot(slot.database(connection))
        slot.create(connection, name)
        return name

    def _finish_slot(self, connection: Connection) -> None:
        self._finish(connection, state.expect(connection, self._names, self._collection), SLOT)

    def _install_outbox(self, connection: Connection) -> list[str]:
        name, table, note = state.subject(connection, self._collection)
        unlogged = outbox.make_changes(connection, self._names, table)
        outbox.make_triggers(connection, self._names, name, table)
        self._finish(connection, replace(note, unlogged=unlogged), OUTBOX)
        return self._triggered(name)

    def _triggered(self, name: TableName) -> list[str]:
        triggers = [f"trigger {self._names.root}_{kind} on {name.text}" for kind in TRIGGERS]
        return [f"schema {self._names.root}", *triggers]

    def _foretell(self, connection: Connection) -> list[str]:
        """What an install would make, unless the right to make a slot is wanting: making one tells that."""
        name, _, _ = state.subject(connection, self._collection)
        if self._way == OUTBOX:
            return self._triggered(name)
        why = self._why_no_slot(connection)
        if why:
            return _for_want_of_a_slot(self._triggered(name), why)
        return [*self._published(), f"replication slot {self._names.slot(slot.database(connection))}"]

    def _finish(self, connection: Connection, note: Note, way: str) -> None:
        outbox.add_all(connection, self._names)
        state.write(connection, self._names, state.look(connection, self._names, replace(note, way=way)))

    def _why_no_slot(self, connection: Connection) -> str:
        """ "" when there can be one. Raises Unsupported where one was asked for and cannot be."""
        _, table, note = state.subject(connection, self._collection)
        why = slot.why_not(connection, note.table, table)
        if self._way == SLOT and why:
            raise Unsupported(
                f"the table cannot have a logical slot: {why}",
                hint="mend that, or let triggers do it: vectormigrate capture install ID --way outbox",
                store=STORE,
                collection=self._collection,
            )
        return why

    # Looking.

    def _is_sound(self, connection: Connection) -> bool:
        _one_moment(connection)
        note = state.read(connection, self._names)
        if note is None or self._way not in (AUTO, note.way):
            return False
        return not self._observe(connection, note, 1).problems

    def _look(self, connection: Connection, limit: int) -> _Look:
        _one_moment(connection)
        note = state.expect(connection, self._names, self._collection)
        if self._is_anothers(note):
            raise taken(STORE, self._collection)
        return self._observe(connection, note, limit)

    def _is_anothers(self, note: Note) -> bool:
        return bool(self.reader and note.reader and note.reader != self.reader)

    def _observe(self, connection: Connection, note: Note, limit: int) -> _Look:
        drift = state.compare(connection, self._names, note, self._collection)
        if not note.way:
            return _Look(note, drift.problems, False)
        held = self._slot(connection) if note.way == SLOT else None
        problems = [*drift.problems]
        if note.way == SLOT and (held is None or held.lost):
            problems += slot.problems(held)
        ids, whole, seq, snapshot = outbox.peek(connection, self._names, len(note.key), limit)
        emptied = note.unlogged and outbox.was_emptied(connection, self._names)
        mend = drift.note is not None or emptied or (bool(problems) and not whole)
        return _Look(note, tuple(problems), mend, ids, whole, seq, snapshot, held)

    def _mend(self, connection: Connection, *, unsound: bool, claims: bool) -> None:
        """Tell what partitions brought or took with them, what a crash took from the outbox, what nobody saw, and, of a capture that
        nobody has read yet, everything: nobody knows what others took before.
        """
        note = state.expect(connection, self._names, self._collection)
        if unsound or claims:
            outbox.add_all(connection, self._names)
        if claims and not note.reader and note.way:
            note = replace(note, reader=self.reader)
            state.write(connection, self._names, note)
        if note.unlogged and outbox.was_emptied(connection, self._names):
            outbox.refill(connection, self._names)
        drift = state.compare(connection, self._names, note, self._collection)
        if drift.note is None:
            return
        for oid in drift.added:
            outbox.add_partition(connection, self._names, self._loaded(connection), oid)
        if drift.emptied:
            outbox.add_all(connection, self._names)
        state.write(connection, self._names, drift.note)

    def _check(self, connection: Connection) -> list[str]:
        _one_moment(connection)
        note = state.read(connection, self._names)
        if note is None:
            return ["no capture is installed"]
        look = self._observe(connection, note, 1)
        found = [TAKEN] if self._is_anothers(note) else []
        found += list(
            dict.fromkeys((*look.problems, *(slot.problems(look.slot) if look.note.way == SLOT else [])))
        )
        if look.problems:
            return found
        if [key.column.name for key in load(connection, self._collection).keys] != look.note.key:
            found.append("the table has another key than when the capture was installed")
        if not look.note.unlogged and outbox.is_published(connection):
            found.append("a publication of all tables has come: its subscribers lack the capture's own table")
        age = outbox.age(connection, self._names)
        if age > _STALE:
            found.append(f"changes have been waiting for {age / 60:,.0f} minutes: nobody fetches them")
        return found

    def _lag(self, connection: Connection) -> float | None:
        note = state.read(connection, self._names)
        if note is None or not note.way:
            return None
        waiting = outbox.age(connection, self._names)
        if note.way == OUTBOX:
            return waiting
        if self._pending:
            row = connection.execute(
                "select extract(epoch from clock_timestamp())::float8 - $1", [self._pending[0][1].committed]
            ).fetchall()[0]
            return max(waiting, float(row[0]), 0.0)
        return waiting if self._drained else None

    # The slot's content, held until it is acknowledged.

    def _fill(self, connection: Connection, held: slot.Slot, limit: int) -> None:
        keys = self._loaded(connection).keys
        with self._reading:
            if self._stream is None:
                names = [key.column.name for key in keys]
                self._stream = Stream(self._connections.dsn, held.name, self._names.root, names, slot.MOST)
            try:
                found = slot.read(connection, self._stream, keys, held.end, limit)
                self._pending += ((_position(told), told) for told in found)
                if not self._pending and not self._stream.committed:
                    self._stream.acknowledge(self._stream.position)
            except psycopg.Error:
                self._hang_up()
                raise

    def _let_go(self, connection: Connection, end: int) -> None:
        if self._stream is None:
            slot.advance(connection, self._names.slot(slot.database(connection)), end)
            return
        try:
            self._stream.acknowledge(end)
        except psycopg.Error:
            self._hang_up()  # told again, and acknowledged then

    def _hang_up(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
        self._pending.clear()

    def _head(self) -> Changes:
        position, told = self._pending[0]
        return Changes(told.ids, told.everything, position)

    def _slot(self, connection: Connection) -> slot.Slot | None:
        return slot.find(connection, self._names.slot(slot.database(connection)))

    def _loaded(self, connection: Connection) -> Table:
        if self._table is None:
            self._table = load(connection, self._collection)
        return self._table

    def _forget(self) -> None:
        self._table, self._drained = None, False
        self._hang_up()

    async def _run(self, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        return await self._connections.run(work, collection=self._collection, patient=patient)


def _position(told: slot.Told) -> str:
    return json.dumps({"end": told.end, "piece": told.piece, "last": told.last})


def _for_want_of_a_slot(made: list[str], why: str) -> list[str]:
    schema, *triggers = made
    return [f"{schema} for triggers: there can be no slot, {why}", *triggers]


def _one_moment(connection: Connection) -> None:
    """Let everything that this transaction reads be of one snapshot; before its first query."""
    connection.execute("set transaction isolation level repeatable read")
