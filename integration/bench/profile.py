"""`python -m integration.bench.profile`: our own processor time for a record, step by step; prints and writes JSON.

Processor time of this process, in microseconds a record, the least of several rounds: a busy machine makes it longer
by far less than it makes seconds. What the Postgres server works is not in it; SQLite and libpq, which run in our
process, are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from integration.bench.measure import floor
from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.daemon.runtime import settle_in
from vectormigrate.engine.validate.compare import Comparer
from vectormigrate.engine.validate.tally import digest
from vectormigrate.model.batch import Batch
from vectormigrate.model.mapping import Translator
from vectormigrate.model.planning import make_plan
from vectormigrate.stores import registry
from vectormigrate.stores.base import Endpoint, Range, Store

OUT = Path(__file__).parent / "out"
RECORDS, BATCH, ROUNDS = 20_000, 1_000, 5


class Clock:
    """Adds up processor time by step; `best` keeps the least of each over the rounds."""

    def __init__(self) -> None:
        self.best: dict[str, float] = {}
        self._round: dict[str, float] = {}
        self._last = 0.0

    def start(self) -> None:
        self._last = _used()

    def stop(self, step: str) -> None:
        now = _used()
        self._round[step] = self._round.get(step, 0.0) + now - self._last
        self._last = now

    def end_round(self) -> None:
        for step, seconds in self._round.items():
            each = seconds / RECORDS * 1e6
            self.best[step] = min(each, self.best.get(step, each))
        self._round = {}


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def pair(source: Store, target: Store, name: str) -> dict[str, float]:
    """Copy and compare the source, one step after the other."""
    settle_in()
    clock = Clock()
    await source.info()
    await target.info()
    shape = await source.describe("source_docs")
    plan = make_plan(shape, target.capabilities, name)
    translate, compare = Translator(plan, target.capabilities), Comparer(plan, shape)
    for _ in range(ROUNDS):
        await target.drop(name)
        await target.create(plan.target)
        clock.start()
        pages = [page.batch async for page in source.scan("source_docs", Range(), limit=BATCH)]
        clock.stop("read the source")
        ours = [translate(page).batch for page in pages]
        clock.stop("translate")
        for batch in ours:
            await target.upsert(name, batch, fresh=True)
        clock.stop("write the target")
        theirs: list[Batch] = [page.batch async for page in target.scan(name, Range(), limit=BATCH)]
        clock.stop("read the target")
        for one, other in zip(ours, theirs, strict=True):
            assert compare(one, other).mismatched == 0
            digest(one.ids)
        clock.stop("compare")
        clock.end_round()
    await target.drop(name)
    return {step: round(each, 2) for step, each in clock.best.items()}


async def main() -> None:
    """Both ways between SQLite and Postgres."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--label", default="", help="what the file says of this version")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vectormigrate-profile-")))
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "postgres")
        postgres.start()
        stack.callback(postgres.stop)
        urls = {"sqlite": str(folder / "source.db"), "pgvector": postgres.dsn}
        targets = {**urls, "sqlite": str(folder / "target.db")}
        found: dict[str, dict[str, float]] = {}
        for kind, url in urls.items():
            floor("seed", kind, url, "source_docs", RECORDS, 0)
        for source, target in (("sqlite", "pgvector"), ("pgvector", "sqlite")):
            async with (
                registry.open_store(Endpoint(source, urls[source])) as left,
                registry.open_store(Endpoint(target, targets[target])) as right,
            ):
                steps = found[f"{source} -> {target}"] = await pair(left, right, "copied")
            for step, each in steps.items():
                print(f"{source + ' -> ' + target:<20}{step:<20}{each:>8.2f}", flush=True)
    OUT.mkdir(exist_ok=True)
    stamp = datetime.now(UTC)
    path = OUT / f"profile-{stamp:%Y%m%dT%H%M%S}.json"
    document = {
        "at": stamp.isoformat(),
        "label": asked.label,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "records": RECORDS,
        "batch": BATCH,
        "microseconds_of_processor_time_a_record": found,
    }
    path.write_text(json.dumps(document, indent=2))
    print(f"written to {path}")


if __name__ == "__main__":
    asyncio.run(main())
