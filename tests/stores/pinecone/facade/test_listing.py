"""The list of indexes while some of them moved."""

import orjson
import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access, Standing
from vectormigrate.stores.memory import open_store
from vectormigrate.stores.pinecone.facade import PineconeFacade
from vectormigrate.stores.raw import HttpResponse

from .conftest import HOST, SHAPE, Client, Marking

OTHER = {"name": "other", "host": "other.pinecone.io"}


class Moving(Marking):
    """What is named is answered by `store`."""

    away = ("demo",)

    def reading(self, collection):
        return self.access if collection is None else Access(store=self.store)

    def moved(self):
        return self.away


@pytest.fixture
async def front(upstream):
    front = Moving(upstream)
    front.store = open_store(Endpoint("memory"))
    front.under_migration = ["demo"]
    await front.store.create(SHAPE)
    return front


def told(*indexes, status=200):
    return HttpResponse(
        status,
        ((b"x-from", b"pinecone"), (b"content-length", b"9")),
        orjson.dumps({"indexes": indexes, "odd": 1}),
    )


@pytest.mark.parametrize("version", ["2025-10", "2026-07"])
async def test_an_index_that_moved_and_was_deleted_is_on_it_as_it_is_told_by_itself(
    through, front, upstream, version
):
    upstream.response = told(OTHER)
    answer = await through.send("GET", "/indexes", version=version)
    alone = await through.ask("GET", "/indexes/demo", version=version)
    assert orjson.loads(answer.body) == {"indexes": [OTHER, alone], "odd": 1}
    assert (alone["name"], alone["host"]) == ("demo", HOST)
    assert list(answer.headers) == [(b"x-from", b"pinecone")]


async def test_so_it_is_when_one_of_its_namespaces_moved(upstream, front):
    front.away = ("demo/a",)
    front.store = open_store(Endpoint("memory"))
    store = Client(PineconeFacade(Standing(front.store), index="demo", data_host=HOST, clock=FakeClock()))
    await store.create()
    await store.upsert({"id": "x", "values": [1, 2, 3]}, namespace="a")
    upstream.response = told()
    facade = PineconeFacade(front, index="demo", data_host=HOST, clock=FakeClock())
    [index] = (await Client(facade).ask("GET", "/indexes"))["indexes"]
    assert (index["name"], index["dimension"]) == ("demo", 3)


async def test_what_it_tells_itself_is_left_as_it_is(through, upstream):
    own = {"name": "demo", "host": HOST, "tags": {"a": "b"}}
    upstream.response = told(own, OTHER)
    assert (await through.ask("GET", "/indexes"))["indexes"] == [own, OTHER]


async def test_a_list_that_cannot_be_had_is_not_made_up(through, upstream):
    upstream.response = told(status=503)
    answer = await through.send("GET", "/indexes")
    assert (answer.status, answer.body) == (503, upstream.response.body)
