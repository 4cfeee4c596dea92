"""Whoever moved is answered as before: 1,000 real queries over every operator of a vendor's filters, asked of the source by its
own client and then of the same facade over every kind of target, after a cutover.

Same ids in the same order, ties aside, and scores to 1e-4; records by id, counts and pages as well, whose tokens outlive the
daemon that gave them. What was asked and what came of it is left in a file for each pair; `python -m integration.equality`
puts them into one document and makes a table of it.

One pair alone: `pytest 'integration/test_query_equality.py::test_answers_after_a_cutover[qdrant-milvus]'`; with
`VECTORMIGRATE_GO_ON=1` only those that have left no file, and what a source said itself is not asked again.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

from integration.equality import milvus, pinecone, qdrant, weaviate
from integration.equality.asked import Question, questions
from integration.equality.figures import LEFT
from integration.equality.kept import said
from integration.equality.stage import SOURCES, TARGETS, Source, target
from integration.equality.tally import Tally
from integration.harness import cells
from integration.harness.serving import in_a_process
from tests.life.answers import Answers, Call
from tests.life.daemon import Daemon, in_process
from tests.life.pinecone import KEY
from tests.life.stage import asking
from vectormigrate.daemon.foreseeing import plan
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.specification import Mode, Specification

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]
MIGRATION = "moving"
QUERIES = int(os.environ.get("VECTORMIGRATE_TEST_QUERIES", "1000"))
"""Of each pair; fewer for a quick look."""
THREADS = 3
"""Of a client: the daemon, a process of its own, works while they read its answers."""
LEAST = 20
"""Queries of each operator, of a thousand."""


class Asked:
    """A source, what it was asked, and its own answers."""

    def __init__(self, source: Source, asked: list[Question], answers: Answers, reads: Answers) -> None:
        self.source = source
        self.questions = asked
        self.answers = answers
        self.reads = reads


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Asked]:
    """A source of this dialect, and what it says itself."""
    folder = tmp_path_factory.mktemp(request.param)
    async with SOURCES[request.param](folder) as source, asking(source.client(None), THREADS) as direct:
        given = list(questions(source.operators, QUERIES))

        async def answers() -> tuple[Answers, Answers]:
            return await direct([source.ask(one) for one in given]), await direct(list(source.reads()))

        yield Asked(source, given, *await said(request.param, source.judge, QUERIES, answers))


@pytest.mark.parametrize("vendor", [milvus, pinecone, qdrant, weaviate])
async def test_what_is_kept_of_a_question_is_found_in_another_run(vendor: ModuleType) -> None:
    here, elsewhere = (list(questions(vendor.OPERATORS, 200)) for _ in range(2))
    assert [one.name for one in here] == [one.name for one in elsewhere]


@pytest.mark.parametrize("asked", SOURCES, indirect=True)
async def test_every_operator_is_asked_often_and_finds_something_and_nothing(asked: Asked) -> None:
    by_operator: dict[str, list[int]] = {}
    for one in asked.questions:
        found = asked.answers[one.name]
        assert isinstance(found, list), (one.name, found)
        by_operator.setdefault(one.operator, []).append(len(found))
    assert min(map(len, by_operator.values())) >= LEAST * QUERIES // 1_000
    for operator, found in by_operator.items():
        assert 0 in found, operator
        assert any(found), operator


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("asked", SOURCES, indirect=True)
async def test_answers_after_a_cutover(
    asked: Asked, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    api = request.node.callspec.params["asked"]
    if cells.left(LEFT, api, kind):
        pytest.skip(cells.ALREADY)
    source, times = asked.source, [time.monotonic()]
    serve = in_process if kind == "memory" else in_a_process  # what is in memory is there for its own process
    async with target(kind, tmp_path) as ref:
        spec = Specification(
            MIGRATION, source.ref, ref, mode=Mode.PROXIED, quarantine=0.2, workers=1, validate_every=1
        )
        document = await plan(spec, Secrets({}, {"PINECONE_KEY": KEY}))
        planned, lost = document.unanswered, [one.name for one in document.named_losses if not one.accepted]
        assert all(name.startswith("last-digit:") for name in lost), lost  # of doubles, in Qdrant
        spec = replace(spec, mapping=replace(spec.mapping, accept=tuple(lost)))
        async with serve(tmp_path, source.behind) as daemon:
            await daemon.migrate(spec)
            await daemon.settled(MIGRATION)
            await daemon.swap("cutover", MIGRATION)
            times.append(time.monotonic())
            async with asking(source.client(daemon), THREADS) as through:
                answers = await through([source.ask(one) for one in asked.questions])
                times.append(time.monotonic())
                reads = await through(list(source.reads()))
                beyond = await through(list(source.beyond()))
            ids, token = await pages(source, daemon, None, most=1)
            times.append(time.monotonic())
        async with serve(tmp_path, source.behind) as daemon:  # another one, which never gave that token
            ids += (await pages(source, daemon, token))[0]
    async with asking(source.client(None)) as direct:
        everything = await direct([Call("all", lambda c: whole(source, c))])
        itself = await direct(list(source.beyond()))
    refused = {one.name for one in asked.questions if source.needs(one) in planned}
    tally = Tally(asked.questions, asked.answers, answers, refused)
    tally.reads(asked.reads, reads)
    tally.pages(everything["all"][0], ids)
    tally.beyond(itself, beyond, planned)
    spent = [round(after - before) for before, after in pairwise(times)]
    seconds = dict(zip(("moving", "searches", "other reads and pages"), spent, strict=True))
    cells.note(LEFT, api, kind, {"judge": source.judge, "seconds": seconds, **tally.told()})
    assert tally.wrong == []


async def pages(source: Source, daemon: Daemon, token: Any, most: int = 10_000) -> tuple[list[str], Any]:
    """So many pages from a token on, and the token behind them."""
    async with asking(source.client(daemon)) as through:
        told = await through([Call("pages", lambda c: whole(source, c, token, most))])
    found, behind = told["pages"]
    return found, behind


def whole(source: Source, client: Any, token: Any = None, most: int = 10_000) -> tuple[list[str], Any]:
    """Page after page."""
    ids: list[str] = []
    for _ in range(most):
        found, token = source.page(client, token, 300)
        ids += found
        if token is None:
            break
    return ids, token
