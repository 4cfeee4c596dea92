"""The list of collections while some of them moved, by both doors."""

import json

import pytest

from tests.fakes.front import FakeFront, FakeUpstream
from tests.stores.qdrant.facade.answering import Served, request
from vectormigrate.stores.front import Access
from vectormigrate.stores.qdrant.facade.listing import replied
from vectormigrate.stores.qdrant.pb import collections_pb2
from vectormigrate.stores.raw import HttpResponse, RpcCall, RpcReply

ALL = {"result": {"collections": [{"name": "a"}, {"name": "docs"}]}, "status": "ok", "time": 0.1}
LEFT = {**ALL, "result": {"collections": [{"name": "a"}]}}


def plain(document):
    return HttpResponse(200, ((b"x-from", b"qdrant"),), json.dumps(document).encode())


def message(*names):
    held = [collections_pb2.CollectionDescription(name=name) for name in names]
    return collections_pb2.ListCollectionsResponse(collections=held, time=0.1).SerializeToString()


class Moving(FakeFront):
    def moved(self):
        return ("docs",)


@pytest.mark.parametrize("told", [ALL, LEFT])
async def test_what_moved_is_on_it_whether_its_old_home_has_it_or_not(told):
    upstream = FakeUpstream(plain(told))
    served = Served(front=Moving(Access(upstream=upstream)))
    answer = await served.facade.http(
        request("GET", "/collections", headers=((b"accept-encoding", b"gzip"),))
    )
    assert json.loads(answer.body) == ALL
    assert (b"x-from", b"qdrant") in answer.headers
    assert not upstream.requests[0].header(b"accept-encoding")  # it is read here


async def test_while_nothing_moved_it_passes_as_it_came():
    served = Served(front=FakeFront(Access(upstream=FakeUpstream(plain(LEFT)))))
    assert json.loads((await served.facade.http(request("GET", "/collections"))).body) == LEFT


async def test_a_list_that_cannot_be_had_is_not_made_up():
    """Of what did not move nobody knows, and an application would make it anew."""
    gone = HttpResponse(503, (), b"{}")
    served = Served(front=Moving(Access(upstream=FakeUpstream(gone))))
    assert await served.facade.http(request("GET", "/collections")) == gone
    assert replied(RpcReply(code=14, details="gone"), served.front) == RpcReply(code=14, details="gone")


@pytest.mark.parametrize("names", [("a",), ("a", "docs")])
async def test_so_it_is_over_grpc(names):
    upstream = FakeUpstream(reply=RpcReply(message(*names)))
    served = Served(front=Moving(Access(upstream=upstream)))
    reply = await served.facade.rpc(RpcCall("/qdrant.Collections/List", b""))
    told = collections_pb2.ListCollectionsResponse.FromString(reply.message)
    assert [one.name for one in told.collections] == ["a", "docs"]
