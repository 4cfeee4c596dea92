"""`make bench`: 100,000 x 768 float32 with payload over each pair, against the raw floors; prints a table, writes JSON.

For each pair: seconds of the copy (from the first lease to the last acknowledged write) and of the whole process, over
`max(read floor, write floor)`; the peak memory of any process; the full scan's rate over the rate at which both sides
can be read at once. Worker processes start with the command: loading their modules counts in the whole process alone.
Every one of `--rounds` measures floors and program one behind the other, and the table shows the medians, for a machine
that others use is half as fast from one minute to the next.
`--records 1000000 --pairs sqlite:pgvector,pgvector:sqlite --apart --rounds 1` for a million: each pair over stores of its own, which
are deleted behind it, so that the disk holds one pair and the page cache is not full of another's files.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from integration.bench.measure import floor, phase_seconds, program, start_floor, warm
from tests.fakes.milvus import LiteServer
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

KINDS = ("sqlite", "pgvector", "milvus")
OUT = Path(__file__).parent / "out"


@dataclass(frozen=True, slots=True)
class Figures:
    """One pair, in one round or in the median of several."""

    source: str
    target: str
    records: int
    batch: int
    read_floor: float
    write_floor: float
    copy: float
    copy_ratio: float
    whole: float
    whole_ratio: float
    peak_mb: float
    both_read_floor: float
    full_scan: float
    full_scan_rate_share: float
    """Rate of the full scan over the rate at which both sides can be read at once."""
    validate_peak_mb: float
    clean: bool


class Bench:
    """The stores of one run."""

    def __init__(self, stack: ExitStack, records: int, batch: int, kinds: set[str]) -> None:
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vectormigrate-bench-")))
        self.folder.chmod(0o755)
        self.records = records
        self.batch = batch
        self.urls = {"sqlite": str(self.folder / "source.db")}
        if "pgvector" in kinds:
            settings = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}
            # What a pair left behind is not vacuumed while the next is timed.
            settings["autovacuum"] = "off"
            postgres = EmbeddedPostgres(self.folder / "postgres", settings=settings)
            postgres.start()
            stack.callback(postgres.stop)
            self.urls["pgvector"] = postgres.dsn
        if "milvus" in kinds:
            server = LiteServer(self.folder / "milvus").start()
            stack.callback(server.stop)
            self.urls["milvus"] = server.url
        self.number = 0

    def seed(self, kind: str) -> None:
        """Fill the source of a kind, and read it once, so that no round is the first to do that."""
        floor("seed", kind, self.urls[kind], "source_docs", self.records, 0)
        floor("read", kind, self.urls[kind], "source_docs", 0, 0)

    def round(self, source: str, target: str) -> Figures:
        """Everything about one pair, once."""
        self.number += 1
        name, state = f"bench{self.number}", self.folder / f"state{self.number}.db"
        target_url = str(self.folder / f"target{self.number}.db") if target == "sqlite" else self.urls[target]
        sides = [
            *("--source-type", source, "--source-url", self.urls[source], "--source-index", "source_docs"),
            *("--target-type", target, "--target-url", target_url, "--target-index", f"target{self.number}"),
        ]
        warm(self.records)
        read_floor = floor("read", source, self.urls[source], "source_docs", 0, 0)
        warm(self.records)
        run = program(
            *("migrate", name, *sides, "--batch-size", str(self.batch), "--validate-every", "0"), state=state
        )
        copy = phase_seconds(state, name, "backfill")
        # Whoever is the first to read rows that were just written notes in them that they are visible.
        floor("read", target, target_url, f"target{self.number}", 0, 0)
        warm(self.records)
        scan = program("validate", name, "--full", state=state)
        warm(self.records)
        waits = [
            start_floor("read", source, self.urls[source], "source_docs", 0, 0),
            start_floor("read", target, target_url, f"target{self.number}", 0, 0),
        ]
        both = max(wait() for wait in waits)
        program("rollback", name, "--force", state=state)
        write_floor = self.write_floor(source, target, target_url, sides)
        limit = max(read_floor, write_floor)
        seconds = float(scan.document["seconds"])
        return Figures(
            source,
            target,
            self.records,
            self.batch,
            read_floor,
            write_floor,
            copy,
            copy / limit,
            run.wall,
            run.wall / limit,
            run.peak_mb,
            both,
            seconds,
            both / seconds,
            scan.peak_mb,
            bool(scan.document["ok"]),
        )

    def write_floor(self, source: str, target: str, target_url: str, sides: list[str]) -> float:
        """The raw write into a collection as our store makes it: a migration of nothing leaves one behind."""
        state = self.folder / f"empty{self.number}.db"
        empty = f"empty{self.number}"
        floor("seed", source, self.urls[source], empty, 0, 0)
        changed = [
            empty
            if word == "source_docs"
            else f"floor{self.number}"
            if word.startswith("target") and word[6:].isdigit()
            else word
            for word in sides
        ]
        program("migrate", "empty", *changed, state=state)
        return floor("write", target, target_url, f"floor{self.number}", self.records, self.batch)


def typical(rounds: Sequence[Figures]) -> Figures:
    """Medians; what is a ratio is one of them over another, what is a peak the highest."""
    values = {
        field.name: median(getattr(one, field.name) for one in rounds)
        for field in fields(Figures)
        if field.type == "float"
    }
    limit = max(values["read_floor"], values["write_floor"])
    values |= {
        "copy_ratio": values["copy"] / limit,
        "whole_ratio": values["whole"] / limit,
        "full_scan_rate_share": values["both_read_floor"] / values["full_scan"],
        "peak_mb": max(one.peak_mb for one in rounds),
        "validate_peak_mb": max(one.validate_peak_mb for one in rounds),
    }
    return replace(rounds[0], **values, clean=all(one.clean for one in rounds))


def measured(pairs: list[tuple[str, ...]], records: int, batch: int, rounds: int) -> list[list[Figures]]:
    """The rounds of some pairs, a line of the table each, over stores that are made for them and deleted."""
    figures: list[list[Figures]] = []
    with ExitStack() as stack:
        bench = Bench(stack, records, batch, {kind for pair in pairs for kind in pair})
        for kind in dict.fromkeys(source for source, _ in pairs):
            bench.seed(kind)
        for source, target in pairs:
            figures.append([bench.round(source, target) for _ in range(rounds)])
            one = typical(figures[-1])
            print(
                f"{source + ' -> ' + target:<20}{one.read_floor:>8.2f}{one.write_floor:>8.2f}{one.copy:>8.2f}"
                f"{one.copy_ratio:>7.2f}{one.whole:>8.2f}{one.whole_ratio:>7.2f}{one.peak_mb:>6.0f}"
                f"{one.full_scan_rate_share:>12.2f}{one.validate_peak_mb:>6.0f}{'' if one.clean else '  NOT CLEAN'}",
                flush=True,
            )
    return figures


def main() -> None:
    """Run the pairs that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=1000)
    parser.add_argument("--pairs", default="", help="source:target,... (all by default)")
    parser.add_argument("--apart", action="store_true", help="each pair over stores of its own")
    parser.add_argument("--rounds", type=int, default=3, help="of each pair; the table shows medians")
    asked = parser.parse_args()
    pairs = [tuple(pair.split(":")) for pair in asked.pairs.split(",") if pair] or [
        (source, target) for source in KINDS for target in KINDS if source != target
    ]
    figures: list[list[Figures]] = []
    load = os.getloadavg()[0]
    print(
        f"{'pair':<20}{'read':>8}{'write':>8}{'copy':>8}{'ratio':>7}{'whole':>8}{'ratio':>7}{'MB':>6}{'scan share':>12}{'MB':>6}"
    )
    for group in [[pair] for pair in pairs] if asked.apart else [pairs]:
        figures += measured(group, asked.records, asked.batch_size, asked.rounds)
    OUT.mkdir(exist_ok=True)
    stamp = datetime.now(UTC)
    path = OUT / f"bench-{stamp:%Y%m%dT%H%M%S}.json"
    document = {
        "at": stamp.isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load_average_before": load,
        "pairs": [asdict(typical(rounds)) for rounds in figures],
        "rounds": [asdict(one) for rounds in figures for one in rounds],
    }
    path.write_text(json.dumps(document, indent=2))
    print(f"written to {path}")


if __name__ == "__main__":
    main()
