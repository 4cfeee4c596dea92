"""Live migrations taken up by a daemon: what is down when it starts keeps nobody from being served."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp

from tests.life.daemon import Behind, in_process
from vectormigrate.daemon.listeners import Address, Limits
from vectormigrate.daemon.serving import Service, emulate
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.model.specification import Mode, Specification, StoreRef
from vectormigrate.stores.base import Endpoint

DOCS = "/collections/docs"


@asynccontextmanager
async def server(kind, url, port=0):
    """A Qdrant on a store; its port."""
    service = Service(Limits(), SystemClock(), 1.0)
    listening = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        at = Address(host="127.0.0.1", port=port)
        group.create_task(emulate("qdrant", Endpoint(kind, url), at, service, listening.set_result))
        yield int((await listening)[0].address.rpartition(":")[2])
        service.stop()


async def ask(port, method, path, body):
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{port}{path}", json=body) as answer,
    ):
        return answer.status, await answer.json()


async def put(port, one, vector):
    points = {"points": [{"id": one, "vector": vector, "payload": {}}]}
    return (await ask(port, "PUT", f"{DOCS}/points?wait=true", points))[0]


async def held(port, one):
    asked = {"ids": [one], "with_vector": True}
    return [found["vector"] for found in (await ask(port, "POST", f"{DOCS}/points", asked))[1]["result"]]


async def test_a_daemon_that_starts_while_the_target_is_down_serves_and_marks(tmp_path):
    target_store = ("sqlite", str(tmp_path / "target.db"))
    async with server("memory", "") as source:
        behind = Behind("qdrant", f"http://127.0.0.1:{source}")
        await ask(source, "PUT", DOCS, {"vectors": {"size": 2, "distance": "Dot"}})
        assert await put(source, 1, [1, 1]) == 200
        async with server(*target_store) as target, in_process(tmp_path, behind) as daemon:
            sides = [StoreRef("qdrant", f"http://127.0.0.1:{port}", "docs") for port in (source, target)]
            await daemon.migrate(Specification("m", *sides, mode=Mode.PROXIED, quarantine=0.1, workers=1))
        async with in_process(tmp_path, behind) as daemon:
            assert await put(daemon.port, 1, [2, 2]) == 200
            assert (await daemon.ask("status", "m"))["debt"] == 1
            async with server(*target_store, port=target):
                await daemon.settled("m")
                assert await held(target, 1) == await held(source, 1) == [[2, 2]]
