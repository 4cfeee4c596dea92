"""Writes as Qdrant's own engine takes them: what is read back afterwards is the same on both."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.stores.qdrant.facade.answering import A, B, Served
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import Database, MemoryStore

SETTINGS = {
    "vectors": {
        "a": {"size": 3, "distance": "Cosine"},
        "b": {"size": 2, "distance": "Dot"},
        "half": {"size": 2, "distance": "Cosine", "datatype": "float16"},
    },
    "sparse_vectors": {"s": {}},
}
POINTS = [
    {
        "id": 1,
        "vector": {"a": [3, 4, 0], "b": [1, 2]},
        "payload": {"word": "one", "deep": {"list": [1, {"x": 2}]}},
    },
    {"id": 2, "vector": {"a": [0, 0, 0]}, "payload": {"word": "two", "n": 2}},
    {
        "id": A,
        "vector": {"half": [1, 3], "s": {"indices": [7, 3], "values": [1, 2]}},
        "payload": {"word": "three"},
    },
    {"id": B, "vector": {}},
]
EVERYTHING = {"limit": 100, "with_vector": True}
WORD_ONE = {"must": [{"key": "word", "match": {"value": "one"}}]}


def nested(deep):
    """A payload of so many objects in each other."""
    payload = {}
    for _ in range(deep - 1):
        payload = {"a": payload}
    return payload


@pytest.fixture
async def filled(both):
    await both.ask("PUT", "/collections/c", SETTINGS)
    await both.ask("PUT", "/collections/c/points", {"points": POINTS})
    return both


async def same(both):
    """Everything in the collection, which both agree on."""
    return (await both.ask("POST", "/collections/c/points/scroll", EVERYTHING))["points"]


async def test_what_was_put_is_there_as_qdrant_keeps_it(filled):
    first, second, *_ = await same(filled)
    assert first["vector"]["a"] == pytest.approx([0.6, 0.8, 0])
    assert second["vector"]["a"] == [0, 0, 0]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "points", {"points": [{"id": 1, "vector": {"b": [5, 6]}}]}),
        ("PUT", "points", {"points": [{"id": 9, "vector": {"b": [1, 1]}}, {"id": 9, "vector": {"b": [2, 2]}}]}),
        ("PUT", "points", {"batch": {"ids": [1, 3], "vectors": {"b": [[1, 1], [2, 2]], "a": [[1, 1, 1], [2, 0, 0]]}}}),
        ("PUT", "points", {"batch": {"ids": [3], "vectors": {"s": [{"indices": [1], "values": [2]}]}, "payloads": [{"w": 1}]}}),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}, "payload": None}, {"id": 8, "vector": {}}], "update_mode": "insert_only"}),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}}, {"id": 8, "vector": {}}], "update_mode": "update_only"}),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}, "payload": nested(124)}]}),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}}, {"id": 2, "vector": {}}, {"id": 8, "vector": {}}], "update_filter": WORD_ONE}),
        ("POST", "points/delete", {"points": [1, 99, A]}),
        ("POST", "points/delete", {"filter": WORD_ONE}),
        ("POST", "points/delete", {"filter": {}}),
        ("PUT", "points/vectors", {"points": [{"id": 1, "vector": {"b": [7, 7], "s": {"indices": [1], "values": [1]}}}]}),
        ("PUT", "points/vectors", {"points": [{"id": 1, "vector": {"b": [7, 7]}}, {"id": 2, "vector": {"b": [7, 7]}}], "update_filter": WORD_ONE}),
        ("PUT", "points/vectors", {"points": [{"id": 99, "vector": {"b": [7, 7]}}]}),
        ("POST", "points/vectors/delete", {"points": [1, 2], "vector": ["a", "s"]}),
        ("POST", "points/vectors/delete", {"filter": WORD_ONE, "vector": ["b"]}),
        ("POST", "points/payload", {"payload": {"n": 1, "word": None}, "points": [1, 2]}),
        ("POST", "points/payload", {"payload": {"x": {"y": [None, 1.5]}}, "filter": WORD_ONE}),
        ("POST", "points/payload", {"payload": {"z": 1}, "points": [1, 2], "key": "deep.more"}),
        ("POST", "points/payload", {"payload": {"z": 1}, "points": [1], "key": "deep.list[1]"}),
        ("POST", "points/payload", {"payload": {"z": 1, "x": None}, "points": [1], "key": "deep.list[]"}),
        ("POST", "points/payload", {"payload": {"z": 1}, "points": [1, 99]}),
        ("PUT", "points/payload", {"payload": {"n": 1, "gone": None}, "points": [1]}),
        ("PUT", "points/payload", {"payload": {"n": 1}, "filter": WORD_ONE}),
        ("POST", "points/payload/delete", {"keys": ["word", "deep.list[].x"], "points": [1, 2]}),
        ("POST", "points/payload/delete", {"keys": ["deep.list[]"], "filter": WORD_ONE}),
        ("POST", "points/payload/delete", {"keys": ["deep.list[0]"], "points": [1]}),
        ("POST", "points/payload/clear", {"points": [1]}),
        ("POST", "points/payload/clear", {"filter": WORD_ONE}),
        (
            "POST",
            "points/batch",
            {
                "operations": [
                    {"upsert": {"points": [{"id": 5, "vector": {"b": [0, 1]}, "payload": {"word": "five"}}]}},
                    {"delete": {"points": [2]}},
                    {"set_payload": {"payload": {"n": 5}, "points": [5]}},
                    {"overwrite_payload": {"payload": {"only": True}, "points": [1]}},
                    {"delete_payload": {"keys": ["word"], "points": [5]}},
                    {"clear_payload": {"points": [A]}},
                    {"update_vectors": {"points": [{"id": 5, "vector": {"b": [9, 9]}}]}},
                    {"delete_vectors": {"points": [1], "vector": ["b"]}},
                ]
            },
        ),
        ("POST", "points/batch", {"operations": [{"delete": {"points": [1]}}, {"set_payload": {"payload": {}, "points": [1]}}, {"delete": {"points": [2]}}]}),
        ("PUT", "points", {"points": [{"id": 1, "vector": {"b": [1]}}]}),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}, "payload": {"shard_key": 1}}], "shard_key": None}),
        ("PUT", "points", {"points": [{"id": 1, "vector": {"none": [1]}}]}),
        ("PUT", "points", {"points": [{"id": "x", "vector": {"b": [1, 2]}}]}),
        ("PUT", "points", {"points": [{"id": 1, "vector": {"b": {"text": "a", "model": "b"}}}]}),
        ("PUT", "points", {"points": [{"id": 1, "vector": {"b": [1, None]}}]}),
    ],
)  # fmt: skip
async def test_a_write(filled, method, path, body):
    await filled.ask(method, f"/collections/c/{path}", body)
    await same(filled)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("PUT", "points", {}, 400, "Format error in JSON body: missing field `points`"),
        ("PUT", "points", b'{"points": [{"id": 1, "vector": {"b": [NaN, 1]}}]}', 400, "Format error in JSON body: JSON is malformed: invalid character (byte 39)"),
        ("PUT", "points", b'{"points": [{"id": 1, "vector": {"b": [1e39, 1]}}]}', 400, "Wrong input: vector 'b' holds a number beyond float32"),
        ("PUT", "points", {"batch": {"ids": [1, 2], "vectors": {"b": [[1, 2]]}}}, 400, "Format error in JSON body: number of ids, vectors and payloads must be equal"),
        ("PUT", "points", {"points": [], "update_mode": "never"}, 400, "Format error in JSON body: Invalid enum value 'never' - at `$.update_mode`"),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}, "payload": {"n": 2**64}}]}, 400, "Wrong input: an integer needs more than 64 bits"),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}, "payload": [1]}]}, 400, "Wrong input: a payload is an object"),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}, "payload": 0}]}, 400, "Wrong input: a payload is an object"),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}, "payload": nested(125)}]}, 400, "Wrong input: a payload may be nested 124 levels deep"),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}, "payload": nested(900)}]}, 400, "Wrong input: a payload may be nested 124 levels deep"),
        ("POST", "points/payload", {"points": [1], "payload": nested(900)}, 400, "Wrong input: a payload may be nested 124 levels deep"),
        ("PUT", "points", {"points": [{"id": 1, "vector": {}, "payload": {"$date": nested(900)}}]}, 400, "Wrong input: it is nested too deeply"),
        ("POST", "points/payload", {"points": [1], "payload": {"n": [-(2**63) - 1]}}, 400, "Wrong input: an integer needs more than 64 bits"),
        ("POST", "points/delete", {}, 400, "Format error in JSON body: missing field `points` or `filter`"),
        ("POST", "points/payload", {"points": [1]}, 400, "Format error in JSON body: missing field `payload`"),
        ("POST", "points/payload", {"points": [1], "payload": {}, "key": "a b"}, 400, "Wrong input: Invalid json path: 'a b'"),
        ("POST", "points/payload/delete", {"points": [1]}, 400, "Format error in JSON body: missing field `keys`"),
        ("POST", "points/vectors/delete", {"points": [1]}, 400, "Format error in JSON body: missing field `vector`"),
        ("POST", "points/vectors/delete", {"points": [1], "vector": ["z"]}, 400, "Wrong input: Not existing vector name error: z"),
        ("POST", "points/delete", {"points": [1], "shard_key": "a"}, 400, "Bad request: there are no shard keys here"),
        ("POST", "points/batch", {"operations": [{"delete": {"points": [1], "shard_key": 5}}]}, 400, "Bad request: there are no shard keys here"),
        ("POST", "points/batch", {"operations": [{"frobnicate": {}}]}, 400, "Bad request: there is no operation frobnicate"),
        ("POST", "points/delete", {"filter": {"must": [{"nested": {}}]}}, 400, "Wrong input: the filter cannot be read: 'key'"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_told(filled, method, path, body, status, said):
    assert await filled.served.ask(method, f"/collections/c/{path}", body) == (status, said)
    await same(filled)


async def test_a_vector_of_length_one_stays_to_the_bit(served):
    await served.result("PUT", "/collections/c", {"vectors": {"size": 5, "distance": "Cosine"}})
    unit = np.random.default_rng(1).standard_normal(5).astype(np.float32)
    unit /= np.linalg.norm(unit)
    unit *= np.float32(1 + 3e-7)
    await served.result(
        "PUT", "/collections/c/points", {"points": [{"id": 1, "vector": unit.astype(float).tolist()}]}
    )
    held = (await served.result("GET", "/collections/c/points/1"))["vector"]
    assert np.array_equal(np.float32(held), unit)


class Slow(MemoryStore):
    """Lets others in between reading and writing."""

    async def fetch(self, *args, **options):
        found = await super().fetch(*args, **options)
        await asyncio.sleep(0.001)
        return found


async def test_two_changes_of_one_point_do_not_undo_each_other():
    served = Served(Slow(Endpoint("memory"), Database()))
    await served.result("PUT", "/collections/c", {"vectors": {"size": 1, "distance": "Dot"}})
    await served.result(
        "PUT", "/collections/c/points", {"points": [{"id": 1, "vector": [1], "payload": {"w": "x"}}]}
    )
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            body = {"payload": {f"k{number}": number}}
            body |= (
                {"filter": {"must": [{"key": "w", "match": {"value": "x"}}]}}
                if number % 2
                else {"points": [1]}
            )
            group.create_task(served.result("POST", "/collections/c/points/payload", body))
        group.create_task(
            served.result("PUT", "/collections/c/points/vectors", {"points": [{"id": 1, "vector": [2]}]})
        )
    point = await served.result("GET", "/collections/c/points/1")
    assert len(point["payload"]) == 21
    assert point["vector"] == [2]


async def test_a_filter_is_asked_again_when_its_points_may_be_written():
    """A point that is changed away from the filter between the two looks is left alone."""
    store = MemoryStore(Endpoint("memory"), Database())
    served = Served(store)
    await served.result("PUT", "/collections/c", {"vectors": {"size": 1, "distance": "Dot"}})
    await served.result(
        "PUT", "/collections/c/points", {"points": [{"id": 1, "vector": [1], "payload": {"w": "x"}}]}
    )
    turns = served.facade._turns
    async with asyncio.TaskGroup() as group, turns.hold("c", [1]):
        where = {"must": [{"key": "w", "match": {"value": "x"}}]}
        group.create_task(served.result("POST", "/collections/c/points/delete", {"filter": where}))
        await asyncio.sleep(0.05)
        await store.patch("c", [1], {"payload": {"w": "y"}})
    assert await served.result("POST", "/collections/c/points/count", {}) == {"count": 1}


class Picky(MemoryStore):
    """Takes two records a request, and none of the id 3."""

    @property
    def capabilities(self) -> Capabilities:
        from dataclasses import replace

        return replace(super().capabilities, write_batch=2)

    async def upsert(self, collection, batch, *, fresh=False):
        from vectormigrate.model.errors import RecordRefused

        assert len(batch) <= 2
        result = await super().upsert(collection, batch, fresh=fresh)
        refused = tuple(
            Refusal(row, 3, RecordRefused("too odd")) for row, one in enumerate(batch.ids) if one == 3
        )
        return WriteResult(result.acknowledged - len(refused), refused)

    async def delete(self, collection, ids):
        assert len(ids) <= 2
        return await super().delete(collection, ids)


async def test_what_the_store_refuses_is_told_and_its_limits_are_kept():
    served = Served(Picky(Endpoint("memory"), Database()))
    await served.result("PUT", "/collections/c", {"vectors": {"size": 1, "distance": "Dot"}})
    points = [{"id": number, "vector": [1]} for number in (10, 11, 12, 13, 14)]
    await served.result("PUT", "/collections/c/points", {"points": points})
    await served.result("POST", "/collections/c/points/payload", {"payload": {"a": 1}, "filter": {}})
    assert await served.ask("PUT", "/collections/c/points", {"points": [{"id": 3, "vector": [1]}]}) == (
        400,
        "Wrong input: too odd",
    )
    await served.result("POST", "/collections/c/points/delete", {"filter": {}})
    assert await served.result("POST", "/collections/c/points/count", {}) == {"count": 0}
