"""There and back: 10,000 real records of every store to every other and home again, read by the vendors' own clients.

Where the plan promises that all comes back as it was, it is identical, bit for bit; where it says what would not, something
does not; where it would lose something, it refuses until that is left at home.

One pair alone: `pytest 'integration/test_there_and_back.py::test_there_and_back[qdrant-pgvector]'`. Each leaves its figures in a
file, and `VECTORMIGRATE_GO_ON=1` takes only those that have left none; `python -m integration.returning.figures` puts them
into one document and makes a table of it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from integration.harness import cells, runs
from integration.matrix.places import KINDS, SECRETS, sides
from integration.matrix.side import Side
from integration.returning import figures
from integration.returning.journey import Journey, Told, compare
from integration.returning.records import tables, whole
from vectormigrate.daemon.control import Control
from vectormigrate.model.specification import StoreRef

pytestmark = pytest.mark.asyncio(loop_scope="module")
KILLS = 3
"""Of each way."""
COPIED = "sum(batches) FROM range"
PAIRS = [(home, away) for home in KINDS for away in KINDS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stores() -> AsyncIterator[dict[str, Side]]:
    """A store of every kind."""
    async with sides() as found:
        yield found


@pytest.fixture(scope="module")
def at_home() -> dict[str, bool]:
    """Kinds of stores whose records have been put there by their client."""
    return {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("home", "away"), PAIRS, ids=[f"{one}-{other}" for one, other in PAIRS])
async def test_there_and_back(
    tmp_path: Path,
    stores: dict[str, Side],
    at_home: dict[str, bool],
    home: str,
    away: str,
) -> None:
    if cells.left(figures.LEFT, home, away):
        pytest.skip(cells.ALREADY)
    if not at_home.get(home):
        for table in tables(home):
            await asyncio.to_thread(stores[home].make, f"home-{home}-{table.name}", table)
        at_home[home] = True
    async with Control.open(tmp_path / "state.db", secrets=SECRETS) as control:
        journey = Journey(control, SECRETS, stores[home], stores[away])
        told = [await journey.go(table, f"home-{home}-{table.name}") for table in tables(home)]
    for one in told:
        print(f"{home} -> {away}: {one}")
    assert [one for one in told if not one.truthful] == [], f"{home} to {away}"
    figures.note(home, away, told)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("home", "away"), [("qdrant", "weaviate"), ("pinecone", "milvus")])
async def test_killed_on_the_way_there_and_on_the_way_back(
    tmp_path: Path, stores: dict[str, Side], monkeypatch: pytest.MonkeyPatch, home: str, away: str
) -> None:
    """Every run is a process of its own, and dies by SIGKILL again and again while it copies."""
    for name, value in SECRETS.environ.items():
        monkeypatch.setenv(name, value)
    table, rng = whole(home), random.Random(f"{home}-{away}")
    there, back = f"killed-{home}", f"killed-{home}-back"
    await asyncio.to_thread(stores[home].make, there, table)
    source = stores[home].ref(there, table)
    target = stores[away].ref(there, table, target=True)
    returned = stores[home].ref(back, table, target=True)
    kills = [
        await asyncio.to_thread(
            _through, tmp_path, rng, "there", *_flags("source", source), *_flags("target", target)
        ),
        await asyncio.to_thread(
            _through, tmp_path, rng, "home", "--back-of", "there", "--target-index", returned.collection
        ),
    ]
    told = Told(table.name, len(table.records))
    held = [await asyncio.to_thread(stores[home].read, one) for one in (there, back)]
    compare(told, *held)
    for side, name in ((stores[home], there), (stores[home], back), (stores[away], there)):
        await asyncio.to_thread(side.drop, name)
    print(f"{home} -> {away}: killed {kills} times: {told}")
    assert told.identical, told
    assert min(kills) > 0, "no kill hit"


def _flags(side: str, ref: StoreRef) -> list[str]:
    """How a command line names a side."""
    flags = [f"--{side}-type", ref.kind, f"--{side}-url", ref.url, f"--{side}-index", ref.collection]
    for name, value in {**ref.options, "quarantine": "2"}.items():
        flags += [f"--{side}-option", f"{name}={value}"]
    return [*flags, f"--{side}-api-key", ref.api_key] if ref.api_key else flags


def _through(folder: Path, rng: random.Random, name: str, *flags: str) -> int:
    """Run a migration to its end through some kills; how many of them hit."""
    state = folder / "state.db"
    command = ["migrate", name, *flags, "--quarantine", "2", "--batch-size", "100", "--max-rate", "4000"]
    hit = sum(
        runs.run_and_kill(*command, state=state, rng=rng, sign=COPIED, within=0.5) for _ in range(KILLS)
    )
    status = runs.run(*command, state=state)
    assert (status["phase"], status["dead_letters"], status["findings"]) == ("verified", 0, 0), status
    return hit
