"""What is read out of vec0's chunks is what vec0 itself selects."""

from __future__ import annotations

import random

import numpy as np

from tests.stores.sqlite.test_virtual import connect
from vectormigrate.stores.base import Endpoint, Range
from vectormigrate.stores.sqlite import open_store

NAMES = ("id", "tenant", "number", "share", "seen", "genre", "other", "note", "raw")


async def test_every_row_is_what_vec0_says_it_is(tmp_path):
    connection = connect(tmp_path / "c.db")
    connection.execute(
        "create virtual table t using vec0(id text primary key, tenant text partition key, a float[2], number integer,"
        " share float, seen boolean, b int8[4], genre text, other text, +note text, +raw blob, chunk_size=8)"
    )
    seeded = random.Random(4)
    texts = ["", "x", "twelve bytes", "thirteen byte", "ü" * 6, "ü" * 7, "a\0b", "long " * 500]
    rows = [
        (
            f"{n:03d}",
            f"t{n % 3}",
            n - 2**62,
            n / 7,
            n % 2,
            texts[n % 8],
            texts[-n % 8],
            texts[n % 5],
            bytes([n]),
        )
        for n in range(100)
    ]
    seeded.shuffle(rows)
    marks = ", ".join("?" * len(NAMES))
    with connection:
        for row in rows:
            vector = np.array([row[2], row[3]], np.float32).tobytes()
            connection.execute(
                f"insert into t({', '.join(NAMES)}, a, b) values ({marks}, ?, vec_int8(?))",
                (*row, vector, bytes([row[8][0], 255, 0, 1])),
            )
        for row in rows[::9]:
            connection.execute("delete from t where id = ?", (row[0],))
    selected = connection.execute(f"select {', '.join(NAMES)}, a, b from t order by id").fetchall()
    assert len(selected) == 88
    async with open_store(Endpoint("sqlite", str(tmp_path / "c.db"))) as store:
        for limit in (5, 60, 1000):
            read = [
                (
                    record.id,
                    *(record.payload[name] for name in NAMES[1:]),
                    record.dense["a"],
                    record.dense["b"],
                )
                async for page in store.scan("t", Range(), limit=limit)
                for record in page.batch.records()
            ]
            assert [(*row[:-2], row[-2].tobytes(), row[-1].tobytes()) for row in read] == selected
            assert {type(row[4]) for row in read} == {bool}
    connection.close()
