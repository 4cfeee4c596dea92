"""The suite over plain tables that we make, and what only SQLite can show."""

from __future__ import annotations

import apsw
import pytest

from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.sqlite import open_store


class TestPlainTables(ConformanceSuite):
    @pytest.fixture
    def target(self, tmp_path):
        path = tmp_path / "plain.db"

        async def raw_count(name: str) -> int:
            with_apsw = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                return with_apsw.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0]
            finally:
                with_apsw.close()

        return Subject(open=lambda: open_store(Endpoint("sqlite", str(path))), raw_count=raw_count)
