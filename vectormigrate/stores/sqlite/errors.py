"""apsw's exceptions as the product's: what SQLite said, to which file, and whether trying again can help.

Nothing here opens or reads anything. The one surprise: a locked file is retryable and a full disk is too, because
SQLite has rolled the transaction back in both cases and so nothing was applied.
"""

from __future__ import annotations

import apsw

from vectormigrate.model.errors import (
    CollectionMissing,
    PermissionDenied,
    StoreBroken,
    StoreDown,
    StoreError,
    Unreachable,
)

STORE = "sqlite"

REFUSING = (
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.TooBigError,
    UnicodeEncodeError,
    OverflowError,
)
"""What SQLite or apsw raises about one row, and not about the file or the statement."""

_KINDS: tuple[tuple[type[Exception], type[StoreError], str, str], ...] = (
    (
        apsw.BusyError,
        StoreDown,
        "is locked by another connection",
        "wait until the other writer is done, or give a longer timeout; a retry helps",
    ),
    (apsw.LockedError, StoreDown, "is locked by another connection", "a retry helps"),
    (apsw.FullError, StoreDown, "cannot grow: the disk is full", "free some space, then try again"),
    (
        apsw.NotADBError,
        StoreBroken,
        "is not an SQLite database",
        "check the path; an encrypted file cannot be read",
    ),
    (
        apsw.CorruptError,
        StoreBroken,
        "is damaged",
        "run `PRAGMA integrity_check` and restore it from a backup",
    ),
    (apsw.FormatError, StoreBroken, "has a format that this SQLite cannot read", "check the path"),
    (
        apsw.ReadOnlyError,
        PermissionDenied,
        "cannot be written",
        "check the rights of the file and of its folder",
    ),
    (apsw.PermissionsError, PermissionDenied, "may not be opened", "check the rights of the file"),
    (apsw.AuthError, PermissionDenied, "does not allow this", "check the rights of the file"),
    (
        apsw.CantOpenError,
        Unreachable,
        "cannot be opened",
        "check that the folder is there and that its rights allow it",
    ),
    (apsw.IOError, StoreDown, "cannot be read or written", "check the disk, then try again"),
    (apsw.NoMemError, StoreDown, "needs more memory than there is", "free some memory, then try again"),
    (apsw.InterruptError, StoreDown, "was interrupted", "a retry helps"),
)


def translate(error: Exception, path: str, collection: str = "") -> StoreError:
    """The product's error for one of apsw's, or for a text that is not UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        return StoreBroken(
            f"{path} holds a text that is not UTF-8",
            hint="repair the text, or leave its column behind",
            store=STORE,
            collection=collection,
        )
    for kind, ours, what, hint in _KINDS:
        if isinstance(error, kind):
            return ours(f"{path} {what} ({error})", hint=hint, store=STORE, collection=collection)
    if isinstance(error, apsw.SQLError) and "no such table" in str(error):
        return missing(path, collection)
    return StoreBroken(f"{path}: SQLite says: {error}", store=STORE, collection=collection)


def missing(path: str, collection: str) -> CollectionMissing:
    """There is no such table in the file."""
    return CollectionMissing(
        f"there is no table {collection!r} in {path}",
        hint="names are compared letter by letter; see the tables with `.tables`",
        store=STORE,
        collection=collection,
    )


def no_file(path: str, collection: str) -> CollectionMissing:
    """There is no file at all."""
    return CollectionMissing(
        f"there is no collection {collection!r}: the file {path} does not exist",
        hint="a source must exist; as a target it is made by the migration",
        store=STORE,
        collection=collection,
    )
