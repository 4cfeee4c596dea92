"""The real server, for every test of this folder."""

from tests.fakes.postgres import postgres_database, postgres_dsn, postgres_server, postgres_shared_dsn

__all__ = ["postgres_database", "postgres_dsn", "postgres_server", "postgres_shared_dsn"]
