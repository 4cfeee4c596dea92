import apsw
import pytest

from vectormigrate.model.errors import (
    CollectionMissing,
    PermissionDenied,
    StoreBroken,
    StoreDown,
    Unreachable,
)
from vectormigrate.stores.sqlite.errors import missing, no_file, translate


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (apsw.BusyError("database is locked"), StoreDown, True),
        (apsw.FullError("database or disk is full"), StoreDown, True),
        (apsw.IOError("disk I/O error"), StoreDown, True),
        (apsw.NotADBError("file is not a database"), StoreBroken, False),
        (apsw.CorruptError("malformed"), StoreBroken, False),
        (apsw.ReadOnlyError("readonly"), PermissionDenied, False),
        (apsw.CantOpenError("unable to open"), Unreachable, True),
        (apsw.SQLError("no such table: t"), CollectionMissing, False),
        (apsw.SQLError("near x"), StoreBroken, False),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), StoreBroken, False),
    ],
)
def test_each_error_says_what_where_and_whether_to_retry(error, kind, retryable):
    ours = translate(error, "/data/x.db", "docs")
    assert type(ours) is kind
    assert ours.retryable is retryable
    assert (ours.store, ours.collection) == ("sqlite", "docs")
    assert "/data/x.db" in str(ours) or kind is CollectionMissing


def test_a_missing_table_and_a_missing_file_are_told_apart():
    assert "no table 'docs' in /data/x.db" in str(missing("/data/x.db", "docs"))
    assert "does not exist" in str(no_file("/data/x.db", "docs"))
