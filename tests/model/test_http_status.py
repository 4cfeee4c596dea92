from vectormigrate.model.errors import (
    CaptureMissing,
    CaptureTaken,
    CollectionExists,
    CollectionMissing,
    GateRefused,
    MigrationExists,
    RecordRefused,
    RequestRefused,
    ShapeMismatch,
    StateFull,
    StoreBroken,
    Unauthorized,
    UnknownMigration,
    Unreachable,
    Unresolved,
    UsageError,
    VectormigrateError,
    WrongKey,
)
from vectormigrate.model.http_status import status_of


def test_the_narrowest_kind_decides():
    for kind, status in (
        (UsageError, 400),
        (UnknownMigration, 404),
        (MigrationExists, 409),
        (CollectionMissing, 404),
        (CollectionExists, 409),
        (ShapeMismatch, 422),
        (RecordRefused, 422),
        (CaptureMissing, 409),
        (CaptureTaken, 409),
        (GateRefused, 409),
        (Unauthorized, 401),
        (WrongKey, 401),
        (Unreachable, 502),
        (Unresolved, 504),
        (StateFull, 503),
    ):
        assert status_of(kind("x")) == status, kind
    assert status_of(RequestRefused("x", status=412)) == 412


def test_what_says_nothing_of_whose_fault_it_is():
    assert status_of(VectormigrateError("x")) == status_of(StoreBroken("x")) == 500
    assert status_of(StoreBroken("x"), 400) == 400
