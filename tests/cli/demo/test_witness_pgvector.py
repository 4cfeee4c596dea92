"""The Postgres witness against a real server."""

import numpy as np
import psycopg

from tests.fakes.postgres import postgres_database, postgres_server
from vectormigrate.cli.demo.witness import Request, seen
from vectormigrate.cli.demo.witness_pgvector import look

__all__ = ["postgres_database", "postgres_server"]


def test_every_row_is_read_with_its_vector_bit_for_bit(postgres_database):
    dsn = postgres_database()
    vector = np.array([0.1, 1 / 3, -7e-20], np.float32)
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("CREATE TABLE things (synset text PRIMARY KEY, embedding vector(3), n bigint)")
        text = "[" + ",".join(repr(float(number)) for number in vector) + "]"
        connection.execute("INSERT INTO things VALUES ('a', %s, 7), ('b', '[1,2,3]', NULL)", [text])
    rows = dict(look(Request(kind="pgvector", url=dsn, collection="public.things")))
    assert rows == {
        "a": seen(vector, {"synset": "a", "n": 7}),
        "b": seen(np.array([1, 2, 3]), {"synset": "b", "n": None}),
    }
