"""The schema while some of its classes moved."""

import json

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.front import FakeFront, FakeUpstream
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.raw import HttpRequest, HttpResponse
from vectormigrate.stores.weaviate.facade.emulated import emulated
from vectormigrate.stores.weaviate.facade.port import WeaviateFacade

GZIPPED = HttpRequest("GET", "/v1/schema", headers=((b"accept-encoding", b"gzip"),))


class Moving(FakeFront):
    """What is named is answered by `store`."""

    store = None

    def primary(self, collection):
        return self.access if collection is None else Access(store=self.store)


@pytest.fixture
def upstream():
    return FakeUpstream()


@pytest.fixture
async def front(upstream):
    front = Moving(Access(upstream=upstream), migrated=("Docs",), away=("Docs",))
    front.store = emulated(MemoryStore(Endpoint("memory"), Database()))
    made = WeaviateFacade(FakeFront(Access(store=front.store)), FakeClock())
    for body in ({"class": "Docs"}, {"class": "Docs/t"}):
        body |= {"vectorizer": "none", "properties": [{"name": "t", "dataType": ["text"]}]}
        await made.http(HttpRequest("POST", "/v1/schema", body=json.dumps(body).encode()))
    return front


def told(*names, status=200):
    body = json.dumps({"classes": [{"class": name} for name in names]}).encode()
    headers = ((b"x-from", b"weaviate"), (b"content-length", b"%d" % len(body)))
    return HttpResponse(status, headers, body)


async def asked(front, request=GZIPPED):
    return await WeaviateFacade(front, FakeClock()).http(request)


async def test_a_class_that_moved_and_was_dropped_is_on_it_as_it_is_told_by_itself(front, upstream):
    upstream.response = told("Other")
    answer = await asked(front)
    other, docs = json.loads(answer.body)["classes"]
    assert (other, docs["class"]) == ({"class": "Other"}, "Docs")
    front.access = Access(store=front.store)
    by_itself = await asked(front, HttpRequest("GET", "/v1/schema/Docs"))
    assert json.loads(by_itself.body) == docs
    assert list(answer.headers) == [(b"x-from", b"weaviate")]
    assert not upstream.requests[0].header(b"accept-encoding")  # it is read here


async def test_what_it_tells_itself_is_left_as_it_is(front, upstream):
    upstream.response = told("Docs", "Other")
    assert await asked(front) == upstream.response


async def test_a_list_that_cannot_be_had_is_not_made_up(front, upstream):
    upstream.response = told(status=503)
    assert await asked(front) == upstream.response


async def test_while_nothing_moved_it_passes_as_it_came(front, upstream):
    front.away = ()
    upstream.response = HttpResponse(200, (), b"\x1f\x8b compressed")
    assert await asked(front) is upstream.response
    assert upstream.requests == [GZIPPED]
