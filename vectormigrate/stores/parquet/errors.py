"""What the file system and Arrow raise, as the product's errors. Nothing here touches a file."""

from __future__ import annotations

import errno

import pyarrow as pa

from vectormigrate.model.errors import (
    CollectionMissing,
    PermissionDenied,
    StoreBroken,
    StoreDown,
    StoreError,
    Unreachable,
)

STORE = "parquet"
FOREIGN = (OSError, pa.ArrowException)
"""Everything that is translated. Arrow raises a plain OSError, without a number, for a page whose checksum is wrong."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RIGHTS = (errno.EACCES, errno.EPERM, errno.EROFS)


def translate(error: Exception, place: str, collection: str = "") -> StoreError:
    """The product's error for one of those."""
    number = error.errno if isinstance(error, OSError) else None
    if number in _FULL:
        return StoreDown(
            f"{place} cannot grow: {_said(error)}",
            hint="free some space, then try again",
            store=STORE,
            collection=collection,
        )
    if number in _RIGHTS:
        return PermissionDenied(
            f"{place} may not be read or written: {_said(error)}",
            hint="check the rights of the folder and of its files",
            store=STORE,
            collection=collection,
        )
    if number in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP):
        return Unreachable(
            f"{place} is no folder of snapshots: {_said(error)}",
            hint="give the folder that holds them",
            store=STORE,
            collection=collection,
        )
    if number is not None and number != errno.ENOENT:
        return StoreDown(
            f"{place} cannot be read or written: {_said(error)}",
            hint="check the disk, then try again",
            store=STORE,
            collection=collection,
        )
    return broken(f"{place} is damaged: {_said(error)}", collection)


def broken(message: str, collection: str) -> StoreBroken:
    """The files are not what their manifest says."""
    return StoreBroken(
        message,
        hint="export it again, or bring the files back from a copy; the manifest has the SHA-256 of each",
        store=STORE,
        collection=collection,
    )


def missing(folder: str, collection: str) -> CollectionMissing:
    """There is no such snapshot."""
    return CollectionMissing(
        f"there is no snapshot {collection!r} in {folder}",
        hint="a snapshot is a folder with a _manifest.json in it; give the folder above as the place",
        store=STORE,
        collection=collection,
    )


def _said(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.splitlines()[0][:300] if text else type(error).__name__
