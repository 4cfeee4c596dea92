"""The Postgres witness: a table as psycopg reads it. Run with `python -m`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from .dataset import VECTOR
from .witness import KEY, Request, Seen, seen, serve


def look(request: Request) -> Iterator[tuple[str, Seen]]:
    """Every row of the table."""
    # vector_send is pgvector's wire form: two 16-bit words, then big-endian floats.
    statement = sql.SQL("SELECT *, vector_send({}) AS sent FROM {}").format(
        sql.Identifier(VECTOR), sql.Identifier(*request.collection.split("."))
    )
    with psycopg.connect(request.url, row_factory=dict_row) as connection:
        for row in connection.execute(statement):
            vector = np.frombuffer(row.pop("sent"), ">f4", offset=4)
            del row[VECTOR]
            yield row[KEY], seen(vector, row)


if __name__ == "__main__":
    serve(look)
