"""A facade over the reference store, asked as a client asks, and one over a front whose primary is Pinecone."""

from contextlib import asynccontextmanager

import orjson
import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access, Front, Outcome, Standing, Write
from vectormigrate.stores.memory import open_store
from vectormigrate.stores.pinecone.facade import PineconeFacade
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcReply, Upstream

HOST = "http://127.0.0.1:9"


class Client:
    """Sends requests into a facade and reads the answers."""

    def __init__(self, facade):
        self.facade = facade

    async def send(self, method, path, body=None, *, query=b"", version="2025-10", headers=()):
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        headers = [(b"x-pinecone-api-version", version.encode()), *headers]
        return await self.facade.http(HttpRequest(method, path, query, headers, raw))

    async def ask(self, method, path, body=None, *, status=200, **options):
        response = await self.send(method, path, body, **options)
        assert response.status == status, response.body
        return orjson.loads(response.body) if response.body else None

    async def create(self, dimension=3, metric="cosine", name="demo", **more):
        body = {"name": name, "dimension": dimension, "metric": metric, "spec": SERVERLESS, **more}
        return await self.ask("POST", "/indexes", body, status=201)

    async def upsert(self, *vectors, namespace="", status=200):
        body = {"vectors": list(vectors), "namespace": namespace}
        return await self.ask("POST", "/vectors/upsert", body, status=status)

    async def query(self, status=200, **body):
        return await self.ask("POST", "/query", {"topK": 10, **body}, status=status)

    async def ids(self, **body):
        return [match["id"] for match in (await self.query(**body))["matches"]]

    async def fetch(self, *ids, namespace=""):
        query = "&".join(f"ids={one}" for one in ids) + f"&namespace={namespace}"
        return (await self.ask("GET", "/vectors/fetch", query=query.encode()))["vectors"]


SERVERLESS = {"serverless": {"cloud": "aws", "region": "us-east-1"}}


@pytest.fixture
def store():
    return open_store(Endpoint("memory"))


@pytest.fixture
def client(store):
    return Client(PineconeFacade(Standing(store), index="demo", data_host=HOST, clock=FakeClock()))


class Answering(Upstream):
    """Pinecone, as far as a request that passes through sees it: answers what a test gave, and remembers."""

    def __init__(self):
        self.requests = []
        self.calls = []
        self.response = HttpResponse(200, ((b"content-type", b"application/json"),), b"{}")
        self.reply = RpcReply()
        self.error = None

    async def send(self, request, *, stream=False):
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return self.response

    async def call(self, call):
        self.calls.append(call)
        if self.error is not None:
            raise self.error
        return self.reply


class Marking(Front):
    """A front that writes down what it is told, in the order in which it happened."""

    def __init__(self, upstream):
        self.access = Access(upstream=upstream)
        self.after_fence = None
        """Where a write goes that waited for a cutover."""
        self.upstream = upstream
        self.log = []
        self.under_migration = []
        self.refused = None
        self.found = []

    def reading(self, collection):
        self.log.append(("reading", collection))
        return self.access

    def concerned(self):
        return self.under_migration

    @asynccontextmanager
    async def writing(self, touched, *, size=0):
        if self.refused is not None:
            raise self.refused
        self.log.append(("marked", {name: list(touches) for name, touches in touched.items()}, size))
        write = Marked(self.after_fence or self.access, self)
        yield write
        self.log.append(("left", write.outcome, write.position))

    def observed(self, collection, seconds, found):
        self.log.append(("observed", collection))
        self.found.append(found)

    @property
    def marks(self):
        return [touched for kind, touched, *_ in self.log if kind == "marked"]

    @property
    def outcomes(self):
        return [(outcome, position) for kind, outcome, position in self.log if kind == "left"]


class Marked(Write):
    """One write of it."""

    def __init__(self, access, front):
        self.access = access
        self.outcome, self.position = Outcome.ANSWERED, ""
        self.hints = front.hints = []

    def answered(self, outcome, *, position=""):
        self.outcome, self.position = outcome, position

    async def named(self, collection, ids):
        raise AssertionError("ids are never picked by Pinecone")

    def hint(self, collection, records, size):
        self.hints.append((collection, records, size))


@pytest.fixture
def upstream():
    return Answering()


@pytest.fixture
def front(upstream):
    return Marking(upstream)


@pytest.fixture
def through(front):
    """A client of a facade whose primary is Pinecone."""
    return Client(PineconeFacade(front, index="demo", data_host=HOST, clock=FakeClock(), shape=SHAPE))


SHAPE = CollectionShape(
    "demo",
    IdField("id", IdKind.TEXT, KeyOrder.BYTES),
    (VectorField("values", dim=3, metric=Metric.COSINE, nullable=False),),
    dynamic=True,
)
