"""A job over two SQLite files, and a coordinator that hands out its ranges and writes down what it was told."""

from __future__ import annotations

import apsw
import numpy as np

from vectormigrate.daemon.pipe import Job
from vectormigrate.daemon.tasks import Stores
from vectormigrate.engine.backfill.copier import CopySettings
from vectormigrate.engine.work import Assignment, Finish, Lease, OpenPage, Release, Report
from vectormigrate.model.mapping import make_plan
from vectormigrate.model.specification import Existing
from vectormigrate.stores.base import Endpoint

RECORDS = 60


class Scripted:
    """Hands out each assignment once, and again when it is given back."""

    def __init__(self, *assignments):
        self.todo = list(assignments)
        self.told = []
        self.on_report = lambda: None

    async def ask(self, request):
        """Answer as a coordinator that keeps nothing."""
        self.told.append(request)
        match request:
            case Lease():
                return self.todo.pop(0) if self.todo else None
            case OpenPage():
                return len(self.told)
            case Report():
                self.on_report()
                return True
            case Release(number):
                self.todo.append(Assignment("copy", number, None, None, fresh=False))
            case _:
                pass
        return None

    def copied(self):
        """Records that were reported as copied."""
        return sum(request.copied for request in self.told if isinstance(request, Report))

    def finished(self):
        """Ranges that were finished."""
        return [request.number for request in self.told if isinstance(request, Finish)]


async def job(directory):
    """Make a source of `RECORDS` records and an empty target, and what a worker must know to copy it."""
    source, target = (
        Endpoint("sqlite", str(directory / "old.db")),
        Endpoint("sqlite", str(directory / "new.db")),
    )
    connection = apsw.Connection(source.url)
    connection.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, v F32_BLOB(8))")
    vectors = np.random.default_rng(3).standard_normal((RECORDS, 8)).astype("f4")
    connection.executemany(
        "INSERT INTO docs VALUES (?, ?)", [(n, v.tobytes()) for n, v in enumerate(vectors)]
    )
    connection.close()
    async with Stores.open(source, target) as stores:
        shape = await stores.source.describe("docs")
        mapping = make_plan(shape, stores.target.capabilities, "docs")
        await stores.target.create(mapping.target)
    settings = CopySettings("docs", "docs", 10, 0, Existing.FAIL, False, 64)
    return Job(source, target, shape, mapping, settings, 3, 0.999, 1)


def held(directory):
    """Records of the target."""
    connection = apsw.Connection(str(directory / "new.db"))
    try:
        return connection.execute("SELECT count(*) FROM docs").get
    finally:
        connection.close()
