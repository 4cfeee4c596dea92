"""Records read by their ids, listed, and found by their metadata."""

import pytest

A = {"id": "a", "values": [1, 2, 3], "metadata": {"n": 1, "t": "x"}}


@pytest.fixture
async def client(client):
    await client.create(dimension=3)
    return client


async def test_ids_are_listed_in_the_order_of_their_bytes(client):
    names = ["b", "a#2", "a#10", "A", "a", "a#1", "é".encode().hex(), "~"]
    await client.upsert(*({**A, "id": one} for one in names))
    found, query = [], b"limit=3"
    while query:
        page = await client.ask("GET", "/vectors/list", query=query)
        found += [one["id"] for one in page["vectors"]]
        token = page.get("pagination", {}).get("next", "")
        query = f"limit=3&paginationToken={token}".encode() if token else b""
    assert found == sorted(names)
    page = await client.ask("GET", "/vectors/list", query=b"prefix=a&limit=2")
    assert [one["id"] for one in page["vectors"]] == ["a", "a#1"]
    rest = f"prefix=a&limit=9&paginationToken={page['pagination']['next']}".encode()
    assert [one["id"] for one in (await client.ask("GET", "/vectors/list", query=rest))["vectors"]] == [
        "a#10",
        "a#2",
    ]


@pytest.mark.parametrize(
    "query", [b"limit=0", b"limit=101", b"limit=x", b"paginationToken=zzz", b"paginationToken=eHk6eg=="]
)
async def test_a_list_that_cannot_be_meant_is_refused(client, query):
    assert (await client.ask("GET", "/vectors/list", query=query, status=400))["code"] == 3


async def test_a_fetch_takes_ids_as_forms_write_them(client):
    await client.upsert({**A, "id": "a b/c+d"})
    fetched = await client.ask("GET", "/vectors/fetch", query=b"ids=a+b%2Fc%2Bd&namespace=")
    assert list(fetched["vectors"]) == ["a b/c+d"]
    await client.ask("GET", "/vectors/fetch", query=b"namespace=n", status=400)
    many = "&".join(f"ids={row}" for row in range(1001)).encode()
    await client.ask("GET", "/vectors/fetch", query=many, status=400)


async def test_reading_where_nothing_is_finds_nothing(client):
    assert await client.fetch("a", namespace="nowhere") == {}
    assert await client.ids(vector=[1, 1, 1], namespace="nowhere") == []
    assert await client.ids(id="a") == []
    listed = await client.ask("GET", "/vectors/list", query=b"namespace=nowhere")
    assert (listed["vectors"], listed["namespace"]) == ([], "nowhere")
    found = await client.ask(
        "POST", "/vectors/fetch_by_metadata", {"filter": {"a": 1}, "namespace": "nowhere"}
    )
    assert found["vectors"] == {}


async def test_log_positions_grow_and_reads_have_seen_every_write(client):
    before = await client.send("POST", "/query", {"vector": [1, 1, 1], "topK": 1})
    write = await client.send("POST", "/vectors/upsert", {"vectors": [A]})
    after = await client.send("POST", "/query", {"vector": [1, 1, 1], "topK": 1})
    seen = [int(dict(one.headers)[b"x-pinecone-max-indexed-lsn"]) for one in (before, after)]
    written = int(dict(write.headers)[b"x-pinecone-request-lsn"])
    assert seen[0] < written <= seen[1]
