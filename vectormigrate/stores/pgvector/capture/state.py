"""What was installed, and whether it still stands: a note in the comment of our schema, held against the catalog.

A comment is transactional, is dumped and replicated with everything else, and is in no publication; a table would be,
in one `for all tables`. What the catalog must still say is compared as text that contains the `xmin` of its rows: a
trigger that was disabled and enabled again between two looks looks the same but for that.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

from vectormigrate.model.collection import IdKind
from vectormigrate.model.errors import CaptureMissing, Unsupported
from vectormigrate.stores.pgvector.connections import Connection
from vectormigrate.stores.pgvector.errors import STORE
from vectormigrate.stores.pgvector.names import TableName, literal, parse
from vectormigrate.stores.pgvector.shape import KeyColumn, Table, find, load, missing

from .names import Names

OUTBOX, SLOT = "outbox", "slot"
_COMMENT = "vectormigrate: sees the changes of {table}; made by `vectormigrate capture install`, taken away by `remove`\n"
_READ = "select obj_description(n.oid, 'pg_namespace') from pg_namespace n where n.nspname = $1"
_TREE = """\
with recursive tree(oid) as (
    select $1::oid union all select i.inhrelid from pg_inherits i join tree on i.inhparent = tree.oid)
"""
_MEMBERS = f"""{_TREE}
select c.oid::bigint, c.relkind, c.relfilenode::bigint,
       coalesce((select string_agg(concat_ws('/', t.tgname, t.oid, t.xmin, t.tgenabled), ' ' order by t.tgname)
                 from pg_trigger t where t.tgrelid = c.oid and starts_with(t.tgname, $2)), '')
from tree join pg_class c using (oid) order by c.oid
"""  # noqa: S608 our own text
_KINDS = f"{_TREE} select c.oid::bigint, c.relkind, c.relpersistence from tree join pg_class c using (oid)"  # noqa: S608
_COLUMNS = """\
select coalesce(md5(string_agg(concat_ws('/', attname, attnum, atttypid, atttypmod), ' ' order by attnum)), '')
from pg_attribute where attrelid = $1::oid and attnum > 0 and not attisdropped
"""
_TIMELINE = """\
select case when pg_is_in_recovery() then '' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
       (select concat_ws('/', p.oid, p.xmin, r.oid, r.xmin) from pg_publication p
        left join pg_publication_rel r on r.prpubid = p.oid where p.pubname = $1)
"""
_ATTRIBUTES = (
    "select attname, attnum from pg_attribute where attrelid = $1::oid and attname = any($2::text[])"
)
_FINDINGS = {
    "columns": "the table has other columns than when the capture was installed",
    "timeline": "the server has been restored or was replaced by its standby",
    "publication": "the publication was changed or dropped",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A table that holds rows: the table itself, or a partition of it."""

    filenode: int
    """Changes when the table is truncated or rewritten; 0 for a partitioned table, which has no file."""
    triggers: str


@dataclass(frozen=True, slots=True)
class Note:
    """What the catalog looked like when the capture was sound."""

    table: int
    """The oid."""
    name: str
    """For people."""
    way: str = ""
    """"outbox" or "slot"; "" while the install is not through."""
    key: list[str] = field(default_factory=list)
    """Names of its columns."""
    columns: str = ""
    """A digest of all columns: who changes the type of one, or adds one with a default, changes every row unseen."""
    timeline: str = ""
    publication: str = ""
    members: dict[int, Member] = field(default_factory=dict)
    unlogged: bool = False
    """The outbox is emptied by a crash of the server."""
    reader: str = ""
    """Who polls; empty until somebody does."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What became of a table since the note was written."""

    problems: tuple[str, ...] = ()
    """What may hide changes until a new install."""
    note: Note | None = None
    """The note as it should be now, when only partitions came or went."""
    added: tuple[int, ...] = ()
    """Partitions whose rows nobody saw coming."""
    emptied: bool = False
    """Partitions went, or were truncated: nobody knows which keys."""


def read(connection: Connection, names: Names) -> Note | None:
    """The note; None when nothing is installed."""
    row = connection.execute(_READ, [names.root]).fetchone()
    if row is None:
        return None
    held = json.loads((row[0] or "").partition("\n")[2] or "{}")
    members = {int(oid): Member(*member.values()) for oid, member in held.pop("members", {}).items()}
    return Note(**{"table": 0, "name": "", **held}, members=members)


def expect(connection: Connection, names: Names, collection: str) -> Note:
    """The note. Raises CaptureMissing when nothing is installed."""
    note = read(connection, names)
    if note is None:
        raise CaptureMissing(
            f"no capture is installed on {collection!r}, so its changes are not seen",
            hint="vectormigrate capture install ID",
            store=STORE,
            collection=collection,
        )
    return note


def write(connection: Connection, names: Names, note: Note) -> None:
    """Keep the note, with the transaction that it belongs to."""
    text = _COMMENT.format(table=note.name) + json.dumps(asdict(note))
    connection.execute(f"comment on schema {names.schema} is {literal(text)}")


def look(connection: Connection, names: Names, note: Note) -> Note:
    """The note as it would be written now: of the same table, with what the catalog says of it at this moment."""
    timeline, publication = connection.execute(_TIMELINE, [names.root]).fetchall()[0]
    return replace(
        note,
        columns=connection.execute(_COLUMNS, [note.table]).fetchall()[0][0],
        timeline=timeline,
        publication=publication or "",
        members=_members(connection, names, note.table),
    )


def compare(connection: Connection, names: Names, note: Note, collection: str) -> Drift:
    """What has changed since the note was written."""
    if not note.way:
        return Drift(("an install was not finished",))
    held = find(connection, parse(collection))
    if held is None or held[0] != note.table:
        return Drift((f"the table {note.name} was dropped, replaced or renamed",))
    now = look(connection, names, note)
    problems = [text for name, text in _FINDINGS.items() if getattr(now, name) != getattr(note, name)]
    both = note.members.keys() & now.members.keys()
    if any(note.members[oid].triggers != now.members[oid].triggers for oid in both):
        problems.append("triggers of the capture were disabled, changed or dropped")
    added = tuple(oid for oid in now.members if oid not in note.members)
    if note.way == OUTBOX and any(not now.members[oid].triggers for oid in added):
        problems.append("a partition has come without the triggers of the capture")
    if problems or now.members == note.members:
        return Drift(tuple(problems))
    parts = both - {note.table}
    emptied = (
        len(both) < len(note.members)
        or any(note.members[oid].filenode != now.members[oid].filenode for oid in parts)
        # A file that is not the table's first was truncated or rewritten before anybody looked.
        or any(now.members[oid].filenode not in (0, oid) for oid in added)
    )
    moved = emptied or added
    return Drift(note=now, added=added, emptied=emptied) if moved else Drift()


def subject(connection: Connection, collection: str) -> tuple[TableName, Table, Note]:
    """The table to capture. Raises CollectionMissing, and Unsupported where changes could pass unseen."""
    found = find(connection, parse(collection))
    if found is None:
        raise missing(collection)
    oid, name, _ = found
    table = load(connection, collection)
    kinds = connection.execute(_KINDS, [oid]).fetchall()
    top = next(kind for member, kind, _ in kinds if member == oid)
    fault = ""
    if top not in ("r", "p"):
        fault = "it is no table"
    elif top == "r" and len(kinds) > 1:
        fault = "other tables inherit from it"
    elif any(kind == "f" for _, kind, _ in kinds):
        fault = "a partition of it is in another database"
    elif any(persistence != "p" for _, _, persistence in kinds):
        fault = "it is unlogged or temporary"
    if fault:
        raise Unsupported(
            f"changes of {collection!r} cannot be captured: {fault}",
            hint="stop writing to it while it is migrated, or capture the tables that hold the rows",
            store=STORE,
            collection=collection,
        )
    return name, table, Note(oid, name.text, key=[key.column.name for key in table.keys])


def wire_types(table: Table) -> list[str]:
    """The types in which the outbox keeps the parts of a key: types of the user's own would be tied to it."""
    types = {IdKind.INT: "pg_catalog.int8", IdKind.UUID: "pg_catalog.uuid"}
    return [
        types.get(key.kind, "pg_catalog.text") if key.column.native else "pg_catalog.text"
        for key in table.keys
    ]


def wire_value(key: KeyColumn, row: str) -> str:
    """A part of the key of `row`, `new` or `old` or a table's alias, as it travels to us."""
    value = f"{row}.{key.column.sql}"
    return value if key.column.native else f"{value}::pg_catalog.text"


def _members(connection: Connection, names: Names, table: int) -> dict[int, Member]:
    rows = connection.execute(_MEMBERS, [table, names.root]).fetchall()
    return {oid: Member(filenode, triggers) for oid, _, filenode, triggers in rows}
