"""Searches by groups, where the nearest are easy to see; Milvus Lite judges the rest."""

from __future__ import annotations

import pytest

from tests.stores.milvus.facade.answering import T, put, schema, search

NAMED = schema(
    more=[
        ("kind", T.VarChar, {"nullable": True, "params": {"max_length": 9}}),
        ("n", T.Int64, {"nullable": True}),
        ("deep", T.JSON, {"nullable": True}),
    ]
)
KINDS = ["a", "b", "a", None, "a", "c", None, "b", "c", "c"]
LINE = [{"id": row, "v": [row, 0], "kind": kind, "n": row // 4} for row, kind in enumerate(KINDS)]


@pytest.fixture
async def line(served):
    """Ten records in a line, compared by L2."""
    await served.make(NAMED, "L2")
    await served.ok("Insert", put(LINE, NAMED))
    return served


async def found(served, **words):
    results = (await served.ok("Search", search((0, 0), NAMED, **words))).results
    return list(results.ids.int_id.data), results


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ({"group_by_field": "kind"}, [0, 1, 3, 5]),
        ({"group_by_field": "kind", "limit": 2}, [0, 1]),
        ({"group_by_field": "kind", "limit": 2, "offset": 1}, [1, 3]),
        ({"group_by_field": "kind", "group_size": 2}, [0, 2, 1, 7, 3, 6, 5, 8]),
        ({"group_by_field": "kind", "group_size": 2, "limit": 1, "offset": 2}, [3, 6]),
        ({"group_by_field": "n", "group_size": 9, "limit": 2}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"group_by_field": "kind", "dsl": "n > 1"}, [8]),
        ({"group_by_field": "id", "limit": 3}, [0, 1, 2]),
        ({"group_by_field": "kind", "params": {"radius": 20.0}}, [0, 1, 3]),
    ],
    ids=str,
)
async def test_the_nearest_of_each_value(line, words, ids):
    assert (await found(line, **words))[0] == ids


async def test_the_values_are_told(line):
    _, results = await found(line, group_by_field="kind", output_fields=["n"])
    values = results.group_by_field_value
    assert (values.field_name, list(values.scalars.string_data.data)) == ("kind", ["a", "b", "", "c"])
    assert list(values.valid_data) == [True, True, False, True]
    assert list(results.scores) == [0, 1, 9, 25]
    _, plain = await found(line)
    assert not plain.HasField("group_by_field_value")


async def test_by_rest(line):
    body = {"collectionName": "c", "data": [[0, 0]], "groupingField": "kind", "groupSize": 2, "limit": 1}
    told = await line.rest("entities/search", body)
    assert [one["id"] for one in told["data"]] == [0, 2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"group_by_field": "nothing"}, "not found"),
        ({"group_by_field": "deep"}, "JSON"),
        ({"group_by_field": "kind", "group_size": 0.5}, "at least 1"),
        ({"group_by_field": "kind", "strict_group_size": True}, "full"),
    ],
)
async def test_what_is_no_group(line, words, said):
    _, reason = await line.refused("Search", search((0, 0), NAMED, **words))
    assert said in reason
