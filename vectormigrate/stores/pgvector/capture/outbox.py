"""The outbox: row triggers write the key of every changed row into a table of ours, in the writer's transaction.

Row triggers and not statement triggers, though those are cheaper for bulk statements: the apply worker of a
subscription fires none of the latter, and a statement on a partition fires only the partition's. They fire ALWAYS,
in sessions with `session_replication_role = replica` too. A row of nulls stands for the whole table.

Numbers of a sequence are not in the order of the commits, so no watermark over them is safe. What was told is
forgotten by the snapshot in which it was seen: `pg_visible_in_snapshot` says exactly which transactions those were. A
transaction that commits late holds nobody up and is never passed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from vectormigrate.model.errors import StoreDown
from vectormigrate.model.record import RecordId
from vectormigrate.stores.pgvector.connections import Connection
from vectormigrate.stores.pgvector.errors import STORE
from vectormigrate.stores.pgvector.names import TableName, literal, quote
from vectormigrate.stores.pgvector.shape import Table

from .names import TRIGGERS, Names
from .state import wire_types, wire_value

T = TypeVar("T")

_LOCK_TIMEOUT = "500ms"
"""A writer that comes while we wait for the table's lock waits behind us: never longer than this."""
_ATTEMPTS = 12
_PAUSE = 0.5
_CHANGES = """\
create {unlogged} table {changes} (
    seq bigint generated always as identity (cache 32) primary key,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    {columns}
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000)
"""
_FUNCTION = """\
create function {name}() returns trigger language plpgsql security definer {settings} as {body}
"""
_SETTINGS = (
    "set DateStyle = 'ISO, YMD' set IntervalStyle = 'iso_8601' set TimeZone = 'UTC'"
    " set extra_float_digits = '1' set bytea_output = 'hex'"
)
"""How a key becomes text must not depend on the writer's session; costs a little, so only where there is such a key."""
_FIRING = {
    "new": "after insert or update on {table} for each row",
    "old": "after delete on {table} for each row",
    "moved": "after update on {table} for each row when ({moved})",
    "truncated": "after truncate on {table} for each statement",
}
_RUNS = {"new": "new_key", "old": "old_key", "moved": "old_key", "truncated": "whole_table"}
_EVERYWHERE = "select exists (select from pg_publication where puballtables)"
_TRIGGERS_OF = """\
select t.tgname, n.nspname, c.relname from pg_trigger t
join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
join pg_proc p on p.oid = t.tgfoid join pg_namespace s on s.oid = p.pronamespace
where s.nspname = $1 and t.tgparentid = 0
"""


def make_changes(connection: Connection, names: Names, table: Table) -> bool:
    """Make the schema with the table of changes. Whether it is unlogged: a publication of all tables, which would
    carry it to subscribers that know nothing of it, leaves no other way.
    """
    unlogged = is_published(connection)
    columns = ", ".join(f"k{place} {type_}" for place, type_ in enumerate(wire_types(table), 1))
    connection.execute(f"create schema {names.schema}")
    connection.execute(
        _CHANGES.format(unlogged="unlogged" if unlogged else "", changes=names.changes, columns=columns)
    )
    if unlogged:
        # Number 0 is never told and never removed: where it is gone, a crash has emptied the table.
        connection.execute(f"insert into {names.changes} (seq) overriding system value values (0)")  # noqa: S608 quoted
    return unlogged


def is_published(connection: Connection) -> bool:
    """Whether a publication of all tables would carry a table of ours to subscribers."""
    return bool(connection.execute(_EVERYWHERE).fetchall()[0][0])


def make_triggers(connection: Connection, names: Names, name: TableName, table: Table) -> None:
    """Make functions and triggers, once no transaction has unfinished writes to the table. Raises StoreDown."""
    columns = ", ".join(f"k{place}" for place in range(1, len(table.keys) + 1))
    settings = "" if all(key.column.native for key in table.keys) else _SETTINGS
    bodies = {"whole_table": f"insert into {names.changes} default values"}
    for row in ("new", "old"):
        values = ", ".join(wire_value(key, row) for key in table.keys)
        bodies[f"{row}_key"] = f"insert into {names.changes} ({columns}) values ({values})"  # noqa: S608 quoted
    for function, statement in bodies.items():
        body = literal(f"begin {statement}; return null; end")
        connection.execute(_FUNCTION.format(name=f"{names.schema}.{function}", settings=settings, body=body))
    # As text, byte for byte: a case-insensitive key that changes its case is another id.
    moved = " or ".join(
        f"{wire_value(key, 'old')}{collate} is distinct from {wire_value(key, 'new')}{collate}"
        for key, collate in (
            (key, ' collate "C"' if kind == "pg_catalog.text" else "")
            for key, kind in zip(table.keys, wire_types(table), strict=True)
        )
    )

    def attach() -> None:
        connection.execute(f"lock table {name.sql} in share row exclusive mode")
        for kind in TRIGGERS:
            firing = _FIRING[kind].format(table=name.sql, moved=moved)
            function = f"{names.schema}.{_RUNS[kind]}"
            connection.execute(f"create trigger {names.trigger(kind)} {firing} execute function {function}()")
            connection.execute(f"alter table {name.sql} enable always trigger {names.trigger(kind)}")

    with_lock(connection, attach)


def with_lock(connection: Connection, work: Callable[[], T]) -> T:
    """Do what needs a lock on the user's table, in short attempts that let the writers through between them."""
    connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE)
        try:
            with connection.transaction():
                return work()
        except psycopg.errors.LockNotAvailable:
            continue
    raise StoreDown(
        "transactions with unfinished writes to the table do not end, and its triggers must wait for them",
        hint="see pg_stat_activity for sessions that are idle in transaction; then run the command again",
        store=STORE,
    )


def remove(connection: Connection, names: Names, *, dry_run: bool = False) -> list[str]:
    """Take triggers, functions, table and schema away; what is not there is no error. Says what it removed, or would."""
    if not connection.execute("select 1 from pg_namespace where nspname = $1", [names.root]).fetchone():
        return []
    done: list[str] = []
    for trigger, schema, table in connection.execute(_TRIGGERS_OF, [names.root]).fetchall():
        place = TableName(table, schema)
        if not dry_run:
            with_lock(connection, lambda: connection.execute(f"drop trigger {quote(trigger)} on {place.sql}"))  # noqa: B023 called at once
        done.append(f"trigger {trigger} on {place.text}")
    if not dry_run:
        _unmake(connection, names)
    return [*done, f"schema {names.root}"]


def _unmake(connection: Connection, names: Names) -> None:
    for function in sorted(set(_RUNS.values())):
        connection.execute(f"drop function if exists {names.schema}.{function}()")
    connection.execute(f"drop table if exists {names.changes}")
    # Without CASCADE: what somebody else may have put there is not ours to drop.
    connection.execute(f"drop schema {names.schema}")


def add_all(connection: Connection, names: Names) -> None:
    """Tell that the whole table must be compared, unless that waits to be told already."""
    connection.execute(
        f"insert into {names.changes} (k1) select null where not exists"  # noqa: S608 quoted
        f" (select from {names.changes} where seq > 0 and k1 is null)"
    )


def add_partition(connection: Connection, names: Names, table: Table, oid: int) -> None:
    """Tell every key of a partition that has come with its rows."""
    row = connection.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.oid = $1::oid and c.relkind = 'r'",
        [oid],
    ).fetchone()
    if row is not None:
        columns = ", ".join(f"k{place}" for place in range(1, len(table.keys) + 1))
        values = ", ".join(wire_value(key, "r") for key in table.keys)
        connection.execute(
            f"insert into {names.changes} ({columns}) select {values} from only {TableName(row[1], row[0]).sql} r"  # noqa: S608 quoted
        )


def peek(
    connection: Connection, names: Names, width: int, limit: int
) -> tuple[tuple[RecordId, ...], bool, int, str]:
    """Distinct ids, whether the whole table is meant, and what `forget` needs: the last number and the snapshot.

    Call it in a transaction that is REPEATABLE READ, so that rows and snapshot belong together.
    """
    columns = ", ".join(f"k{place}" for place in range(1, width + 1))
    rows = connection.execute(
        f"select seq, {columns} from {names.changes} where seq > 0 order by seq limit {limit:d}"  # noqa: S608 quoted
    ).fetchall()
    snapshot = connection.execute("select pg_current_snapshot()::text").fetchall()[0][0]
    keys = {row[1:] for row in rows}
    whole = (None,) * width in keys
    ids = tuple(key[0] if width == 1 else key for key in keys if key[0] is not None)
    return ids, whole, rows[-1][0] if rows else 0, snapshot


def forget(connection: Connection, names: Names, last: int, snapshot: str) -> None:
    """Remove the rows that a peek has seen, and no other: not those of a transaction that was not over then."""
    connection.execute(
        f"delete from {names.changes} where seq > 0 and seq <= $1"  # noqa: S608 quoted
        " and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)",
        [last, snapshot],
    )


def was_emptied(connection: Connection, names: Names) -> bool:
    """Whether an unlogged outbox has lost its content in a crash."""
    return not connection.execute(f"select 1 from {names.changes} where seq = 0").fetchone()  # noqa: S608 quoted


def refill(connection: Connection, names: Names) -> None:
    """Begin an emptied outbox again."""
    connection.execute(
        f"insert into {names.changes} (seq) overriding system value values (0) on conflict do nothing"  # noqa: S608 quoted
    )
    add_all(connection, names)


def age(connection: Connection, names: Names) -> float:
    """Seconds since the oldest change that waits; 0 when none does."""
    row = connection.execute(
        f"select extract(epoch from clock_timestamp() - at)::float8 from {names.changes}"  # noqa: S608 quoted
        " where seq > 0 order by seq limit 1"
    ).fetchone()
    return max(float(row[0]), 0.0) if row else 0.0
