"""SQL agrees with the model's own meaning, on every row, for every filter that hypothesis thinks of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind, VectorField
from vectormigrate.model.filter import (
    And,
    Compare,
    Comparison,
    Exists,
    HasId,
    In,
    IsNull,
    Not,
    Or,
    matches,
)
from vectormigrate.model.query import Query
from vectormigrate.stores.base import Endpoint, Range
from vectormigrate.stores.sqlite import open_store

FIELDS = {
    "text": FieldType.TEXT,
    "int": FieldType.INT,
    "float": FieldType.FLOAT,
    "bool": FieldType.BOOL,
    "any": FieldType.ANY,
    "bytes": FieldType.BYTES,
    "decimal": FieldType.DECIMAL,
    "moment": FieldType.DATETIME,
    "uuid": FieldType.UUID,
    "json": FieldType.JSON,
}
SHAPE = CollectionShape(
    "t",
    IdField("id", IdKind.TEXT),
    (VectorField("v", dim=2),),
    tuple(Field(name, type_) for name, type_ in FIELDS.items()),
    dynamic=True,
)
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
ROWS = [
    {},
    {"text": "a", "int": 1, "float": 1.0, "bool": True, "any": 1, "json": {"a": [1, "x"], "b": None}},
    {"text": "", "int": 0, "float": -0.5, "bool": False, "any": "1", "json": [1, 2], "free": 1},
    {"text": "5", "int": 5, "float": 5.5, "any": 5.5, "bytes": b"\0", "json": "a", "free": True},
    {"text": "B", "int": 2**53 + 1, "float": 2.0**53, "any": b"a", "bytes": b"a", "free": None},
    {
        "text": None,
        "decimal": Decimal("1.10"),
        "moment": NOON,
        "uuid": UUID(int=1),
        "free": {"deep": {"x": 1}},
    },
    {"text": "é\0", "decimal": Decimal(5), "json": {"$date": "x"}, "free": ["a", 1, None], "any": "a"},
    {"free": {"deep": [True, "a"]}, "dotted.key": "a", "json": True, "float": float("nan")},
]
PLAIN = [
    None,
    True,
    False,
    0,
    1,
    5,
    2**53,
    2**53 + 1,
    2**70,
    1.0,
    5.5,
    float("nan"),
    "",
    "a",
    "1",
    "é\0",
    "\ud800",
]
OTHERS = [
    b"a",
    b"",
    Decimal("1.1"),
    Decimal(5),
    NOON,
    NOON.replace(tzinfo=None),
    UUID(int=1),
    [1, 2],
    {"x": 1},
]
VALUES = st.sampled_from([*PLAIN, *OTHERS])
PATHS = st.sampled_from(
    [
        *((name,) for name in FIELDS),
        *(("free",), ("free", "deep"), ("free", "deep", "x"), ("json", "a"), ("json", "$date"), ("nowhere",)),
        *(("dotted.key",), ("text", "a"), ("_payload",), ("v",), ("id",)),
    ]
)
IDS = st.sampled_from(["r0", "r1", "R1", "r5", 5, "5", ("r0", 1), UUID(int=1), 2**70])
LEAVES = (
    st.builds(Compare, PATHS, st.sampled_from(list(Comparison)), VALUES)
    | st.builds(In, PATHS, st.lists(VALUES, max_size=3).map(tuple))
    | st.builds(Exists, PATHS)
    | st.builds(IsNull, PATHS)
    | st.builds(HasId, st.lists(IDS, max_size=3).map(tuple))
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A loop of our own, because hypothesis calls the test many times over one store."""
    with asyncio.Runner() as runner:
        store = open_store(Endpoint("sqlite", str(tmp_path_factory.mktemp("f") / "f.db")))

        async def fill():
            await store.create(SHAPE)
            ids = [f"r{row}" for row in range(len(ROWS))]
            vectors = {"v": DenseColumn(np.ones((len(ROWS), 2), np.float32))}
            result = await store.upsert("t", Batch(ids, vectors, ROWS))
            assert result.refused == ()
            return [record async for page in store.scan("t", Range()) for record in page.batch.records()]

        yield runner, store, runner.run(fill())
        runner.run(store.close())


@settings(max_examples=250, deadline=None)
@given(condition=FILTERS)
def test_sql_finds_what_the_model_matches(table, condition):
    runner, store, records = table
    query = Query(np.ones(2, np.float32), "v", limit=100, filter=condition)
    got = {match.id for match in runner.run(store.query("t", query))}
    assert got == {record.id for record in records if matches(condition, record.id, record.payload)}


def test_plain_columns_are_compared_by_sqlite_itself(table):
    runner, store, _ = table
    seen = []
    store._database._idle[0].trace_v2(0x01, lambda event: seen.append(event["sql"]))
    condition = And((Compare(("int",), Comparison.GT, 0), Not(Compare(("text",), Comparison.EQ, "a"))))
    runner.run(store.query("t", Query(np.ones(2, np.float32), "v", filter=condition)))
    asked = [sql for sql in seen if "vec_distance" in sql]
    assert len(asked) == 1
    assert "vectormigrate_leaf" not in asked[0]


LONG = 2_000
"""Twice the levels that SQLite takes of one condition."""
NOBODY = tuple(f"nobody {number}" for number in range(LONG))


@pytest.mark.parametrize(
    "condition",
    [
        HasId((*NOBODY, "r1", "R2", "5", 5)),
        Not(HasId((*NOBODY, "r1"))),
        In(("text",), (*NOBODY, "5", "a")),
        In(("any",), (*range(-LONG, 2), "1")),
        Or(tuple(Compare(("text",), Comparison.EQ, one) for one in (*NOBODY, "a"))),
        And(tuple(Compare(("int",), Comparison.NE, one) for one in range(-LONG, 1))),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_long_list_is_looked_through(table, condition):
    runner, store, records = table
    found = {
        match.id for match in runner.run(store.query("t", Query(np.ones(2, np.float32), "v", 100, condition)))
    }
    assert found == {record.id for record in records if matches(condition, record.id, record.payload)}
    assert found


async def test_a_long_list_of_compound_ids(tmp_path):
    parts = (IdField("a", IdKind.TEXT), IdField("b", IdKind.INT))
    shape = CollectionShape("t", IdField("id", IdKind.COMPOUND, parts=parts), (VectorField("v", dim=2),))
    ids = [("x", number) for number in range(500)]
    async with open_store(Endpoint("sqlite", str(tmp_path / "t.db"))) as store:
        await store.create(shape)
        vectors = {"v": DenseColumn(np.ones((500, 2), np.float32))}
        assert (await store.upsert("t", Batch(list(ids), vectors, [{} for _ in ids]))).refused == ()
        wanted = HasId((*ids[100:], *(("y", number) for number in range(LONG))))
        found = await store.query("t", Query(np.ones(2, np.float32), "v", 1_000, wanted))
    assert {match.id for match in found} == {*ids[100:]}
