"""The port on a real server: the conformance suite, and what only PostgreSQL has."""

from __future__ import annotations

import psycopg
import pytest

from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pgvector import open_store


class TestConformance(ConformanceSuite):
    @pytest.fixture
    def target(self, postgres_shared_dsn: str) -> Subject:
        async def raw_count(name: str) -> int:
            async with await psycopg.AsyncConnection.connect(postgres_shared_dsn) as connection:
                row = await (await connection.execute(f'select count(*) from "{name}"')).fetchone()
                assert row is not None
                return row[0]

        return Subject(
            open=lambda: open_store(Endpoint("pgvector", postgres_shared_dsn)), raw_count=raw_count
        )
