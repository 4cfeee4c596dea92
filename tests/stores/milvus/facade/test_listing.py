"""The list of collections while some of them moved, by both doors."""

import json

import pytest

from tests.fakes.front import FakeFront, FakeUpstream
from tests.stores.milvus.facade.answering import Served
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.milvus.facade.endpoints import REST
from vectormigrate.stores.milvus.pb import milvus_pb2
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcReply


class Moving(FakeFront):
    """What is named is answered by `store`."""

    store = None

    def primary(self, collection):
        return self.access if collection is None else Access(store=self.store)


@pytest.fixture
def upstream():
    return FakeUpstream()


@pytest.fixture
async def served(upstream):
    front = Moving(Access(upstream=upstream), migrated=("docs",), away=("docs",))
    front.store = MemoryStore(Endpoint("memory"), Database())
    await front.store.create(CollectionShape("docs", IdField("id", IdKind.INT, KeyOrder.NUMERIC)))
    return Served(front=front)


def message(*names, **more):
    return milvus_pb2.ShowCollectionsResponse(
        collection_names=names,
        collection_ids=range(len(names)),
        created_utc_timestamps=[7] * len(names),
        query_service_available=[True] * len(names),
        **more,
    )


@pytest.mark.parametrize("names", [("other",), ("other", "docs")])
async def test_what_moved_is_on_it_whether_its_old_home_has_it_or_not(served, upstream, names):
    upstream.reply = RpcReply(message(*names).SerializeToString())
    told = await served.ok("ShowCollections")
    assert list(told.collection_names) == ["other", "docs"]
    # Clients read these by the place of a name.
    assert len(told.collection_ids) == len(told.created_utc_timestamps) == 2
    assert list(told.query_service_available) == [True, True]
    assert not told.inMemory_percentages


@pytest.mark.parametrize(("names", "found"), [(["other"], ["other"]), (["docs", "x"], ["other", "docs"])])
async def test_of_what_was_asked_for(served, upstream, names, found):
    upstream.reply = RpcReply(message("other").SerializeToString())
    told = await served.ok("ShowCollections", collection_names=names)
    assert list(told.collection_names) == found


async def test_one_that_was_released_is_not_among_those_that_can_be_read(served, upstream):
    upstream.reply = RpcReply(message("other").SerializeToString())
    shape = await served.front.store.describe("docs")
    released = CollectionShape("docs", shape.id, native={"milvus": {"loaded": False}})
    served.front.store = Telling(released)
    told = await served.ok("ShowCollections", type=milvus_pb2.ShowType.InMemory)
    assert list(told.collection_names) == ["other"]
    told = await served.ok("ShowCollections")
    assert list(told.query_service_available) == [True, False]


class Telling(MemoryStore):
    """Describes what it is told."""

    def __init__(self, shape):
        super().__init__(Endpoint("memory"), Database())
        self.shape = shape

    async def describe(self, collection):
        return self.shape


async def test_another_database_has_its_own(served, upstream):
    upstream.reply = RpcReply(message("other").SerializeToString())
    told = await served.ok("ShowCollections", db_name="third")
    assert list(told.collection_names) == ["other"]


async def test_a_list_that_cannot_be_had_is_not_made_up(served, upstream):
    failed = message()
    failed.status.code = 65535
    upstream.reply = RpcReply(failed.SerializeToString())
    assert (await served.rpc("ShowCollections")) == failed
    for response in (HttpResponse(503, (), b"{}"), HttpResponse(200, (), b'{"code":65535,"message":"no"}')):
        upstream.response = response
        assert (await over_rest(served)) == response


@pytest.mark.parametrize("names", [["other"], ["other", "docs"]])
async def test_so_it_is_over_rest(served, upstream, names):
    upstream.response = HttpResponse(
        200, ((b"x-from", b"milvus"),), json.dumps({"code": 0, "data": names}).encode()
    )
    answer = await over_rest(served)
    assert json.loads(answer.body) == {"code": 0, "data": ["other", "docs"]}
    assert (b"x-from", b"milvus") in answer.headers
    assert not upstream.requests[0].header(b"accept-encoding")  # it is read here


async def over_rest(served):
    headers = ((b"accept-encoding", b"gzip"),)
    return await served.facade.http(
        HttpRequest("POST", REST + "collections/list", headers=headers, body=b"{}")
    )
