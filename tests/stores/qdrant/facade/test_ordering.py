"""Points by values: what has a place, and which."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.stores.qdrant.facade.local import LocalQdrant
from vectormigrate.stores.qdrant.facade.ordering import Ordering, order_value
from vectormigrate.stores.qdrant.pb import points_pb2 as q
from vectormigrate.stores.qdrant.wire.questions import OrderBy
from vectormigrate.stores.raw import RpcCall

SETTINGS = {"vectors": {"size": 2, "distance": "Dot"}}
PAYLOADS = [
    {"n": 3, "seen": "2024-03-01T00:00:00Z", "tags": [2, 9]},
    {"n": 1.5, "seen": "2023-01-01"},
    {"n": True, "seen": "yesterday", "tags": []},
    {"n": [7, 2, 7]},
    {"n": None, "tags": 4},
    {"n": -4, "seen": "2024-03-01T01:00:00+02:00"},
]
POINTS = [
    {"id": row, "vector": [row, 1], "payload": payload} for row, payload in enumerate(PAYLOADS, start=1)
]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (3, 3),
        (2.5, 2.5),
        (True, None),
        (None, None),
        ("1970-01-01T00:00:01Z", 1_000_000),
        (datetime(1970, 1, 1, 0, 0, 2), 2_000_000),  # noqa: DTZ001 without a zone it is UTC
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        ("no moment", None),
        ([1], None),
    ],
)
def test_what_has_a_place(value, place):
    assert order_value(value) == place


def test_values_that_count_each_once():
    assert Ordering(OrderBy("a[].b", start=2)).values({"a": [{"b": 1}, {"b": 2}, {"b": 3}, {"b": 3}]}) == [
        2,
        3,
    ]
    assert Ordering(OrderBy("a", descending=True, start=2)).values({"a": [1, 2, 3]}) == [1, 2]


@pytest.mark.parametrize(
    "order",
    [
        "n",
        {"key": "n", "direction": "desc"},
        {"key": "n", "start_from": 2},
        {"key": "n", "direction": "desc", "start_from": 3},
        "seen",
        {"key": "seen", "start_from": "2024-01-01T00:00:00Z"},
        "tags[]",
        "nothing",
    ],
    ids=str,
)
async def test_as_the_vendor_orders(served, order):
    local = LocalQdrant()
    local.fill("c", SETTINGS, POINTS)
    await served.result("PUT", "/collections/c", SETTINGS)
    await served.result("PUT", "/collections/c/points", {"points": POINTS})
    for limit in (3, 20):
        body = {"order_by": order, "limit": limit}
        wanted = [(one["id"], one["order_value"]) for one in local.ask("c", "points/scroll", body)]
        found = await served.result("POST", "/collections/c/points/scroll", body)
        assert found["next_page_offset"] is None
        assert [(one["id"], one["order_value"]) for one in found["points"]] == wanted
        query = {"query": {"order_by": order}, "limit": limit}
        queried = (await served.result("POST", "/collections/c/points/query", query))["points"]
        assert [(one["id"], one["order_value"], one["score"]) for one in queried] == [
            (*one, 1.0) for one in wanted
        ]
    local.close()


async def test_the_same_over_grpc(served):
    await served.result("PUT", "/collections/c", SETTINGS)
    await served.result("PUT", "/collections/c/points", {"points": POINTS})
    moment = q.StartFrom()
    moment.timestamp.FromJsonString("2024-01-01T00:00:00Z")
    for order, rest in (
        (q.OrderBy(key="n", direction=q.Direction.Desc), {"key": "n", "direction": "desc"}),
        (q.OrderBy(key="seen", start_from=moment), {"key": "seen", "start_from": "2024-01-01T00:00:00Z"}),
    ):
        asked = q.ScrollPoints(collection_name="c", order_by=order)
        reply = await served.facade.rpc(RpcCall("/qdrant.Points/Scroll", asked.SerializeToString()))
        found = q.ScrollResponse.FromString(reply.message)
        wanted = await served.result("POST", "/collections/c/points/scroll", {"order_by": rest})
        assert wanted["points"]
        assert [(one.id.num, one.order_value.int or one.order_value.float) for one in found.result] == [
            (one["id"], one["order_value"]) for one in wanted["points"]
        ]
        asked.offset.num = 1
        reply = await served.facade.rpc(RpcCall("/qdrant.Points/Scroll", asked.SerializeToString()))
        assert (reply.code, "offset" in reply.details) == (3, True)
