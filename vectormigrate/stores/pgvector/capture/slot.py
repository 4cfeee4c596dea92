"""The logical slot: the server's own log of the table, read through `stream` and moved on when it is acknowledged.

It costs the writers nothing beyond `wal_level = logical`, and keeps the log on the server's disk until somebody reads
it. What others wrote is acknowledged too, or the log would grow beside a table at rest.

The surprise: a publication that does not carry the replica identity makes the *user's* updates fail. So there is no
slot where key and replica identity are not the same columns.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import psycopg

from vectormigrate.model.collection import IdKind
from vectormigrate.model.errors import StoreDown
from vectormigrate.model.record import RecordId, ScalarId
from vectormigrate.stores.pgvector.connections import Connection
from vectormigrate.stores.pgvector.errors import STORE
from vectormigrate.stores.pgvector.names import TableName
from vectormigrate.stores.pgvector.shape import KeyColumn, Table

from . import pgoutput
from .names import Names
from .stream import PATIENCE, Stream

MOST = 1_000_000
"""Keys of one transaction from which on it is said to have changed everything: some 200 MB of memory."""
_SOON, _LATE = 0.2, 10.0
"""Seconds to wait for the server to come to the end of its log: as a rule, and before it is given up for now."""
_BREATH = 0.05
_RIGHTS = """\
select current_setting('wal_level'), current_setting('server_version_num')::int, pg_is_in_recovery(),
       current_setting('synchronous_standby_names') like '%*%'
"""
_IDENTITY = """\
select array(select a.attname::text from pg_class c join pg_index i on i.indrelid = c.oid
             join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
             where c.oid = $1::oid
             and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident else false end)
"""
_STATE = """\
select wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8,
       pg_size_bytes(current_setting('max_slot_wal_keep_size')), confirmed_flush_lsn is null,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint
from pg_replication_slots where slot_name = $1
"""
_DATABASE = "select oid::bigint from pg_database where datname = current_database()"
_LARGE = 2.0**30


@dataclass(frozen=True, slots=True)
class Slot:
    """The slot as the server shows it."""

    name: str
    lost: bool
    retained: float
    """Bytes of log that it keeps on the server's disk."""
    limit: float
    """Bytes after which the server takes it away; -1 for never."""
    end: int
    """The end of the log, flushed or not: with `synchronous_commit = off` a commit is seen before it is flushed."""


@dataclass(frozen=True, slots=True)
class Told:
    """Some of what the slot holds, for one acknowledgement."""

    ids: tuple[RecordId, ...]
    everything: bool
    end: int
    """The position behind the transaction."""
    piece: int
    """Which piece of the transaction, from 0."""
    last: bool
    """The slot may go on at `end` when this is acknowledged."""
    committed: float
    """Unix time of the oldest commit in it."""


def why_not(connection: Connection, relation: int, table: Table) -> str:
    """Why this table cannot have a slot; "" when it can.

    Not looked at is the right to make one, which hosted servers grant in ways of their own: making it will tell.
    """
    level, version, standby, anybody = connection.execute(_RIGHTS).fetchall()[0]
    identity = connection.execute(_IDENTITY, [relation]).fetchall()[0][0]
    faults = (
        (standby, "the server is a standby"),
        (
            anybody,
            "synchronous_standby_names takes any reader of the log for a standby, and commits would wait for us",
        ),
        (level != "logical", f"wal_level is {level}"),
        (version < 150000, "column lists of publications came with PostgreSQL 15"),
        (not all(part.column.native for part in table.keys), "the key is of a type that has several texts"),
        (any(part.column.generated for part in table.keys), "the key is generated"),
        (
            sorted(identity) != sorted(part.column.name for part in table.keys),
            "its replica identity is not its key",
        ),
    )
    return next((text for fault, text in faults if fault), "")


def database(connection: Connection) -> int:
    """The oid of this database, part of the slot's name."""
    return int(connection.execute(_DATABASE).fetchall()[0][0])


def publish(connection: Connection, names: Names, name: TableName, table: Table) -> None:
    """Make the publication: the key's columns of one table, partitions under the table's own name."""
    columns = ", ".join(key.column.sql for key in table.keys)
    connection.execute(
        f"create publication {names.publication} for table {name.sql} ({columns})"
        " with (publish_via_partition_root = true)"
    )


def create(connection: Connection, name: str) -> None:
    """Make the slot: in a transaction of its own that has written nothing. Waits for every open transaction."""
    connection.execute("set local statement_timeout = '30s'")
    connection.execute("select pg_create_logical_replication_slot($1, 'pgoutput')", [name])


def find(connection: Connection, name: str) -> Slot | None:
    """The slot; None when there is none."""
    row = connection.execute(_STATE, [name]).fetchone()
    if row is None:
        return None
    status, retained, limit, unusable, end = row
    return Slot(name, status in (None, "lost") or unusable, retained or 0.0, float(limit), end)


def problems(slot: Slot | None) -> list[str]:
    """What is wrong with it."""
    if slot is None:
        return ["the replication slot is gone"]
    if slot.lost:
        return ["the server has invalidated the replication slot"]
    share = slot.limit / 2 if slot.limit > 0 else _LARGE
    if slot.retained > min(share, _LARGE):
        return [f"the replication slot keeps {slot.retained / 2**20:,.0f} MiB of log on the server's disk"]
    return []


def read(
    connection: Connection, stream: Stream, keys: Sequence[KeyColumn], end: int, limit: int
) -> list[Told]:
    """What was committed before the log's end was at `end` and was not taken yet, in pieces of `limit`.

    The log tells a commit before queries see it, with synchronous replication long before. A reader would find the
    record as it was, so such a transaction is left for the next time, and the log is kept from there on. Raises StoreDown when the
    server has too much to decode for now; what it has decoded by then is not lost.
    """
    if not stream.read(end, limit, _SOON) and not stream.committed:
        # The end may be one that nothing makes the server flush, and only what is flushed is sent: a commit does.
        connection.execute("set local synchronous_commit = local")
        connection.execute("select pg_logical_emit_message(true, 'vectormigrate', '')")
        connection.commit()
        if not stream.read(end, limit, _LATE) and not stream.committed:
            raise StoreDown(
                "the server is still decoding its log",
                hint="a retry helps: it goes on where it is",
                store=STORE,
            )
    snapshot = connection.execute("select pg_current_snapshot()::text").fetchall()[0][0]
    told: list[Told] = []
    for found, in_order in stream.take(lambda one: pgoutput.is_visible(one.xid, snapshot)):
        pieces = _pieces(found, keys, limit)
        told += pieces if in_order else [replace(piece, last=False) for piece in pieces]
    return _merged(told, limit)


def advance(connection: Connection, name: str, end: int) -> None:
    """Let go of everything up to `end` where no stream is open; an older position than the slot's own is no error."""
    position = f"{end >> 32:X}/{end & 0xFFFFFFFF:X}"
    connection.execute(
        "select pg_replication_slot_advance(slot_name, $2::text::pg_lsn) from pg_replication_slots"
        " where slot_name = $1 and confirmed_flush_lsn < $2::text::pg_lsn",
        [name, position],
    )


def remove(connection: Connection, names: Names, *, dry_run: bool = False) -> list[str]:
    """Take slot and publication away; what is not there is no error. Says what it removed, or would."""
    done: list[str] = []
    name = names.slot(database(connection))
    # The slot first: alone it would keep the server's log for ever.
    if find(connection, name) if dry_run else _drop(connection, name):
        done.append(f"replication slot {name}")
    if connection.execute("select 1 from pg_publication where pubname = $1", [names.root]).fetchone():
        if not dry_run:
            connection.execute(f"drop publication {names.publication}")
        done.append(f"publication {names.root}")
    return done


def _drop(connection: Connection, name: str) -> bool:
    """Drop the slot, once the server has noticed that its last reader is gone. Whether there was one."""
    deadline = time.monotonic() + PATIENCE
    drop = "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1"
    while True:
        try:
            with connection.transaction():
                return bool(connection.execute(drop, [name]).fetchall())
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(_BREATH)


def _pieces(found: pgoutput.Transaction, keys: Sequence[KeyColumn], limit: int) -> list[Told]:
    ids = [_id(key, keys) for key in found.keys]
    pieces = [ids[start : start + limit] for start in range(0, max(len(ids), 1), limit)]
    return [
        Told(tuple(piece), found.everything, found.end, number, number == len(pieces) - 1, found.committed)
        for number, piece in enumerate(pieces)
    ]


def _merged(told: list[Told], limit: int) -> list[Told]:
    """Small transactions together, so that there are not more acknowledgements than needed."""
    merged: list[Told] = []
    for piece in told:
        last = merged[-1] if merged else None
        if last is not None and last.last and piece.last and len(last.ids) + len(piece.ids) <= limit:
            ids = tuple(dict.fromkeys((*last.ids, *piece.ids)))
            everything = last.everything or piece.everything
            merged[-1] = replace(piece, ids=ids, everything=everything, committed=last.committed)
        else:
            merged.append(piece)
    return merged


def _id(key: pgoutput.Key, columns: Sequence[KeyColumn]) -> RecordId:
    parts = tuple(_part(text, column.kind) for text, column in zip(key, columns, strict=True))
    return parts[0] if len(parts) == 1 else parts


def _part(text: str, kind: IdKind) -> ScalarId:
    if kind is IdKind.INT:
        return int(text)
    return UUID(text) if kind is IdKind.UUID else text
