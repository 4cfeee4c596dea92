"""Whatever is sent, something is answered in Pinecone's words."""

import asyncio

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Standing
from vectormigrate.stores.memory import open_store
from vectormigrate.stores.pinecone.facade import PineconeFacade, endpoints
from vectormigrate.stores.raw import HttpRequest, RpcCall

from .conftest import HOST, Client

WORDS = [
    *(
        "vectors",
        "namespace",
        "id",
        "ids",
        "values",
        "sparseValues",
        "indices",
        "metadata",
        "setMetadata",
        "filter",
    ),
    *(
        "deleteAll",
        "dryRun",
        "topK",
        "vector",
        "sparseVector",
        "includeValues",
        "includeMetadata",
        "limit",
        "prefix",
    ),
    *(
        "paginationToken",
        "name",
        "dimension",
        "metric",
        "spec",
        "schema",
        "fields",
        "tags",
        "_values",
        "type",
    ),
    *("$and", "$in", "$gt", "documents", "_id", "queries", "vector_type", "deployment", "serverless"),
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["a", "", *WORDS])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
routes = st.sampled_from([route.endpoint for route in endpoints.REST])
queries = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(["a", "", "0", "true", "%ff", "+"])), max_size=3
)


@settings(deadline=None, max_examples=300)
@given(routes, anything, queries, st.sampled_from(["", "2025-10", "2026-07", "unstable"]))
def test_no_request_makes_it_fall_over(endpoint, body, query, version):
    response = asyncio.run(_answered(endpoint, body, query, version))
    assert response.status in {200, 201, 202, 400, 404, 409, 501}
    if response.status >= 400:
        told = orjson.loads(response.body)
        assert told.get("message") or told["error"]["message"]


async def _answered(endpoint, body, query, version):
    facade = PineconeFacade(
        Standing(open_store(Endpoint("memory"))), index="demo", data_host=HOST, clock=FakeClock()
    )
    client = Client(facade)
    await client.create(dimension=2, metric="dotproduct")
    await client.upsert({"id": "a", "values": [1, 1], "metadata": {"id": 1}})
    path = endpoint.path.replace("{", "").replace("}", "")
    asked = "&".join(f"{key}={value}" for key, value in query).encode()
    headers = [(b"x-pinecone-api-version", version.encode())]
    return await facade.http(HttpRequest(endpoint.method, path, asked, headers, orjson.dumps(body)))


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([*endpoints.GRPC, "/VectorService/Unheard", "/x"]), st.binary(max_size=40))
def test_no_call_makes_it_fall_over(method, request):
    facade = PineconeFacade(
        Standing(open_store(Endpoint("memory"))), index="demo", data_host=HOST, clock=FakeClock()
    )
    reply = asyncio.run(facade.rpc(RpcCall(method, request)))
    assert reply.code in {3, 5, 12}
    assert reply.details


@pytest.mark.parametrize(
    "path", ["/", "/i/", "/i/demo", "/i//query", "//query", "/i/demo/i/demo/query", "/%00"]
)
async def test_odd_paths_are_answered(client, path):
    response = await client.send("POST", path, {})
    assert response.status in {400, 404, 501}
