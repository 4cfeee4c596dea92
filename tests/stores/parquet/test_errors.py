"""What is raised by the file system and by Arrow, in the product's words."""

from __future__ import annotations

import errno

import pyarrow as pa
import pytest

from vectormigrate.model.errors import PermissionDenied, StoreBroken, StoreDown, Unreachable
from vectormigrate.stores.parquet.errors import broken, missing, translate


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StoreDown, "free some space"),
        (PermissionError(errno.EACCES, "Permission denied"), PermissionDenied, "rights"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), Unreachable, "folder"),
        (OSError(errno.EIO, "Input/output error"), StoreDown, "disk"),
        (FileNotFoundError(errno.ENOENT, "No such file"), StoreBroken, "SHA-256"),
        (
            OSError("could not verify page integrity, CRC checksum verification failed"),
            StoreBroken,
            "SHA-256",
        ),
        (pa.ArrowInvalid("Parquet magic bytes not found\nmore"), StoreBroken, "SHA-256"),
    ],
)
def test_each_kind_of_trouble_has_its_error(error, kind, hint):
    told = translate(error, "/data/snap", "docs")
    assert type(told) is kind
    assert hint in told.hint
    assert (told.store, told.collection) == ("parquet", "docs")
    assert "/data/snap" in told.message
    assert "\n" not in told.message


def test_what_is_missing_or_broken_is_named():
    assert "'docs'" in missing("/data", "docs").message
    assert broken("x", "docs").collection == "docs"
