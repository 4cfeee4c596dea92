"""What a table says beside its rows, and a copy of it in another Postgres says again: defaults, identities, generated columns,
checks, collations, comments, indexes, the order of the columns. Read into `CollectionShape.native`, and made of it.

Said again is what refers to nothing but Postgres itself and to columns that arrive as they were. What refers to other rows or
other tables (unique, foreign keys, triggers) never is: while a migration runs, records arrive in an order of their own, and what
holds of the whole need not hold of them midway. A plan lists that with the statement to make it by.

What was read may have been written by anybody, so no text of it enters a statement but as `expressions.py` and the closed list of
types here allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vectormigrate.model.collection import CollectionShape, Field, IdKind, KeyOrder
from vectormigrate.stores.expressions import Grammar, words

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
_SIZED = r"(?: ?\(\d+(?:, ?-?\d+)?\))?"
_TYPE = re.compile(
    rf"(?:(?:character varying|character|bpchar|numeric|bit varying|bit){_SIZED}"
    rf"|(?:timestamp|time){_SIZED} with(?:out)? time zone"
    rf"|interval(?: (?:year|month|day|hour|minute|second)(?: to (?:month|hour|minute|second))?)?{_SIZED}"
    r"|boolean|bytea|date|real|double precision|smallint|integer|bigint|jsonb?|text|uuid"
    r"|inet|cidr|macaddr8?|tsvector|tsquery|point|line|lseg|box|path|polygon|circle|jsonpath|pg_lsn"
    r"|(?:int4|int8|num|ts|tstz|date)range)(?:\[\])*"
)
"""Types of every Postgres, as `format_type` spells them."""
_EXPRESSIONS = Grammar(
    words("""
        abs age array_append array_cat array_length array_position array_prepend array_remove
        array_to_string ascii bit bit_length btrim cardinality cbrt ceil ceiling char char_length character
        character_length chr clock_timestamp coalesce concat concat_ws date_bin date_part date_trunc
        daterange decode degrees div encode exp extract floor format gcd gen_random_uuid get_bit get_byte
        greatest host initcap int4range int8range interval isempty isfinite json_array_length
        json_build_array json_build_object json_extract_path json_extract_path_text json_typeof
        jsonb_array_length jsonb_build_array jsonb_build_object jsonb_exists jsonb_exists_all
        jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_path_exists jsonb_path_match
        jsonb_path_query_array jsonb_path_query_first jsonb_set jsonb_strip_nulls jsonb_typeof justify_days
        justify_hours justify_interval lcm least left length like_escape ln log lower lower_inc lower_inf
        lpad ltrim make_date make_interval make_time make_timestamp make_timestamptz md5 mod now nullif
        num_nonnulls num_nulls numeric numrange octet_length overlay phraseto_tsquery plainto_tsquery
        position power radians random range_merge regexp_count regexp_like regexp_match regexp_replace
        regexp_substr replace reverse right round rpad rtrim set_bit setweight sha224 sha256 sha384 sha512
        sign split_part sqrt starts_with statement_timestamp string_to_array strip strpos substr substring
        time timestamp timezone to_char to_date to_json to_jsonb to_number to_timestamp to_tsquery
        to_tsvector transaction_timestamp translate trim trunc tsrange tstzrange unistr upper upper_inc
        upper_inf uuidv4 uuidv7 varchar varying websearch_to_tsquery width_bucket
    """),
    schema="pg_catalog",
    backslashes=False,
    arrays=True,
)
"""Functions of every Postgres that only compute: none that reads a file, runs a query, or asks or changes the server."""
_OF_INDEX = words("btree hash gin gist spgist brin include where with")
_CHECK = re.compile(r"CHECK \((.*)\)(?: NO INHERIT)?", re.DOTALL)
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
    names = {field.name for field in shape.fields if own_type(field) == held.get(field.name, {}).get("type")}
    names |= {vector.name for vector in shape.vectors if vector.name in held}
    return names | {part.name for part in (shape.id.parts or (shape.id,)) if part.name in held}


def own_type(field: Field) -> str:
    """The type that a column had, if every Postgres has it."""
    said = field.own_type(STORE)
    return said if _TYPE.fullmatch(said) else ""


def key_type(shape: CollectionShape, name: str, kind: IdKind) -> str:
    """The type that a column of the key had, where keys of this kind fit into it; empty for ours."""
    had: str = (told(shape).get(COLUMNS) or {}).get(name, {}).get("type", "")
    if kind is IdKind.INT and had in ("smallint", "integer", "bigint"):
        return had
    if kind is IdKind.TEXT and had.startswith("character varying") and _TYPE.fullmatch(had):
        return f'{had} collate "C"'
    return ""


def additions(shape: CollectionShape, name: str) -> str:
    """What is said of a column behind its type."""
    column = (told(shape).get(COLUMNS) or {}).get(name) or {}
    here = as_they_were(shape)
    if name not in here:
        return ""
    key = name in {part.name for part in (shape.id.parts or (shape.id,))}
    behind = f" collate {column['collation']}" if column.get("collation") in _EVERYWHERE and not key else ""
    if column.get("identity"):
        return f"{behind} generated by default as identity"
    said = column.get("expression")
    whole = column.get("plain") and here.issuperset(column.get("needs", ()))
    if not said or not whole or _EXPRESSIONS.fault(said):
        return behind
    if column.get("generated"):
        how = "virtual" if column["generated"] == "v" else "stored"
        return f"{behind} generated always as ({said}) {how}"
    return f"{behind} default ({said})"


def checks(shape: CollectionShape) -> list[str]:
    """Constraints that each row keeps by itself."""
    here = as_they_were(shape)
    return [
        f"constraint {quote(one['name'])} {one['text']}"
        for one in told(shape).get(CHECKS) or ()
        if not _why_not(CHECKS, one, here)
    ]


def indexes(shape: CollectionShape) -> list[str]:
    """What follows `using` of each index beside those of vectors."""
    here = as_they_were(shape)
    return [str(one["text"]) for one in told(shape).get(INDEXES) or () if not _why_not(INDEXES, one, here)]


def _why_not(place: str, one: dict[str, Any], here: set[str]) -> str:
    """Why a check or an index is not made again, or ""."""
    if not here.issuperset(one["needs"]):
        return "it needs columns as they were"
    if place == INDEXES:
        return _EXPRESSIONS.fault(one["text"], also=_OF_INDEX)
    found = _CHECK.fullmatch(one["text"])
    return _EXPRESSIONS.fault(found[1]) if found else "it is no check"


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
            if why := _why_not(place, one, here):
                lines.append(f"{kind} {quote(one['name'])} {one['text']} is not carried: {why}")
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
        why = _EXPRESSIONS.fault(column["expression"]) if plain else ""
        yield f"{what} {column['expression']} is not carried{f': {why}' if why else ''}"
    if column.get("collation") and made.field_named(name) and f"collate {column['collation']}" not in said:
        yield f"collation {column['collation']} is not carried"
