"""The logical slot: the server's own log of the table, read with `pgoutput` and moved on when it is acknowledged.

It costs the writers nothing beyond `wal_level = logical`, and keeps the log on the server's disk until somebody reads
it. Read through functions, over any connection that psycopg makes: the server decodes the log anew at each look, from
the oldest transaction that was open at the last acknowledgement on, so an idle slot is moved on too.

The surprise: a publication that does not carry the replica identity makes the *user's* updates fail. So there is no
slot where key and replica identity are not the same columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from vectormigrate.model.collection import IdKind
from vectormigrate.model.record import RecordId, ScalarId
from vectormigrate.stores.pgvector.connections import Connection, copy_out
from vectormigrate.stores.pgvector.copycodec import HEADER, TRAILER
from vectormigrate.stores.pgvector.names import TableName, literal, quote
from vectormigrate.stores.pgvector.shape import KeyColumn, Table

from . import pgoutput
from .names import Names

MOST = 1_000_000
"""Keys of one transaction from which on it is said to have changed everything: some 200 MB of memory."""
_STEP = 2**20
"""Bytes of others' changes after which an idle slot is moved on."""
_RIGHTS = """\
select current_setting('wal_level'), current_setting('server_version_num')::int, pg_is_in_recovery()
"""
_IDENTITY = """\
select array(select a.attname::text from pg_class c join pg_index i on i.indrelid = c.oid
             join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
             where c.oid = $1::oid
             and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident else false end)
"""
_STATE = """\
select wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8, active_pid,
       pg_size_bytes(current_setting('max_slot_wal_keep_size')), confirmed_flush_lsn::text,
       pg_current_wal_flush_lsn()::text,
       pg_wal_lsn_diff(pg_current_wal_flush_lsn(), confirmed_flush_lsn)::float8
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
    flushed: str
    """The end of the log."""
    behind: float
    """Bytes between what was acknowledged and the end of the log."""
    reader: int | None
    """The server process that reads it now."""


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
    level, version, standby = connection.execute(_RIGHTS).fetchall()[0]
    identity = connection.execute(_IDENTITY, [relation]).fetchall()[0][0]
    faults = (
        (standby, "the server is a standby"),
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
    status, retained, reader, limit, confirmed, flushed, behind = row
    lost = status in (None, "lost") or confirmed is None
    return Slot(name, lost, retained or 0.0, float(limit), flushed, behind or 0.0, reader)


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


def peek(
    connection: Connection, names: Names, slot: Slot, keys: Sequence[KeyColumn], limit: int
) -> tuple[list[Told], bool]:
    """What was committed and not acknowledged, in pieces of `limit`, and whether that is all up to `slot.flushed`.

    The log tells a commit before queries see it, with synchronous replication long before. A reader would find the
    record as it was, so such a transaction, and all behind it, is left for the next time.
    """
    options = f"'proto_version', '1', 'publication_names', {literal(quote(names.root))}"
    query = (
        f"select data from pg_logical_slot_peek_binary_changes({literal(slot.name)},"  # noqa: S608 quoted
        f" {literal(slot.flushed)}::pg_lsn, {limit:d}, {options})"
    )
    columns = [key.column.name for key in keys]
    committed = list(pgoutput.transactions(_messages(copy_out(connection, query)), columns, MOST))
    snapshot = connection.execute("select pg_current_snapshot()::text").fetchall()[0][0]
    told: list[Told] = []
    for found in committed:
        if not pgoutput.is_visible(found.xid, snapshot):
            break
        told += _pieces(found, keys, limit)
    return _merged(told, limit), not committed


def advance(connection: Connection, name: str, end: int) -> None:
    """Let go of everything up to `end`; an older position than the slot's own is no error."""
    position = f"{end >> 32:X}/{end & 0xFFFFFFFF:X}"
    connection.execute(
        "select pg_replication_slot_advance(slot_name, $2::text::pg_lsn) from pg_replication_slots"
        " where slot_name = $1 and confirmed_flush_lsn < $2::text::pg_lsn",
        [name, position],
    )


def skip(connection: Connection, slot: Slot) -> None:
    """Move an idle slot over what others wrote, now and then: nothing of ours was committed before `flushed`."""
    if slot.behind > _STEP:
        high, low = slot.flushed.split("/")
        advance(connection, slot.name, (int(high, 16) << 32) + int(low, 16))


def remove(connection: Connection, names: Names) -> list[str]:
    """Take slot and publication away; what is not there is no error. Says what it removed."""
    done: list[str] = []
    name = names.slot(database(connection))
    # The slot first: alone it would keep the server's log for ever.
    if connection.execute(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1", [name]
    ).fetchall():
        done.append(f"replication slot {name}")
    if connection.execute("select 1 from pg_publication where pubname = $1", [names.root]).fetchone():
        connection.execute(f"drop publication {names.publication}")
        done.append(f"publication {names.root}")
    return done


def _messages(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The only column of a binary COPY's rows: behind the count of columns and its own length."""
    start = len(HEADER)
    for row in blocks:
        if len(row) - start > len(TRAILER):
            yield row[start + 6 :]
        start = 0


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
