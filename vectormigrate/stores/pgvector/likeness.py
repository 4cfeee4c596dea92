"""What a table says beside its rows, and a copy of it in another Postgres says again: defaults, identities, generated columns,
checks, collations, comments, indexes, the order of the columns. Read into `CollectionShape.native`, and made of it.

Said again is what refers to nothing but Postgres itself and to columns that arrive as they were. What refers to other rows or
other tables (unique, foreign keys, triggers) never is: while a migration runs, records arrive in an order of their own, and what
holds of the whole need not hold of them midway. A plan lists that with the statement to make it by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vectormigrate.model.collection import CollectionShape, IdKind, KeyOrder

from .connections import Connection
from .errors import STORE
from .names import quote

COLUMNS, CHECKS, INDEXES, REST, COMMENT = "columns", "checks", "indexes", "rest", "comment"
"""Keys of what is told."""
_OURS = "vectormigrate"
_OF_TABLE = "(d.refclassid = 'pg_class'::regclass and d.refobjid = $1)"
_FOREIGN = f"(d.refobjid >= 16384 and not {_OF_TABLE})"
"""What came after Postgres itself and is not of the table."""
_EVERYWHERE = ('pg_catalog."C"', 'pg_catalog."POSIX"', "pg_catalog.ucs_basic")
"""Collations that every Postgres has; others depend on how it was built."""
_TOLD = f"""\
select a.attname, format_type(a.atttypid, a.atttypmod), a.attidentity::text, a.attgenerated::text,
       pg_get_expr(ad.adbin, ad.adrelid),
       case when a.attcollation <> 0 and a.attcollation <> t.typcollation
            then quote_ident(cn.nspname) || '.' || quote_ident(co.collname) end,
       coalesce(col_description(a.attrelid, a.attnum), ''),
       ad.oid is null or not exists (
           select from pg_depend d where d.classid = 'pg_attrdef'::regclass and d.objid = ad.oid and {_FOREIGN}),
       array(select b.attname::text from pg_depend d join pg_attribute b on b.attrelid = $1 and b.attnum = d.refobjsubid
             where d.classid = 'pg_attrdef'::regclass and d.objid = ad.oid and {_OF_TABLE} and b.attnum <> a.attnum),
       pg_get_serial_sequence($2, a.attname) is not null
from pg_attribute a join pg_type t on t.oid = a.atttypid
left join pg_attrdef ad on ad.adrelid = a.attrelid and ad.adnum = a.attnum
left join pg_collation co on co.oid = a.attcollation
left join pg_namespace cn on cn.oid = co.collnamespace
where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum
"""  # noqa: S608 our own words
_CONSTRAINTS = f"""\
select c.conname, c.contype::text, pg_get_constraintdef(c.oid),
       array(select b.attname::text from pg_attribute b where b.attrelid = $1 and b.attnum = any(c.conkey)),
       c.convalidated and not exists (
           select from pg_depend d where d.classid = 'pg_constraint'::regclass and d.objid = c.oid and {_FOREIGN})
from pg_constraint c where c.conrelid = $1 and c.contype in ('c', 'u', 'f', 'x') order by c.conname
"""  # noqa: S608 our own words
_MADE_INDEXES = f"""\
select c.relname, i.indisunique, pg_get_indexdef(c.oid),
       array(select distinct b.attname::text from pg_depend d join pg_attribute b on b.attrelid = $1 and b.attnum = d.refobjsubid
             where d.classid = 'pg_class'::regclass and d.objid = c.oid and {_OF_TABLE}),
       not exists (
           select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and {_FOREIGN})
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am am on am.oid = c.relam
where i.indrelid = $1 and i.indisvalid and am.amname not in ('hnsw', 'ivfflat')
  and not exists (select from pg_constraint k where k.conindid = c.oid) order by c.relname
"""  # noqa: S608 our own words
_RELATED = """\
select 'trigger ' || quote_ident(tgname) from pg_trigger where tgrelid = $1 and not tgisinternal and tgname not like 'vectormigrate%'
union all select 'policy ' || quote_ident(polname) from pg_policy where polrelid = $1
union all select 'partitioning ' || pg_get_partkeydef(oid) from pg_class where oid = $1 and relkind = 'p'
"""


def read(connection: Connection, oid: int, table: str, comment: str) -> dict[str, Any]:
    """What a table says, as plain values."""
    columns: dict[str, Any] = {}
    for (
        name,
        sql_type,
        identity,
        generated,
        expression,
        collation,
        said,
        plain,
        needs,
        counted,
    ) in connection.execute(_TOLD, [oid, table]).fetchall():
        told = {
            "type": sql_type,
            "identity": identity or ("s" if counted else ""),
            "generated": generated,
            "expression": "" if counted else expression or "",
            "collation": collation or "",
            "comment": "" if said.startswith(_OURS) else said,
            "plain": plain,
            "needs": needs,
        }
        columns[name] = {key: value for key, value in told.items() if value}
    checks, rest = [], []
    for name, kind, text, needs, plain in connection.execute(_CONSTRAINTS, [oid]).fetchall():
        if kind == "c" and plain:
            checks.append({"name": name, "text": text, "needs": needs})
        else:
            rest.append({"text": f"constraint {quote(name)} {text}", "unique": needs if kind == "u" else []})
    indexes = []
    for name, unique, text, needs, plain in connection.execute(_MADE_INDEXES, [oid]).fetchall():
        tail = text.partition(" USING ")[2]
        if unique or not plain:
            said = f"{'unique ' if unique else ''}index {quote(name)} using {tail}"
            rest.append({"text": said, "unique": needs if unique else []})
        else:
            indexes.append({"name": name, "text": tail, "needs": needs})
    rest += [{"text": row[0], "unique": []} for row in connection.execute(_RELATED, [oid]).fetchall()]
    told = {
        COLUMNS: columns,
        CHECKS: checks,
        INDEXES: indexes,
        REST: rest,
        COMMENT: "" if comment.startswith(_OURS) else comment,
    }
    return {key: value for key, value in told.items() if value}


def told(shape: CollectionShape) -> dict[str, Any]:
    """What the Postgres says that a shape is from; empty where it is from elsewhere."""
    found: dict[str, Any] = shape.native.get(STORE) or {}
    return found


def as_they_were(shape: CollectionShape) -> set[str]:
    """The columns that a table of this shape has of the name and the type that they had."""
    held = told(shape).get(COLUMNS) or {}
    names = {
        field.name for field in shape.fields if field.own_type(STORE) == held.get(field.name, {}).get("type")
    }
    names |= {vector.name for vector in shape.vectors if vector.name in held}
    return names | {part.name for part in (shape.id.parts or (shape.id,)) if part.name in held}


def key_type(shape: CollectionShape, name: str, kind: IdKind) -> str:
    """The type that a column of the key had, where keys of this kind fit into it; empty for ours."""
    had: str = (told(shape).get(COLUMNS) or {}).get(name, {}).get("type", "")
    if kind is IdKind.INT and had in ("smallint", "integer", "bigint"):
        return had
    if kind is IdKind.TEXT and had.startswith("character varying"):
        return f'{had} collate "C"'
    return ""


def additions(shape: CollectionShape, name: str) -> str:
    """What is said of a column behind its type."""
    column = (told(shape).get(COLUMNS) or {}).get(name) or {}
    here = as_they_were(shape)
    if name not in here:
        return ""
    key = name in {part.name for part in (shape.id.parts or (shape.id,))}
    words = f" collate {column['collation']}" if column.get("collation") in _EVERYWHERE and not key else ""
    if column.get("identity"):
        return f"{words} generated by default as identity"
    if (
        not column.get("expression")
        or not column.get("plain")
        or not here.issuperset(column.get("needs", ()))
    ):
        return words
    if column.get("generated"):
        how = "virtual" if column["generated"] == "v" else "stored"
        return f"{words} generated always as ({column['expression']}) {how}"
    return f"{words} default {column['expression']}"


def checks(shape: CollectionShape) -> list[str]:
    """Constraints that each row keeps by itself."""
    here = as_they_were(shape)
    return [
        f"constraint {quote(one['name'])} {one['text']}"
        for one in told(shape).get(CHECKS) or ()
        if here.issuperset(one["needs"])
    ]


def indexes(shape: CollectionShape) -> list[str]:
    """What follows `using` of each index beside those of vectors."""
    here = as_they_were(shape)
    return [str(one["text"]) for one in told(shape).get(INDEXES) or () if here.issuperset(one["needs"])]


def comments(shape: CollectionShape) -> dict[str, str]:
    """The comments of columns, and that of the table under no name."""
    here = as_they_were(shape)
    found = {
        name: column["comment"]
        for name, column in (told(shape).get(COLUMNS) or {}).items()
        if name in here and column.get("comment")
    }
    return found | ({"": told(shape)[COMMENT]} if told(shape).get(COMMENT) else {})


def in_order(shape: CollectionShape, columns: list[tuple[str, str]]) -> list[str]:
    """Definitions of columns, by name, as the columns stood in the table that they come from; others behind them."""
    places = {name: place for place, name in enumerate(told(shape).get(COLUMNS) or {})}
    last = len(places)
    return [text for _, text in sorted(columns, key=lambda column: places.get(column[0], last))]


def left_out(source: CollectionShape, made: CollectionShape) -> list[str]:
    """What a table says and its copy would not, a line each; of columns that do not arrive the mapping tells."""
    key = [part.name for part in (source.id.parts or (source.id,))]
    lines = [
        f"{one['text']} is not carried: add it after the cutover"
        for one in told(source).get(REST) or ()
        if sorted(one["unique"]) != sorted(key)
    ]
    lines += [
        f'column {part.name!r}: it is sorted by its bytes (collate "C") in the target'
        for part in (source.id.parts or (source.id,))
        if part.kind is IdKind.TEXT and part.order is not KeyOrder.BYTES and told(source)
    ]
    here = as_they_were(made)
    arriving = {one.name for one in made.fields} | here
    for name, column in (told(source).get(COLUMNS) or {}).items():
        if name in arriving:
            lines += [
                f"column {name!r}: {one}" for one in _left_out_of(made, name, column, plain=name in here)
            ]
    for kind, place in (("check", CHECKS), ("index", INDEXES)):
        for one in told(source).get(place) or ():
            if not here.issuperset(one["needs"]):
                lines.append(
                    f"{kind} {quote(one['name'])} {one['text']} is not carried: it needs columns as they were"
                )
    return lines


def _left_out_of(made: CollectionShape, name: str, column: dict[str, Any], *, plain: bool) -> Iterator[str]:
    said = additions(made, name)
    field = made.field_named(name)
    if not plain and field is not None:
        yield f"type {column['type']} is not carried: it is one for {field.type}"
    if column.get("identity") == "a":
        yield "it is generated by default, not always, as identity"
    if column.get("identity") and not plain:
        yield "nothing counts it in the target"
    elif column.get("expression") and column["expression"] not in said:
        what = "generated as" if column.get("generated") else "default"
        yield f"{what} {column['expression']} is not carried"
    if column.get("collation") and made.field_named(name) and f"collate {column['collation']}" not in said:
        yield f"collation {column['collation']} is not carried"
