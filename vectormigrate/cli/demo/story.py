"""The demonstration's story: SQLite to pgvector to Milvus Lite, killed and resumed on the way, a live collection there and
back, then all of it rolled back.

Everything is done by the commands a user has, each in a process of its own, and what they claim is checked by the
vendors' own clients. Every number told was measured in this run. The surprise: the Milvus collection holds somebody
else's records before we come, some under ids of ours, because that is what a rollback has to get right.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.registry import open_store

from . import dataset
from .live import LiveStory
from .outcome import Leg, Outcome, Undone
from .postgres import EmbeddedPostgres
from .process import PATIENCE, CommandLine, StepFailed, kill
from .telling import Teller
from .witness import KEY, Request, Rows, vector_digest

COLLECTION = "synsets"
RATE = 1500
"""Records a second of a copy, so slow that a kill lands in the middle of it."""
BATCH = "250"
TRIES = 3
CLIENTS = {"pgvector": "psycopg", "milvus": "pymilvus"}
FOREIGN, TAKEN = 25, 5
"""Somebody else's records in the target, and how many of them have ids that the source has too."""


@dataclass(frozen=True, slots=True)
class Side:
    """One store of the story."""

    kind: Literal["sqlite", "pgvector", "milvus"]
    name: str
    url: str


@dataclass(slots=True)
class _Run:
    """One telling of the story."""

    command: CommandLine
    tell: Teller
    reports: Path
    records: Batch
    outcome: Outcome = field(default_factory=Outcome)


async def run(directory: Path, tell: Teller, *, keep: bool = False) -> Outcome:
    """Tell the story; the reports go into the directory. Cancel it at any time: nothing stays behind."""
    began = time.monotonic()
    async with _workplace(keep, tell) as work:
        records = dataset.load()
        story = _Run(CommandLine(work), tell, directory, records)
        tell.title(
            f"{len(records):,} WordNet synsets with {dataset.DIM}-dimensional sentence vectors, in SQLite"
        )
        tell.did(
            f"{len(dataset.shape('').fields)} fields each: text in 12 languages, 64-bit integers, decimals, dates,"
        )
        tell.did("booleans, lists, nested objects, bytes and nulls")
        try:
            await _all_legs(story, work, keep)
        except* StepFailed as failed:
            story.outcome.problems += _messages(failed)
    story.outcome.seconds = time.monotonic() - began
    return story.outcome


def _messages(failed: BaseExceptionGroup[StepFailed]) -> list[str]:
    """What went wrong, out of groups inside groups."""
    told: list[str] = []
    for error in failed.exceptions:
        told += _messages(error) if isinstance(error, BaseExceptionGroup) else [error.message]
    return told


async def _all_legs(story: _Run, work: Path, keep: bool) -> None:
    source = Side("sqlite", "SQLite", str(work / "source.db"))
    await _fill(source, story.records)
    with _postgres(work, keep) as server:
        middle = Side("pgvector", "PostgreSQL with pgvector", server.dsn)
        target = Side("milvus", "Milvus Lite", str(work / "milvus.db"))
        async with asyncio.TaskGroup() as tasks:
            preparing = tasks.create_task(_prepare(story, target), name="somebody else's records")
            await _leg(story, 1, source, middle, {})
        others = preparing.result()
        last = await _leg(story, 2, middle, target, others)
        story.outcome.live = await LiveStory(work / "live", server.dsn, story.tell).run()
        await _undo(story, last, target, others)


async def _prepare(story: _Run, target: Side) -> Rows:
    """Somebody else's records, put into the target by its own client."""
    return await story.command.witness(_asked(target, add=_foreign(story.records)))


async def _fill(side: Side, records: Batch) -> None:
    async with open_store(Endpoint(side.kind, side.url)) as store:
        await store.create(dataset.shape(COLLECTION))
        for start in range(0, len(records), 1000):
            await store.upsert(COLLECTION, records.slice(start, start + 1000), fresh=True)
        await store.finish_load(dataset.shape(COLLECTION))


async def _leg(story: _Run, number: int, source: Side, target: Side, others: Rows) -> str:
    """One migration from start to proof; returns its id."""
    began = time.monotonic()
    tell, command = story.tell, story.command
    tell.title(f"{number}. {source.name} to {target.name}")
    if others:
        tell.did(
            f"the target holds {len(others)} records of somebody else, {TAKEN} of them under ids of ours"
        )
    migration, killed = await _killed_midway(story, number, source, target, bool(others))
    tell.did(f"killed (SIGKILL) with {killed:,} of {len(story.records):,} records copied")
    status = await _resume(story, migration)
    tell.did(f"resumed and finished in phase {status['phase']}: {status['copied']:,} acknowledged")

    proof = await command.answer("validate", migration, "--full", accept=(0, 3))
    page = story.reports / f"vectormigrate-demo-{number}.html"
    tell.did(
        f"validated all {proof['compared']:,}: {proof['missing']} missing, {proof['extra']} extra, "
        f"{proof['mismatched']} differing, lowest cosine {proof['min_cosine']}"
    )
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(command.witness(_asked(target)), name="witness")
        await command.answer("report", migration, "--html", str(page), accept=(0, 3))
    copied = _compare(story, target, looking.result(), others)
    tell.did(f"report: {page}")
    story.outcome.legs.append(
        Leg(
            source.kind,
            target.kind,
            records=proof["source_count"],
            copied=copied,
            resumed_after_kill=0 < killed < len(story.records) and copied == len(story.records),
            missing=proof["missing"],
            extra=proof["extra"],
            mismatched=proof["mismatched"],
            min_cosine=proof["min_cosine"],
            seconds=round(time.monotonic() - began, 2),
        )
    )
    return migration


async def _killed_midway(
    story: _Run, number: int, source: Side, target: Side, overwrite: bool
) -> tuple[str, int]:
    """Start the migration and kill it half done; returns its id and the records that had been copied."""
    total = len(story.records)
    for attempt in range(TRIES):
        migration = f"demo-{number}" if attempt == 0 else f"demo-{number}-again-{attempt}"
        words = ("migrate", migration, *_flags("source", source), *_flags("target", target))
        words += (
            "--batch-size",
            BATCH,
            "--max-rate",
            f"{RATE / 2**attempt:g}",
            *(("--existing", "overwrite") if overwrite else ()),
        )
        async with story.command.running(*words) as process:
            was_running = await _until_copying(story, migration, process)
            kill(process)
            out, err = await process.communicate()
        if not was_running:
            story.command.settle(words, process.returncode, out, err)
        copied = (await story.command.answer("status", migration, accept=(0, 2))).get("copied", 0)
        if was_running and 0 < copied < total:
            return migration, copied
        story.tell.did(f"the kill came with {copied:,} of {total:,} copied: once more, slower")
        await story.command.answer("rollback", migration, "--force")
    raise StepFailed(f"the kill never landed in the middle of the copy, in {TRIES} attempts")


async def _until_copying(story: _Run, migration: str, process: asyncio.subprocess.Process) -> bool:
    """Wait until a third is copied; False when the command ended before."""
    while process.returncode is None:
        if _copied(story, migration) >= len(story.records) // 3:
            break
        await asyncio.sleep(PATIENCE)
    return process.returncode is None


def _copied(story: _Run, migration: str) -> int:
    """Records that a migration has copied by now, shown to whoever watches."""
    copied = story.command.copied(migration)
    story.tell.progress("copying", copied, len(story.records))
    return copied


async def _resume(story: _Run, migration: str) -> dict[str, Any]:
    return await story.command.answer("resume", migration, meanwhile=lambda: _copied(story, migration))


def _compare(story: _Run, target: Side, rows: Rows, others: Rows) -> int:
    """Hold what the target's own client read against the data set; returns how many rows of ours it read."""
    column = story.records.vectors[dataset.VECTOR]
    assert isinstance(column, DenseColumn)
    ours = {
        record_id: vector_digest(vector)
        for record_id, vector in zip(story.records.ids, column.values, strict=True)
    }
    found = [record_id for record_id in ours if record_id in rows]
    changed = sum(rows[str(record_id)].vector != ours[record_id] for record_id in found)
    unknown = len(rows.keys() - ours.keys() - others.keys())
    client = CLIENTS[target.kind]
    story.tell.did(
        f"{client} itself reads {len(found):,} of our records, {len(found) - changed:,} vectors equal bit for bit"
    )
    if changed or unknown:
        story.outcome.problems.append(f"{client} reads {changed} other vectors and {unknown} unknown records")
    return len(found)


async def _undo(story: _Run, migration: str, target: Side, others: Rows) -> None:
    story.tell.title(f"4. Rollback of {target.name}")
    report = await story.command.answer("rollback", migration, "--force")
    rows = await story.command.witness(_asked(target))
    left = sum(record_id in rows and record_id not in others for record_id in story.records.ids)
    changed = sum(rows.get(record_id) != row for record_id, row in others.items())
    story.tell.did(
        f"{report['deleted']:,} records deleted, {report['restored']} put back as they were before we came"
    )
    story.tell.did(
        f"{CLIENTS[target.kind]} itself reads {left} of ours, and {len(others)} of somebody else, {changed} changed"
    )
    story.outcome.rollback = Undone(left, changed)
    if report["left"] != left:
        story.outcome.problems.append(f"the rollback said that {report['left']} are left")


def _asked(side: Side, add: list[dict[str, Any]] | None = None) -> Request:
    assert side.kind != "sqlite"
    return Request(kind=side.kind, url=side.url, collection=COLLECTION, add=add or [])


def _foreign(records: Batch) -> list[dict[str, Any]]:
    """Somebody else's records, the first few under ids that ours have too."""
    column = records.vectors[dataset.VECTOR]
    assert isinstance(column, DenseColumn)
    return [
        {
            KEY: records.ids[100 * number] if number < TAKEN else f"note-{number:02d}",
            dataset.VECTOR: column.values[-1 - number].tolist(),
            "text": f"note {number} of another application, \N{LATIN SMALL LETTER E WITH ACUTE}crite avant",
            "rank": number,
            "pinned": number % 2 == 0,
            "tags": {"kind": "note", "of": [number, None]},
        }
        for number in range(FOREIGN)
    ]


def _flags(side: str, store: Side) -> tuple[str, ...]:
    return (f"--{side}-type", store.kind, f"--{side}-url", store.url, f"--{side}-index", COLLECTION)


@asynccontextmanager
async def _workplace(keep: bool, tell: Teller) -> AsyncIterator[Path]:
    """A directory for the stores and the state file."""
    work = Path(tempfile.mkdtemp(prefix="vectormigrate-demo-"))
    try:
        yield work
    finally:
        if keep:
            tell.title(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _postgres(work: Path, keep: bool) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(work / "postgres").start()
    try:
        yield server
    finally:
        server.stop()
        if not keep:
            server.remove()
