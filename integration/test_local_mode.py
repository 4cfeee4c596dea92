"""Qdrant's queries of every kind, and trees of them, as the local mode of the vendor's own client answers them.

The facade over the memory store and over SQLite is asked the same of the same records: same ids in the same order, ties aside, and
scores to 1e-4. How many of each is `VECTORMIGRATE_TEST_QUERIES`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
import pytest_asyncio

from integration.equality.trees import Asker, points, settings
from tests.life.answers import differences
from tests.stores.qdrant.facade.answering import Served
from tests.stores.qdrant.facade.local import LocalQdrant
from vectormigrate.stores.base import Endpoint, Store
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.registry import open_store

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]
QUERIES = int(os.environ.get("VECTORMIGRATE_TEST_QUERIES", "1000"))
PLACE = "c"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["memory", "sqlite"])
async def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Store]:
    """Where the facade finds the records."""
    if request.param == "memory":
        yield MemoryStore(Endpoint("memory"), Database())
        return
    path = tmp_path_factory.mktemp("local") / "points.db"
    async with open_store(Endpoint("sqlite", str(path))) as opened:
        yield opened


@pytest.mark.parametrize("distance", ["Cosine", "Dot", "Euclid", "Manhattan"])
async def test_as_the_local_mode_answers(store: Store, distance: str) -> None:
    served, name = Served(store), f"{PLACE}_{distance.lower()}"
    made = settings(distance, weighted=store.capabilities.kind == "memory")
    await served.result("PUT", f"/collections/{name}", made)
    for start in range(0, len(points()), 100):
        await served.result("PUT", f"/collections/{name}/points", {"points": points()[start : start + 100]})
    asked: Counter[str] = Counter()
    wrong: list[str] = []
    with closing(LocalQdrant()) as local:
        local.fill(name, made, points())
        for number in range(QUERIES // 4):
            path, body = Asker(number).question()
            mine = told(path, await served.result("POST", f"/collections/{name}/{path}", body))
            theirs = told(path, local.ask(name, path, body))
            wrong += [
                f"{number}: {path}: {body!r:.600}: {one}" for one in list(differences(mine, theirs))[:2]
            ]
            asked[path] += bool(theirs)
    assert not wrong, "\n".join(wrong)
    assert QUERIES < 100 or (min(asked.values()) > 0 and len(asked) == 5)


def told(path: str, answer: Any) -> Any:
    """What can be compared of an answer: ties may be anywhere."""
    match path:
        case "points/query":
            return [{"id": one["id"], "score": one["score"]} for one in answer["points"]]
        case "points/query/groups":
            return [
                [{"id": hit["id"], "score": hit["score"]} for hit in one["hits"]] for one in answer["groups"]
            ]
        case "facet":
            return {str(one["value"]): one["count"] for one in answer["hits"]}
        case "points/scroll":
            return [one["order_value"] for one in (answer["points"] if isinstance(answer, dict) else answer)]
        case _:
            return {"scores": [{"score": one} for one in answer["scores"]], "ids": answer["ids"]}
