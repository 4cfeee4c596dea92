"""PostgreSQL's errors, by SQLSTATE, as `model.errors`; the only module that knows psycopg's exceptions.

A refusal of a *value* (class 22, a constraint) is told apart from everything else by `is_data_error`: only that
one is worth looking for the record that caused it. Messages quote the server's primary message, which names
objects and values but never credentials; the libpq texts of a failed connection are not passed on, because they
may quote the connection string.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg.conninfo import conninfo_to_dict

from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionExists,
    CollectionMissing,
    ConfigInvalid,
    PermissionDenied,
    ShapeMismatch,
    StoreBroken,
    StoreDown,
    StoreError,
    Throttled,
    Unreachable,
    Unresolved,
    Unsupported,
    VectormigrateError,
)

STORE = "pgvector"

_BY_STATE: dict[str, tuple[type[StoreError], str]] = {
    "28000": (AuthenticationFailed, "check the user, and pg_hba.conf of the server"),
    "28P01": (AuthenticationFailed, "check user and password"),
    "42501": (PermissionDenied, "grant the right to this user, or use another one"),
    "42P01": (CollectionMissing, "check the table's name and schema, and the search_path of this user"),
    "3F000": (CollectionMissing, "create the schema first, or name another one"),
    "3D000": (CollectionMissing, "check the database's name in the DSN, or create it"),
    "42P07": (CollectionExists, "choose another name, or drop it first"),
    "42703": (ShapeMismatch, "the table has changed since it was looked at; run the command again"),
    "42804": (ShapeMismatch, "the table's columns are of other types; look at the plan again"),
    "53100": (StoreDown, "free space on the server's disk, then go on"),
    "53200": (StoreDown, "the server is out of memory; retry later"),
    "53300": (Throttled, "the server has no connection left; use fewer workers or raise max_connections"),
    "25006": (StoreDown, "the server is read-only: a standby, or default_transaction_read_only"),
    "40001": (StoreDown, "another session was in the way; a retry helps"),
    "40P01": (StoreDown, "another session was in the way; a retry helps"),
    "55006": (StoreDown, "another session is using it; a retry helps"),
    "55P03": (StoreDown, "another session holds a lock; a retry helps"),
    "57014": (StoreDown, "the statement was cancelled or timed out; a retry may help"),
    "58P01": (Unsupported, "install the extension's files on the server"),
    "0A000": (Unsupported, ""),
    "42883": (Unsupported, "this server or its pgvector is too old for that"),
    "42704": (Unsupported, "this server or its pgvector is too old for that"),
}
_BY_CLASS: dict[str, tuple[type[StoreError], str]] = {
    "08": (StoreDown, "the connection was lost; a retry helps"),
    "28": (AuthenticationFailed, "check the credentials"),
    "53": (StoreDown, "the server is short of resources; retry later"),
    "57": (StoreDown, "the server is stopping or starting; a retry helps"),
    "58": (StoreDown, "the server has trouble with its files; see its log"),
    "XX": (StoreBroken, "see the server's log"),
}


def translate(error: psycopg.Error, *, collection: str = "") -> VectormigrateError:
    """What a failed statement means: it was not applied. See `translate_commit` for one that may have been."""
    state = error.sqlstate
    if state is None:
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return StoreDown(
                "the connection to the server was lost",
                hint="a retry helps",
                store=STORE,
                collection=collection,
            )
        return StoreError(_first_line(error), store=STORE, collection=collection)
    made, hint = _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or (StoreError, "")
    return made(_first_line(error), hint=hint, store=STORE, collection=collection)


def translate_commit(error: psycopg.Error, *, collection: str = "") -> VectormigrateError:
    """What a failed COMMIT means. Unless the server itself said no, nobody knows whether it was applied."""
    state = error.sqlstate
    if state is None or state[:2] in ("08", "57"):
        return Unresolved(
            "the connection was lost while a transaction was being committed",
            hint="a retry helps: writes are repeatable",
            store=STORE,
            collection=collection,
        )
    return translate(error, collection=collection)


def translate_connect(error: psycopg.Error, dsn: str) -> VectormigrateError:
    """Why no connection came about. Names host, port, user and database, never the password."""
    told = _where(dsn)
    text = str(error).lower()
    for state, sign in _CONNECT_SIGNS:
        if error.sqlstate == state or sign(text):
            made, hint = _BY_STATE.get(state) or _BY_CLASS[state[:2]]
            what = _CONNECT_WORDS.get(made, "does not take connections now")
            return made(f"the server {told} {what}", hint=hint, store=STORE)
    return Unreachable(
        f"cannot reach the server {told}: {_reason(text)}",
        hint="check host, port and TLS mode in the DSN, and that the server is up",
        store=STORE,
    )


def bad_dsn() -> ConfigInvalid:
    """The DSN cannot be read. It is not quoted: it may hold a password."""
    return ConfigInvalid(
        "the connection string cannot be read",
        hint="write it as postgresql://user@host:5432/database, or as host=... dbname=... user=...",
        store=STORE,
    )


def is_data_error(error: psycopg.Error) -> bool:
    """Whether the server refused a value, so that the same request without some record would pass.

    Class 22 is a bad value, 23 a constraint, 54000 a value too large for an index or a page.
    """
    state = error.sqlstate or ""
    return state[:2] in ("22", "23") or state == "54000"


def reason(error: psycopg.Error) -> str:
    """The server's words on one line, in our style."""
    return _first_line(error)


def _first_line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error).strip().split("\n", 1)[0] or type(error).__name__
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


_CONNECT_SIGNS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("28P01", lambda text: "password authentication failed" in text or "no password supplied" in text),
    ("28000", lambda text: "pg_hba.conf" in text or ("role" in text and "does not exist" in text)),
    ("3D000", lambda text: "database" in text and "does not exist" in text),
    ("53300", lambda text: "too many" in text or "remaining connection slots" in text),
    ("57P03", lambda text: "starting up" in text or "shutting down" in text or "recovery" in text),
    ("42501", lambda text: "permission denied" in text and "database" in text),
)
"""A failed connection has no SQLSTATE in psycopg, only libpq's text."""
_CONNECT_WORDS: dict[type[StoreError], str] = {
    AuthenticationFailed: "refused the credentials",
    CollectionMissing: "has no such database",
    Throttled: "has no connection left",
    PermissionDenied: "does not let this user in",
}


def _where(dsn: str) -> str:
    try:
        known = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        return ""
    host = known.get("host") or known.get("hostaddr") or "localhost"
    place = f"{host}:{known.get('port') or 5432}"
    database, user = known.get("dbname"), known.get("user")
    more = [f"database {database!r}"] if database else []
    more += [f"user {user!r}"] if user else []
    return f"{place} ({', '.join(more)})" if more else place


def _reason(text: str) -> str:
    signs = (
        ("refused", "connection refused"),
        ("could not translate host name", "unknown host"),
        ("name or service not known", "unknown host"),
        ("failed to resolve host", "unknown host"),
        ("timeout", "no answer in time"),
        ("ssl", "TLS failed"),
        ("certificate", "TLS failed"),
        ("no route", "no route to host"),
    )
    return next((meaning for sign, meaning in signs if sign in text), "the connection failed")
